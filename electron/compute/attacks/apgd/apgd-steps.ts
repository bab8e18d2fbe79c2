import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../../engines/compile.ts';
import type { Inputs, StepDefinition, StepLayout } from '../../engines/step.ts';
import { networkOf, weightsFromList } from '../../models/network.ts';
import type { NetworkSpec } from '../../models/network.ts';
import { isTargeted, lookAt } from './apgd-loss.ts';
import type { ApgdLook, ApgdView } from './apgd-loss.ts';
import type { Norm } from '../base/budget.ts';
import { moveInReach, steepest } from '../base/norms.ts';
import type { Reach } from '../base/norms.ts';
import { nextTurn } from '../base/pool-steps.ts';
import { choose } from '../base/row-masks.ts';

export interface ApgdParameters extends ApgdView {
  readonly network: NetworkSpec;
  readonly norm: Exclude<Norm, 'l1'>;
  /** Iterations of one call. */
  readonly iterations: number;
}

/**
 * What a row carries. Images [n, H, W, C]: best, iterate, the iterate before it, and the direction of ascent at the best. The others [n]: see `PoolState`; best loss, best loss at the last checkpoint, last loss, step size, rises of the
 * loss since the last checkpoint, and whether that one halved the step size.
 */
export const APGD_STATE = [
  'best',
  'first',
  'nonFinite',
  'iterate',
  'previous',
  'bestDirection',
  'bestLoss',
  'checkedLoss',
  'lastLoss',
  'stepSize',
  'rises',
  'halvedLast',
] as const;
export type ApgdState = Readonly<Record<(typeof APGD_STATE)[number], tf.Tensor>>;

/** What the schedule says of each row and iteration. */
export const APGD_SCHEDULE = [
  /** Index of the iterate that is evaluated, −1 for a row at its end. */
  'index',
  /** 1 at a checkpoint. */
  'checkpoint',
  /** At a checkpoint: the step size halves with at most so many rises. */
  'threshold',
  /** Weight of the new step; the rest is the last one's direction. */
  'weight',
  /** 1 if another iterate follows. */
  'move',
] as const;
export type ApgdTurn = Readonly<Record<(typeof APGD_SCHEDULE)[number], tf.Tensor>>;

/**
 * State, schedule [n, iterations, APGD_SCHEDULE.length], reach (two tensors), labels, targets if the loss has them,
 * weights → state, schedule.
 */
export const APGD: StepDefinition<ApgdParameters> = {
  name: 'attack-apgd',
  build({ network: spec, norm, iterations, ...view }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const old = named(APGD_STATE, inputs);
      const [schedule, one, other, labels, ...rest] = inputs.slice(APGD_STATE.length) as Inputs<4>;
      const { targets, list } = targetsAndWeights(view, rest);
      const weights = weightsFromList(network, list);
      const images = old.iterate as tf.Tensor4D;
      const look = lookAt(network, weights, images, view, labels as tf.Tensor1D, targets);
      const found: ApgdEvaluation = { ...look, direction: steepest(norm, look.gradient) };
      const next = apgdIteration(old, named(APGD_SCHEDULE, firstTurn(schedule)), found, [one, other], norm);
      return [...APGD_STATE.map((name) => next[name]), nextTurn(schedule)];
    }, iterations);
  },
  layout: (view) => rowsLayout(APGD_STATE.length, 4, view),
  describe: ({ network, norm, loss, iterations }) => `${network.architecture} APGD ${norm} ${loss} × ${iterations}`,
};

/** `direction` [n, H, W, C] is of unit norm, or 0. */
export interface ApgdEvaluation extends Omit<ApgdLook, 'gradient'> {
  readonly direction: tf.Tensor;
}

/** One iteration of algorithm 1: judge the iterate, at a checkpoint perhaps halve the step and go back to the best, move. */
export function apgdIteration(
  old: ApgdState,
  turn: ApgdTurn,
  found: ApgdEvaluation,
  reach: Reach,
  norm: ApgdParameters['norm'],
): ApgdState {
  const open = flag(tf.logicalAnd(tf.less(old.first, 0), tf.greaterEqual(turn.index, 0)));
  const broken = tf.mul(open, found.wrong);
  const improved = tf.mul(open, flag(tf.greater(found.loss, old.bestLoss)));
  const best = choose(tf.maximum(improved, broken), old.iterate, old.best);
  const bestDirection = choose(improved, found.direction, old.bestDirection);
  const bestLoss = choose(improved, found.loss, old.bestLoss);
  const rises = tf.add(old.rises, flag(tf.greater(found.loss, old.lastLoss)));

  const few = flag(tf.lessEqual(rises, turn.threshold));
  const stuck = tf.mul(tf.sub(1, old.halvedLast), flag(tf.greaterEqual(old.checkedLoss, bestLoss)));
  const halve = tf.mul(turn.checkpoint, tf.maximum(few, stuck));
  const stepSize = tf.mul(old.stepSize, tf.sub(1, tf.mul(halve, 0.5)));

  const from = choose(halve, best, old.iterate);
  const direction = choose(halve, bestDirection, found.direction);
  const stepped = moveInReach(norm, from, tf.mul(perRow(stepSize), direction), reach);
  const weight = perRow(turn.weight);
  const drift = tf.mul(tf.sub(1, weight), tf.sub(from, old.previous));
  const next = moveInReach(norm, from, tf.add(tf.mul(weight, tf.sub(stepped, from)), drift), reach);
  const moves = tf.mul(turn.move, tf.sub(open, broken));
  return {
    best,
    first: choose(broken, turn.index, old.first),
    nonFinite: tf.add(old.nonFinite, tf.mul(open, found.notFinite)),
    iterate: choose(moves, next, old.iterate),
    previous: from,
    bestDirection,
    bestLoss,
    checkedLoss: choose(turn.checkpoint, bestLoss, old.checkedLoss),
    lastLoss: found.loss,
    stepSize,
    rises: tf.mul(rises, tf.sub(1, turn.checkpoint)),
    halvedLast: choose(turn.checkpoint, halve, old.halvedLast),
  };
}

export function flag(condition: tf.Tensor): tf.Tensor {
  return tf.cast(condition, 'float32');
}

/** [n] as [n, 1, 1, 1]. */
export function perRow(values: tf.Tensor): tf.Tensor {
  return tf.reshape(values, [values.shape[0] ?? 0, 1, 1, 1]);
}

/** The columns of a schedule's first turn, each [n]. */
export function firstTurn(schedule: tf.Tensor): readonly tf.Tensor[] {
  const [rows = 0, , columns = 0] = schedule.shape;
  return Array.from({ length: columns }, (_, at) => tf.reshape(tf.slice(schedule, [0, 0, at], [rows, 1, 1]), [rows]));
}

export function named<N extends string>(
  names: readonly N[],
  tensors: readonly tf.Tensor[],
): Readonly<Record<N, tf.Tensor>> {
  return Object.fromEntries(names.map((name, index) => [name, tensors[index]])) as Record<N, tf.Tensor>;
}

/** What follows a step's labels: int32 [n] if its loss has targets, then the weights. */
export function targetsAndWeights(
  { loss }: Pick<ApgdView, 'loss'>,
  rest: readonly tf.Tensor[],
): { readonly targets: tf.Tensor1D | null; readonly list: readonly tf.Tensor[] } {
  const [targets] = rest;
  if (!isTargeted(loss) || !targets) return { targets: null, list: rest };
  return { targets: targets as tf.Tensor1D, list: rest.slice(1) };
}

/** Of a step on a state of so many tensors, so many other inputs, and targets if its loss has them. */
export function rowsLayout(state: number, others: number, { loss }: Pick<ApgdView, 'loss'>): StepLayout {
  const inputs = state + others + (isTargeted(loss) ? 1 : 0);
  return {
    inputs: new Array<'rows'>(inputs).fill('rows'),
    outputs: new Array<'rows'>(state + 1).fill('rows'),
  };
}
