import * as tf from '@tensorflow/tfjs-core';
import type { CompiledStep } from '../../engines/compile.ts';
import { prepareStep } from '../../engines/step.ts';
import { networkSpec, weightList } from '../../models/network.ts';
import { imageTensor } from '../base/batch.ts';
import type { SearchRule } from './constant-search.ts';
import { CW, CW_STATE, cwStart } from './cw-steps.ts';
import { gatherRows, imageSize } from '../base/examples.ts';
import type { Subject } from '../base/examples.ts';
import type { Method } from '../method.ts';
import { uncode } from './minimal.ts';
import type { AttackOptions } from '../options.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';
import { runPool, strideOf } from '../base/pool.ts';
import type { PoolState, PoolTask } from '../base/pool.ts';

/** An optimiser of a loss whose constant c is searched for. */
export interface SearchPlan extends AttackPlan, SearchRule {
  /** The first c. */
  readonly initial: number;
}

/** Carlini & Wagner's attack in L2. */
export interface CwPlan extends SearchPlan {
  readonly norm: 'l2';
}

export const CW_FAMILY = defineFamily<CwPlan>({
  name: 'cw',
  unit: 'gradients',
  minimal: true,
  targeted: true,
  access: () => 'gradients',
  work: ({ searches, steps }) => searches * steps,
  stopsAtSuccess: () => true,
  isAtLeast: searchesAtLeast,
  create(_, subject, options) {
    const { searches, steps, rate, confidence, abortEarly, initial } = options.plan;
    const rule = { searches, steps, rate, confidence, abortEarly };
    return createSearch(subject, options, CW_STATE, (goal, iterations) => ({
      step: prepareStep(CW, { network: networkSpec(subject.network), ...rule, goal, iterations }),
      start: (clean) => cwStart(clean, initial),
    }));
  },
});

/** Whether one search does all that another one does. */
export function searchesAtLeast(more: SearchPlan, less: SearchPlan): boolean {
  return (
    more.searches >= less.searches &&
    more.steps >= less.steps &&
    more.rate === less.rate &&
    more.confidence === less.confidence &&
    more.initial === less.initial &&
    (less.abortEarly || !more.abortEarly)
  );
}

/** Iterations of one call at most: rows that are done are looked for between calls. */
const LONGEST_STRIDE = 10;

/** @param open the step, of so many iterations and perhaps towards targets, and the state of rows at x. */
export function createSearch<N extends string>(
  { network, weights }: Subject,
  options: AttackOptions<SearchPlan>,
  names: readonly N[],
  open: (
    goal: boolean,
    iterations: number,
  ) => { readonly step: CompiledStep; readonly start: (clean: tf.Tensor) => Readonly<Record<N, tf.Tensor>> },
): Method {
  const { examples, plan, targets } = options;
  const length = plan.searches * plan.steps;
  const stride = strideOf(length, LONGEST_STRIDE);
  const { step, start } = open(targets !== undefined, stride);
  const classes = targets ?? examples.labels;
  const task: PoolTask = {
    length,
    stride,
    width: names.length,
    open(rows) {
      const clean = imageTensor(gatherRows(examples.images, rows, imageSize(examples.shape)), examples.shape);
      const state = start(clean);
      const aims = rows.map((row) => classes[row] ?? 0);
      return {
        state: names.map((name) => state[name]) as unknown as PoolState,
        constants: [clean, tf.tensor1d(aims, 'int32')],
      };
    },
    advance: (state, constants) =>
      step.run(...state, ...constants, ...weightList(network, weights)) as unknown as PoolState,
  };
  return {
    async *run(rows, _, onWork) {
      for await (const found of runPool(task, rows, options, onWork)) yield uncode(found);
    },
    notes: () => (step.note === null ? [] : [step.note]),
    dispose: () => step.dispose(),
  };
}
