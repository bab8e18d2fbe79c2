import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../engines/compile.ts';
import type { Inputs, StepDefinition } from '../engines/step.ts';
import { lossFromLogits } from '../losses.ts';
import { inputGradient } from '../models/classifier.ts';
import { networkOf, weightsFromList } from '../models/network.ts';
import type { NetworkSpec } from '../models/network.ts';
import { ascentDirection, moveWithin } from './direction.ts';
import type { ApgdPlan } from './apgd-method.ts';
import { nextTurn } from './pool-steps.ts';
import { choose, misclassified, notFinite } from './row-masks.ts';

export interface ApgdParameters {
  readonly network: NetworkSpec;
  readonly loss: ApgdPlan['loss'];
  /** Iterations of one call. */
  readonly iterations: number;
}

/** No loss yet; finite, so that masks can multiply it. */
export const NO_LOSS = 3e38;

/**
 * What a row carries. Images [n, H, W, C]: best, iterate, the iterate before it, and the direction of the gradient at the
 * best. The others [n]: see `PoolState`; best loss, best loss at the last checkpoint, last loss, step size, rises of the
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

/** State, schedule [n, iterations, APGD_SCHEDULE.length], lower, upper, labels, weights → state, schedule. */
export const APGD: StepDefinition<ApgdParameters> = {
  name: 'attack-apgd',
  build({ network: spec, loss, iterations }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const old = named(APGD_STATE, inputs);
      const [schedule, lower, upper, labels, ...list] = inputs.slice(APGD_STATE.length) as Inputs<4>;
      const weights = weightsFromList(network, list);
      const images = old.iterate as tf.Tensor4D;
      const { logits, gradient } = inputGradient(network, weights, images, labels as tf.Tensor1D, loss);
      const value = lossFromLogits(loss, logits, labels as tf.Tensor1D);
      const found: ApgdEvaluation = {
        wrong: misclassified(logits, labels),
        loss: tf.where(tf.isFinite(value), value, tf.fill(value.shape, -NO_LOSS)),
        direction: ascentDirection(gradient),
        notFinite: notFinite(logits, gradient),
      };
      const next = apgdIteration(old, turnOf(schedule), found, { lower, upper });
      return [...APGD_STATE.map((name) => next[name]), nextTurn(schedule)];
    }, iterations);
  },
  layout: () => ({
    inputs: new Array<'rows'>(APGD_STATE.length + 4).fill('rows'),
    outputs: new Array<'rows'>(APGD_STATE.length + 1).fill('rows'),
  }),
  describe: ({ network, loss, iterations }) => `${network.architecture} APGD ${loss} × ${iterations}`,
};

/** All [n] but `direction` [n, H, W, C], whose entries are −1, 0 or 1. `loss` is finite. */
export interface ApgdEvaluation {
  readonly wrong: tf.Tensor;
  readonly loss: tf.Tensor;
  readonly direction: tf.Tensor;
  readonly notFinite: tf.Tensor;
}

interface Bounds {
  readonly lower: tf.Tensor;
  readonly upper: tf.Tensor;
}

/** One iteration of algorithm 1: judge the iterate, at a checkpoint perhaps halve the step and go back to the best, move. */
export function apgdIteration(
  old: ApgdState,
  turn: ApgdTurn,
  found: ApgdEvaluation,
  { lower, upper }: Bounds,
): ApgdState {
  const flag = (condition: tf.Tensor): tf.Tensor => tf.cast(condition, 'float32');
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
  const stepped = moveWithin(from, tf.mul(perRow(stepSize), direction), lower, upper);
  const weight = perRow(turn.weight);
  const drift = tf.mul(tf.sub(1, weight), tf.sub(from, old.previous));
  const next = moveWithin(from, tf.add(tf.mul(weight, tf.sub(stepped, from)), drift), lower, upper);
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

/** [n] as [n, 1, 1, 1]. */
function perRow(values: tf.Tensor): tf.Tensor {
  return tf.reshape(values, [values.shape[0] ?? 0, 1, 1, 1]);
}

/** The columns of a schedule's first turn, each [n]. */
function turnOf(schedule: tf.Tensor): ApgdTurn {
  const rows = schedule.shape[0] ?? 0;
  const column = (at: number): tf.Tensor => tf.reshape(tf.slice(schedule, [0, 0, at], [rows, 1, 1]), [rows]);
  return named(
    APGD_SCHEDULE,
    APGD_SCHEDULE.map((_, at) => column(at)),
  );
}

function named<N extends string>(names: readonly N[], tensors: readonly tf.Tensor[]): Readonly<Record<N, tf.Tensor>> {
  return Object.fromEntries(names.map((name, index) => [name, tensors[index]])) as Record<N, tf.Tensor>;
}
