import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import { prepareStep } from '../engines/step.ts';
import type { LossName } from '../losses.ts';
import { networkSpec, weightList } from '../models/network.ts';
import { APGD, APGD_SCHEDULE, APGD_STATE, NO_LOSS } from './apgd-steps.ts';
import type { ApgdState } from './apgd-steps.ts';
import { startedBatch } from './batch.ts';
import type { Subject } from './examples.ts';
import type { Method } from './method.ts';
import type { AttackOptions } from './options.ts';
import { defineFamily } from './plan.ts';
import type { AttackPlan } from './plan.ts';
import { runPool, runTurns, strideOf } from './pool.ts';
import type { PoolState, PoolTask, Slot } from './pool.ts';

/** Auto-PGD: gradient ascent with momentum, whose step sizes halve by themselves. */
export interface ApgdPlan extends AttackPlan {
  readonly loss: Extract<LossName, 'cross-entropy' | 'dlr'>;
  readonly steps: number;
  /** α of the paper's eq. 1: weight of the new step against the last one's direction, in (0, 1]. */
  readonly momentum: number;
  /** ρ: a step size stays if at least this share of the steps since the last checkpoint raised the loss. */
  readonly rho: number;
}

export const APGD_FAMILY = defineFamily<ApgdPlan>({
  name: 'apgd',
  unit: 'gradients',
  minimal: false,
  targeted: false,
  access: () => 'gradients',
  work: ({ steps }) => steps,
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) => more.loss === less.loss && more.steps >= less.steps,
  create: (_, subject, options) => createApgd(subject, options),
});

/** Iterations of one call at most: broken examples are looked for between calls. */
const LONGEST_STRIDE = 8;

/**
 * Iterations at which step sizes are judged: ⌈p_j · steps⌉ with p₀ = 0, p₁ = 0.22,
 * p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06) (section 3 of the paper), counted in hundredths to be exact.
 */
export function apgdCheckpoints(steps: number): readonly number[] {
  const checkpoints: number[] = [];
  for (let [before, at] = [0, 22]; at < 100; [before, at] = [at, at + Math.max(at - before - 3, 6)]) {
    const checkpoint = Math.ceil((at * steps) / 100);
    if (checkpoint > (checkpoints.at(-1) ?? 0) && checkpoint < steps) checkpoints.push(checkpoint);
  }
  return checkpoints;
}

/** @throws AppError `invalid-input` if the loss is not defined for so few classes. */
export function createApgd(subject: Subject, options: AttackOptions<ApgdPlan>): Method {
  const { network, weights } = subject;
  const { examples, plan, seed } = options;
  if (plan.loss === 'dlr' && network.classes < 3) {
    throw new AppError(
      'invalid-input',
      `The DLR loss needs at least 3 classes, and this model has ${network.classes}. Choose the cross-entropy.`,
      { details: { field: 'loss', found: network.classes } },
    );
  }
  const length = plan.steps + 1; // The last iterate is judged too.
  const stride = strideOf(length, LONGEST_STRIDE);
  const step = prepareStep(APGD, { network: networkSpec(network), loss: plan.loss, iterations: stride });
  const turns = apgdTurns(plan);

  const taskOf = (restart: number): PoolTask => ({
    length,
    stride,
    width: APGD_STATE.length,
    open(rows) {
      const start = { epsilon: plan.epsilon, randomStart: true };
      const { iterate, constants } = startedBatch(examples, rows, start, seed, restart);
      const state = apgdStart(iterate, plan.epsilon);
      return {
        state: APGD_STATE.map((name) => state[name]) as unknown as PoolState,
        constants,
      };
    },
    advance(state, constants, slots) {
      const schedule = scheduleOf(turns, slots, stride, state[1].shape[0] ?? 0);
      try {
        return runTurns(step, state, schedule, [...constants, ...weightList(network, weights)]);
      } finally {
        schedule.dispose();
      }
    },
  });
  return {
    run: (rows, restart, onWork) => runPool(taskOf(restart), rows, options, onWork),
    notes: () => (step.note === null ? [] : [step.note]),
    dispose: () => step.dispose(),
  };
}

/** The state of rows that start at `iterate` [n, H, W, C]. Call inside a `tidy`. */
export function apgdStart(iterate: tf.Tensor, epsilon: number): ApgdState {
  const fill = (value: number): tf.Tensor => tf.fill([iterate.shape[0] ?? 0], value);
  return {
    best: iterate,
    first: fill(-1),
    nonFinite: fill(0),
    iterate,
    previous: iterate,
    bestDirection: tf.zerosLike(iterate),
    bestLoss: fill(-NO_LOSS),
    checkedLoss: fill(-NO_LOSS),
    lastLoss: fill(NO_LOSS),
    stepSize: fill(2 * epsilon),
    rises: fill(0),
    halvedLast: fill(1),
  };
}

/** What happens at each iterate 0 … steps, in the order of {@link APGD_SCHEDULE}. */
export function apgdTurns({ steps, momentum, rho }: ApgdPlan): readonly (readonly number[])[] {
  const checkpoints = apgdCheckpoints(steps);
  return Array.from({ length: steps + 1 }, (_, index) => {
    const position = checkpoints.indexOf(index);
    const since = index - (checkpoints[position - 1] ?? 0);
    const turn: Readonly<Record<(typeof APGD_SCHEDULE)[number], number>> = {
      index,
      checkpoint: position < 0 ? 0 : 1,
      threshold: position < 0 ? -1 : since * rho,
      weight: index === 0 ? 1 : momentum,
      move: index < steps ? 1 : 0,
    };
    return APGD_SCHEDULE.map((name) => turn[name]);
  });
}

/** [size, stride, columns]: each slot's next turns; nothing happens after the last one, and in rows without a slot. */
function scheduleOf(
  turns: readonly (readonly number[])[],
  slots: readonly Slot[],
  stride: number,
  size: number,
): tf.Tensor {
  const columns = APGD_SCHEDULE.length;
  const idle = APGD_SCHEDULE.map((name) => (name === 'index' ? -1 : 0));
  const schedule = new Float32Array(size * stride * columns);
  for (let at = 0; at < size; at += 1) {
    const done = slots[at]?.done ?? turns.length;
    for (let turn = 0; turn < stride; turn += 1) {
      schedule.set(turns[done + turn] ?? idle, (at * stride + turn) * columns);
    }
  }
  return tf.tensor3d(schedule, [size, stride, columns]);
}
