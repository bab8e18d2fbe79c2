import * as tf from '@tensorflow/tfjs-core';
import { prepareStep } from '../../engines/step.ts';
import { networkSpec, weightList } from '../../models/network.ts';
import { stream } from '../../random/stream.ts';
import { imageTensor } from '../base/batch.ts';
import { measurePerturbation } from '../base/budget.ts';
import type { Norm } from '../base/budget.ts';
import { strongestOthers } from './class-planes.ts';
import { gatherRows, imageSize } from '../base/examples.ts';
import type { Examples, Subject } from '../base/examples.ts';
import { FAB, FAB_WIDTH, NO_DISTANCE } from './fab-steps.ts';
import type { Found, Method } from '../method.ts';
import { bestOfRuns, uncode } from './minimal.ts';
import type { AttackOptions } from '../options.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';
import { runPool, strideOf } from '../base/pool.ts';
import type { PoolState, PoolTask } from '../base/pool.ts';
import type { AttackSteps } from '../ascent/steps.ts';

/** Fast adaptive boundary attack: the smallest perturbation, found along the decision boundary. */
export interface FabPlan extends AttackPlan {
  readonly steps: number;
  /** 0: every step looks at the nearest of the other classes; else so many classes are aimed at, one after the other. */
  readonly targets: number;
  /** Other classes that an untargeted step looks at. */
  readonly others: number;
  readonly alphaMax: number;
  readonly eta: number;
  readonly beta: number;
  /** Whether a class is aimed at even if another one has led to a success within ε. */
  readonly thorough: boolean;
}

export const FAB_FAMILY = defineFamily<FabPlan>({
  name: 'fab',
  unit: 'gradients',
  minimal: true,
  targeted: true,
  access: () => 'gradients',
  work: ({ steps, targets, others }) => steps * (targets > 0 ? targets : others),
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) =>
    more.steps >= less.steps &&
    more.targets > 0 === less.targets > 0 &&
    more.targets >= less.targets &&
    more.others >= less.others &&
    (more.thorough || !less.thorough),
  create: createFab,
});

/** Iterations of one call at most. */
const LONGEST_STRIDE = 5;

function createFab(steps: AttackSteps, subject: Subject, options: AttackOptions<FabPlan>): Method {
  const { network, weights } = subject;
  const { examples, plan, seed } = options;
  const { norm, alphaMax, eta, beta } = plan;
  const stride = strideOf(plan.steps, LONGEST_STRIDE);
  const rule = { norm, steps: plan.steps, alphaMax, eta, beta };
  const step = prepareStep(FAB, {
    network: networkSpec(network),
    ...rule,
    goal: options.targets !== undefined,
    iterations: stride,
  });
  const aimed = options.targets !== undefined || plan.targets > 0;
  const planes = aimed ? 1 : Math.min(plan.others, network.classes - 1);
  const targets = options.targets ? 1 : Math.min(plan.targets, network.classes - 1);

  /** The classes whose boundaries rows look for. @param target position among the strongest, of those aimed at */
  const classesOf = (rows: readonly number[], clean: tf.Tensor, labels: tf.Tensor, target: number): tf.Tensor => {
    const given = options.targets;
    if (given) {
      const chosen = rows.map((row) => given[row] ?? 0);
      return tf.tensor2d(chosen, [rows.length, 1], 'int32');
    }
    const strongest = strongestOthers(steps.logits(weights, clean), labels, aimed ? targets : planes);
    return aimed ? tf.slice(strongest, [0, target], [rows.length, 1]) : strongest;
  };

  const taskOf = (restart: number, target: number): PoolTask => ({
    length: plan.steps,
    stride,
    width: FAB_WIDTH,
    open(rows) {
      const images = gatherRows(examples.images, rows, imageSize(examples.shape));
      const clean = imageTensor(images, examples.shape);
      const labels = tf.tensor1d(
        rows.map((row) => examples.labels[row] ?? 0),
        'int32',
      );
      const fill = (value: number): tf.Tensor => tf.fill([rows.length], value);
      const start =
        restart === 0 ? clean : imageTensor(fabStart(examples, rows, plan, seed, restart, target), examples.shape);
      return {
        state: [clean, fill(-1), fill(0), start, fill(NO_DISTANCE), fill(-1), fill(0)],
        constants: [clean, labels, classesOf(rows, clean, labels, target)],
      };
    },
    advance: (state, constants) =>
      step.run(...state, ...constants, ...weightList(network, weights)) as unknown as PoolState,
  });

  const runOf = async function* (
    target: number,
    rows: readonly number[],
    restart: number,
    onWork: (done: number, left: number) => void,
  ): AsyncGenerator<Found> {
    const scaled = (done: number, left: number): void => onWork(done * planes, Math.max(0, left) * planes);
    for await (const found of runPool(taskOf(restart, target), rows, options, scaled)) yield uncode(found);
  };
  const isWithin = (row: number, image: Float32Array): boolean => {
    const size = imageSize(examples.shape);
    return measurePerturbation(examples.images, row * size, image, 0, size, plan).valid;
  };
  return {
    run: (rows, restart, onWork) =>
      aimed && targets > 1
        ? bestOfRuns(runOf, targets, rows, restart, options, plan.thorough ? () => false : isWithin, onWork)
        : runOf(0, rows, restart, onWork),
    notes: () => [
      ...(step.note === null ? [] : [step.note]),
      ...(!options.targets && targets < plan.targets
        ? [`FAB-T aimed at ${targets} classes in turn, all that this model has besides the label, not ${plan.targets}.`]
        : []),
    ],
    dispose: () => step.dispose(),
  };
}

/** Where restarts after the first one start: x plus random noise of norm ε / 2, cut to [0, 1]. */
export function fabStart(
  examples: Examples,
  rows: readonly number[],
  { norm, epsilon }: { readonly norm: Norm; readonly epsilon: number },
  seed: number,
  restart: number,
  target: number,
): Float32Array {
  const size = imageSize(examples.shape);
  const images = gatherRows(examples.images, rows, size);
  const noise = new Float32Array(size);
  rows.forEach((row, at) => {
    const random = stream(seed, 'fab', examples.indices[row] ?? 0, restart, target);
    if (norm === 'linf') random.fillUniform(noise, 0, size, -1, 1);
    else random.fillNormal(noise, 0, size);
    const ball = { norm, epsilon };
    const length = measurePerturbation(new Float32Array(size), 0, noise, 0, size, ball)[norm];
    for (let i = 0; i < size; i += 1) {
      const moved = (images[at * size + i] ?? 0) + ((noise[i] ?? 0) * epsilon) / (2 * length);
      images[at * size + i] = Math.min(1, Math.max(0, moved));
    }
  });
  return images;
}
