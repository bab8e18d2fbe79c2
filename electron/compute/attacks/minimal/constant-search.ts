import * as tf from '@tensorflow/tfjs-core';
import { marginFromLogits } from '../../losses.ts';
import { clearlyTarget, clearlyWrong, perRow } from './class-planes.ts';
import { choose, notFinite } from '../base/row-masks.ts';

/** The search for the constant c that weighs misclassification against the size of the perturbation. */
export interface SearchRule {
  /** Values of c that are tried, each from the original image. */
  readonly searches: number;
  /** Iterations with one c, at most. */
  readonly steps: number;
  /** Step size of the optimiser. */
  readonly rate: number;
  /** κ: by how much the other class shall lead. */
  readonly confidence: number;
  /** Whether a row gives a c up once its loss has stopped falling. */
  readonly abortEarly: boolean;
}

/**
 * What a row carries through the search. `best` [n, H, W, C]: the smallest success, x before there is one. The others
 * [n]: `over`, −1 until the search is done, then the evaluation of the first success plus 1, or 0 for none; see
 * `PoolState`. `size`: of the best, as the attack measures it. `found`: evaluation of the first success or −1. `c`, and
 * the largest that has failed and the smallest that has not; iteration with this c, number of the c, whether it has led
 * to a success, loss when that was last looked at.
 */
export const SEARCH_STATE = [
  'best',
  'over',
  'nonFinite',
  'size',
  'found',
  'c',
  'low',
  'high',
  'iteration',
  'search',
  'hit',
  'checked',
] as const;
export type SearchState = Readonly<Record<(typeof SEARCH_STATE)[number], tf.Tensor>>;

/** Larger than any size, loss or constant. */
const HUGE = 1e30;
/** The loss is looked at so many times with one c. */
const LOOKS = 10;

/** The state of rows before their first c. Call it inside a `tidy`. */
export function searchStart(clean: tf.Tensor, initial: number): SearchState {
  const fill = (value: number): tf.Tensor => tf.fill([clean.shape[0] ?? 0], value);
  return {
    best: clean,
    over: fill(-1),
    nonFinite: fill(0),
    size: fill(HUGE),
    found: fill(-1),
    c: fill(initial),
    low: fill(0),
    high: fill(HUGE),
    iteration: fill(0),
    search: fill(0),
    hit: fill(0),
    checked: fill(HUGE),
  };
}

/** What the hinge f = max(z_y − max_{k ≠ y} z_k + κ, 0) is at some images, or towards a target its counterpart. */
export interface Hinge {
  /** [n] */
  readonly value: tf.Tensor;
  /** [n, H, W, C]; 0 where it is not finite. */
  readonly gradient: tf.Tensor;
  readonly logits: tf.Tensor2D;
  /** [n]: 1 where logits or gradient are not finite. */
  readonly failed: tf.Tensor;
}

/** How the optimisers look at a model. */
export interface HingeModel {
  hinge(images: tf.Tensor): Hinge;
  /** [n]: 1 where these logits are a success with confidence κ. */
  isHit(logits: tf.Tensor2D): tf.Tensor;
}

/**
 * @param gradientOf logits, and the gradient of the summed margin max_{k ≠ y} z_k − z_y, at images
 * @param classes int32 [n]: labels, or with a goal the targets
 */
export function hingeModel(
  gradientOf: (images: tf.Tensor) => { readonly logits: tf.Tensor2D; readonly gradient: tf.Tensor },
  classes: tf.Tensor,
  goal: boolean,
  confidence: number,
): HingeModel {
  const labels = classes as tf.Tensor1D;
  const sign = goal ? 1 : -1;
  const raw = (logits: tf.Tensor2D): tf.Tensor => tf.add(tf.mul(sign, marginFromLogits(logits, labels)), confidence);
  return {
    hinge(images) {
      const { logits, gradient } = gradientOf(images);
      const value = raw(logits);
      const finite = tf.where(tf.isFinite(gradient), gradient, tf.zerosLike(gradient));
      const active = tf.cast(tf.greater(value, 0), 'float32');
      return {
        value: tf.where(tf.isFinite(value), tf.minimum(tf.relu(value), HUGE), tf.fill(value.shape, HUGE)),
        gradient: tf.mul(finite, perRow(tf.mul(sign, active), finite)),
        logits,
        failed: notFinite(logits, gradient),
      };
    },
    isHit(logits) {
      const clear = goal ? clearlyTarget(logits, labels) : clearlyWrong(logits, labels);
      return tf.mul(clear, tf.cast(tf.lessEqual(raw(logits), 0), 'float32'));
    },
  };
}

/** What one iteration of an optimiser has looked at. All [n] but `image`. */
export interface Look {
  readonly image: tf.Tensor;
  readonly size: tf.Tensor;
  readonly isHit: tf.Tensor;
  /** What the optimiser brings down. */
  readonly loss: tf.Tensor;
  readonly failed: tf.Tensor;
}

/**
 * The search after one iteration: a smaller success is kept; at the end of the iterations with one c, or once the loss
 * has stopped falling, c is halved towards the constants that have failed or led to a success, and ten times as large
 * while there is no success (section VI of Carlini & Wagner 2017, arXiv 1608.04644).
 * @returns the next state, and `restarts` [n]: 1 where the optimiser begins again at x.
 */
export function nextOfSearch(
  old: SearchState,
  { image, size, isHit, loss, failed }: Look,
  { searches, steps, abortEarly }: SearchRule,
): { readonly state: SearchState; readonly restarts: tf.Tensor } {
  const flag = (condition: tf.Tensor): tf.Tensor => tf.cast(condition, 'float32');
  const open = flag(tf.less(old.over, 0));
  const hits = tf.mul(open, isHit);
  const smaller = tf.mul(hits, flag(tf.less(size, old.size)));
  const index = tf.add(tf.mul(old.search, steps), old.iteration);
  const found = choose(tf.mul(hits, flag(tf.less(old.found, 0))), index, old.found);
  const hit = tf.maximum(old.hit, hits);

  const every = Math.ceil(steps / LOOKS);
  const looks = abortEarly ? flag(tf.equal(tf.mod(old.iteration, every), 0)) : tf.zerosLike(old.iteration);
  const stuck = tf.mul(looks, flag(tf.greater(loss, tf.mul(old.checked, 0.9999))));
  const ends = tf.mul(open, tf.maximum(stuck, flag(tf.greaterEqual(old.iteration, steps - 1))));

  const high = choose(tf.mul(ends, hit), tf.minimum(old.high, old.c), old.high);
  const low = choose(tf.mul(ends, tf.sub(1, hit)), tf.maximum(old.low, old.c), old.low);
  const bounded = flag(tf.less(high, HUGE / 2));
  const c = choose(bounded, tf.mul(tf.add(low, tf.minimum(high, HUGE / 4)), 0.5), tf.mul(old.c, 10));
  const goesOn = tf.sub(1, ends);
  const last = tf.mul(ends, flag(tf.greaterEqual(old.search, searches - 1)));
  return {
    restarts: ends,
    state: {
      best: choose(smaller, image, old.best),
      over: choose(last, tf.add(found, 1), old.over),
      nonFinite: tf.add(old.nonFinite, tf.mul(open, failed)),
      size: choose(smaller, size, old.size),
      found,
      c: choose(ends, c, old.c),
      low,
      high,
      iteration: tf.mul(goesOn, tf.add(old.iteration, 1)),
      search: tf.add(old.search, ends),
      hit: tf.mul(goesOn, hit),
      checked: choose(ends, tf.fill(loss.shape, HUGE), choose(looks, loss, old.checked)),
    },
  };
}
