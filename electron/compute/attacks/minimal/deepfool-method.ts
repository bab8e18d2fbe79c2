import * as tf from '@tensorflow/tfjs-core';
import { prepareStep } from '../../engines/step.ts';
import { networkSpec, weightList } from '../../models/network.ts';
import { imageTensor } from '../base/batch.ts';
import { strongestOthers } from './class-planes.ts';
import { DEEPFOOL, DEEPFOOL_WIDTH } from './deepfool-steps.ts';
import { gatherRows, imageSize } from '../base/examples.ts';
import type { Subject } from '../base/examples.ts';
import type { Method } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';
import { runPool, strideOf } from '../base/pool.ts';
import type { PoolState, PoolTask } from '../base/pool.ts';
import type { AttackSteps } from '../ascent/steps.ts';

/** Steps onto the nearest linearised decision boundary until the label is lost. */
export interface DeepFoolPlan extends AttackPlan {
  readonly norm: 'linf' | 'l2';
  readonly steps: number;
  /** Classes looked at, the label among them. */
  readonly candidates: number;
  /** How much farther than onto the boundary the sum of all steps goes, as a share of it. */
  readonly overshoot: number;
}

export const DEEPFOOL_FAMILY = defineFamily<DeepFoolPlan>({
  name: 'deepfool',
  unit: 'gradients',
  minimal: true,
  targeted: false,
  access: () => 'gradients',
  work: ({ steps, candidates }) => steps * (candidates - 1),
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) => more.steps >= less.steps && more.candidates >= less.candidates,
  create: createDeepFool,
});

/** Iterations of one call at most: broken examples are looked for between calls. */
const LONGEST_STRIDE = 2;

function createDeepFool(steps: AttackSteps, subject: Subject, options: AttackOptions<DeepFoolPlan>): Method {
  const { network, weights } = subject;
  const { examples, plan } = options;
  const { norm, overshoot } = plan;
  const others = Math.min(plan.candidates, network.classes) - 1;
  const length = plan.steps + 1; // The last iterate is judged too.
  const stride = strideOf(length, LONGEST_STRIDE);
  const parameters = { network: networkSpec(network), norm, steps: plan.steps, overshoot, iterations: stride };
  const step = prepareStep(DEEPFOOL, parameters);
  const task: PoolTask = {
    length,
    stride,
    width: DEEPFOOL_WIDTH,
    open(rows) {
      const clean = imageTensor(gatherRows(examples.images, rows, imageSize(examples.shape)), examples.shape);
      const labels = tf.tensor1d(
        rows.map((row) => examples.labels[row] ?? 0),
        'int32',
      );
      const none = tf.zeros([rows.length]);
      return {
        state: [clean, tf.fill([rows.length], -1), none, tf.zerosLike(clean), none],
        constants: [clean, labels, strongestOthers(steps.logits(weights, clean), labels, others)],
      };
    },
    advance: (state, constants) =>
      step.run(...state, ...constants, ...weightList(network, weights)) as unknown as PoolState,
  };
  return {
    run: (rows, _, onWork) =>
      runPool(task, rows, options, (done, left) => onWork(done * others, Math.max(0, left * others))),
    notes: () => (step.note === null ? [] : [step.note]),
    dispose: () => step.dispose(),
  };
}
