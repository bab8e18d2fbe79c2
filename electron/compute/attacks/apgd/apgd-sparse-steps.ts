import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../../engines/compile.ts';
import type { Inputs, StepDefinition } from '../../engines/step.ts';
import { networkOf, weightsFromList } from '../../models/network.ts';
import type { NetworkSpec } from '../../models/network.ts';
import { lookAt, NO_LOSS } from './apgd-loss.ts';
import type { ApgdLook, ApgdView } from './apgd-loss.ts';
import { firstTurn, flag, named, perRow, rowsLayout, targetsAndWeights } from './apgd-steps.ts';
import { ascentDirection } from '../base/direction.ts';
import { normOf, project } from '../base/norms.ts';
import { nextTurn } from '../base/pool-steps.ts';
import { choose } from '../base/row-masks.ts';

export interface SparseApgdParameters extends ApgdView {
  readonly network: NetworkSpec;
  /** Iterations of one call. */
  readonly iterations: number;
}

/** The share of pixels that the next step changes: that of the best perturbation, divided by this. */
const SPARSER = 1.5;
/** A step size is divided by this where the perturbation did not become sparser, down to a tenth of the radius. */
const SHORTER = 1.5;
const SHORTEST = 0.1;
/** A perturbation of less than this share of the pixels that it had before has become sparser. */
const CLEARLY = 0.95;

/**
 * What a row carries. Images [n, H, W, C]: best, iterate, and the gradient at the best. The others [n]: see `PoolState`;
 * best loss, step size, the share of pixels that a step changes, and the number of pixels that the best perturbation
 * changed at the last checkpoint.
 */
export const SPARSE_STATE = [
  'best',
  'first',
  'nonFinite',
  'iterate',
  'bestGradient',
  'bestLoss',
  'stepSize',
  'share',
  'support',
] as const;
export type SparseState = Readonly<Record<(typeof SPARSE_STATE)[number], tf.Tensor>>;

/** What the schedule says of each row and iteration. */
export const SPARSE_SCHEDULE = [
  /** Index of the iterate that is evaluated, −1 for a row at its end. */
  'index',
  /** 1 where iterates are in the ball that is asked for, so that they count. */
  'counts',
  /** 1 at a checkpoint. */
  'checkpoint',
  /** 1 if another iterate of the same radius follows. */
  'move',
  /** 1 if the best point goes on within a smaller radius. */
  'shrink',
  /** Radius of what follows. */
  'radius',
] as const;
export type SparseTurn = Readonly<Record<(typeof SPARSE_SCHEDULE)[number], tf.Tensor>>;

/**
 * State, schedule [n, iterations, SPARSE_SCHEDULE.length], x, labels, targets if the loss has them, weights → state,
 * schedule.
 */
export const SPARSE_APGD: StepDefinition<SparseApgdParameters> = {
  name: 'attack-apgd-l1',
  build({ network: spec, iterations, ...view }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const old = named(SPARSE_STATE, inputs);
      const [schedule, x, labels, ...rest] = inputs.slice(SPARSE_STATE.length) as Inputs<3>;
      const { targets, list } = targetsAndWeights(view, rest);
      const weights = weightsFromList(network, list);
      const found = lookAt(network, weights, old.iterate as tf.Tensor4D, view, labels as tf.Tensor1D, targets);
      const next = sparseIteration(old, named(SPARSE_SCHEDULE, firstTurn(schedule)), found, x);
      return [...SPARSE_STATE.map((name) => next[name]), nextTurn(schedule)];
    }, iterations);
  },
  layout: (view) => rowsLayout(SPARSE_STATE.length, 3, view),
  describe: ({ network, loss, iterations }) => `${network.architecture} APGD l1 ${loss} × ${iterations}`,
};

/**
 * One iteration: judge the iterate; at a checkpoint go back to the best with a fresh step size if that became sparser,
 * else shorten the step; then move, or enter the next radius from the best point.
 */
export function sparseIteration(old: SparseState, turn: SparseTurn, found: ApgdLook, x: tf.Tensor): SparseState {
  const open = flag(tf.logicalAnd(tf.less(old.first, 0), tf.greaterEqual(turn.index, 0)));
  const broken = tf.mul(tf.mul(open, turn.counts), found.wrong);
  const improved = tf.mul(open, flag(tf.greater(found.loss, old.bestLoss)));
  const best = choose(tf.maximum(improved, broken), old.iterate, old.best);
  const gradient = tf.where(tf.isFinite(found.gradient), found.gradient, tf.zerosLike(found.gradient));
  const bestGradient = choose(improved, gradient, old.bestGradient);
  const bestLoss = choose(improved, found.loss, old.bestLoss);

  const support = supportOf(best, x);
  const sparser = flag(tf.less(support, tf.mul(CLEARLY, old.support)));
  const back = tf.mul(turn.checkpoint, sparser);
  const shorter = tf.maximum(tf.div(old.stepSize, SHORTER), tf.mul(SHORTEST, turn.radius));
  const stepSize = choose(turn.checkpoint, choose(sparser, turn.radius, shorter), old.stepSize);
  const share = choose(turn.checkpoint, shareOf(support, x), old.share);

  const from = choose(back, best, old.iterate);
  const direction = sparseDirection(choose(back, bestGradient, gradient), share);
  const stepped = tf.add(from, tf.mul(perRow(stepSize), direction));
  const next = project('l1', x, choose(turn.shrink, best, stepped), turn.radius);
  const reached = supportOf(next, x);
  const moves = tf.mul(tf.maximum(turn.move, turn.shrink), tf.sub(open, broken));
  return {
    best,
    first: choose(broken, turn.index, old.first),
    nonFinite: tf.add(old.nonFinite, tf.mul(open, found.notFinite)),
    iterate: choose(moves, next, old.iterate),
    bestGradient,
    bestLoss: choose(turn.shrink, tf.fill(bestLoss.shape, -NO_LOSS), bestLoss),
    stepSize: choose(turn.shrink, turn.radius, stepSize),
    share: choose(turn.shrink, shareOf(reached, x), share),
    support: choose(turn.shrink, reached, choose(turn.checkpoint, support, old.support)),
  };
}

/** [n]: pixels that a perturbation changes. */
export function supportOf(image: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return normOf('l1', flag(tf.notEqual(image, x)));
}

/** [n]: share of the pixels that steps change after a perturbation of so many. */
export function shareOf(support: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return tf.div(support, (SPARSER * x.size) / (x.shape[0] ?? 1));
}

/**
 * The signs of each row's largest gradients, their number a share of the pixels (and equals of the last of them), of
 * unit L1 norm together.
 * @param gradient [n, H, W, C], finite
 * @param share [n]
 */
function sparseDirection(gradient: tf.Tensor, share: tf.Tensor): tf.Tensor {
  const rows = gradient.shape[0] ?? 0;
  const size = tf.reshape(tf.abs(gradient), [rows, -1]);
  const pixels = size.shape[1] ?? 1;
  const falling = tf.topk(size, pixels).values;
  // As the reference counts: ascending from ⌊(1 − share) · pixels⌋ on.
  const skipped = tf.clipByValue(tf.floor(tf.mul(tf.sub(1, share), pixels)), 0, pixels - 1);
  const place = tf.sub(pixels - 1, skipped);
  const at = flag(tf.equal(tf.expandDims(tf.range(0, pixels), 0), tf.expandDims(place, 1)));
  const least = tf.sum(tf.mul(falling, at), 1);
  const chosen = flag(tf.greaterEqual(tf.abs(gradient), perRow(least)));
  const signs = tf.mul(ascentDirection(gradient), chosen);
  return tf.div(signs, perRow(tf.maximum(normOf('l1', signs), 1)));
}
