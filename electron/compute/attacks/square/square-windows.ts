import * as tf from '@tensorflow/tfjs-core';
import { normOf, project } from '../base/norms.ts';
import type { Reach } from '../base/norms.ts';
import { choose } from '../base/row-masks.ts';
import { columnOf, flag, insideOf } from './square-regions.ts';

/** Norms in which the attack moves the perturbation's mass from one window to another. */
export type WindowNorm = 'l2' | 'l1';

/**
 * Columns of a proposal: number of the query or −1 for none; first row and column of the window that is filled, side;
 * first row and column of the one that is emptied; 1 if the pattern is transposed; factors of the pattern's upper and
 * lower half; then a 1 for each channel that takes it as it is, a 0 for each that takes its negative.
 */
export const WINDOW_COLUMNS = 9;

/** A ring of the pattern falls with this power of its distance to the middle. */
const FALL: Readonly<Record<WindowNorm, number>> = { l2: 2, l1: 4 };
/** Keeps divisions by the norm of nothing finite. */
const TINY = 1e-12;

/**
 * Height of the pattern at a distance (the larger of rows and columns) from the middle of a half of a window of some
 * side: Σ_{k ≥ distance} 1 / (k + 1)^p over the concentric rectangles that lie there (algorithm 3 of the paper; p is 2 in
 * L2, and 4 in L1 as AutoAttack has it).
 */
function ringHeight(norm: WindowNorm, distance: number, side: number): number {
  let sum = 0;
  for (let k = distance; k <= Math.floor(side / 2); k += 1) sum += (k + 1) ** -FALL[norm];
  return sum;
}

/**
 * The pattern η of a window before its halves are weighted: two stacks of rectangles one above the other, of opposite
 * sign. The distance of (row, column) of the window to the middle of its half.
 */
function halfAt(row: number, column: number, side: number): { readonly lower: boolean; readonly distance: number } {
  const half = Math.floor(side / 2);
  const lower = row >= half;
  const [within, height] = lower ? [row - half, side - half] : [row, half];
  const distance = Math.max(Math.abs(within - Math.floor(height / 2)), Math.abs(column - half));
  return { lower, distance };
}

/** Factors that bring the halves to equal norms and the whole pattern to norm 1. A half without pixels has factor 0. */
export function halfFactors(norm: WindowNorm, side: number): readonly [upper: number, lower: number] {
  const sums: [number, number] = [0, 0];
  const power = norm === 'l2' ? 2 : 1;
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      const { lower, distance } = halfAt(row, column, side);
      sums[lower ? 1 : 0] += ringHeight(norm, distance, side) ** power;
    }
  }
  const halves = sums.filter((sum) => sum > 0).length;
  const factor = (sum: number): number => (sum > 0 ? (sum * halves) ** (-1 / power) : 0);
  return [factor(sums[0]), factor(sums[1])];
}

/** η of norm 1, row by row, [side · side]. */
export function pattern(norm: WindowNorm, side: number, transposed: boolean): Float32Array {
  const [upperFactor, lowerFactor] = halfFactors(norm, side);
  return Float32Array.from({ length: side * side }, (_, at) => {
    const [row, column] = [Math.floor(at / side), at % side];
    const { lower, distance } = transposed ? halfAt(column, row, side) : halfAt(row, column, side);
    return ringHeight(norm, distance, side) * (lower ? -lowerFactor : upperFactor);
  });
}

/**
 * The best image with the mass of two windows gathered in the first of them, along its old direction and the pattern,
 * and with whatever of ε was not used yet; the second window becomes that of x. Query 0 tries the best itself.
 */
export function proposeWindow(norm: WindowNorm, best: tf.Tensor, proposals: tf.Tensor, [x, radius]: Reach): tf.Tensor {
  const channels = best.shape[3] ?? 1;
  const column = (at: number): tf.Tensor => columnOf(proposals, at);
  const side = column(3);
  const filled = insideOf(best, column(1), column(2), side);
  const emptied = insideOf(best, column(4), column(5), side);
  const signs = tf.sub(tf.mul(2, columnOf(proposals, WINDOW_COLUMNS, channels)), 1);
  const epsilon = tf.reshape(radius, [-1, 1, 1, 1]);

  const change = tf.sub(best, x);
  const old = tf.mul(change, filled);
  const used = tf.reshape(normOf(norm, change), [-1, 1, 1, 1]);
  const mass = channelNorm(norm, tf.mul(change, tf.maximum(filled, emptied)));
  const mixed = tf.add(
    tf.mul(patternAt(norm, best, proposals), signs),
    tf.div(old, tf.add(channelNorm(norm, old), TINY)),
  );
  const unit = tf.div(tf.mul(mixed, filled), tf.add(channelNorm(norm, mixed), TINY));
  const outside = tf.mul(change, tf.mul(tf.sub(1, filled), tf.sub(1, emptied)));
  const next = tf.add(outside, tf.mul(unit, budgetOf(norm, epsilon, used, mass, channels)));
  const moved = project(norm, x, tf.add(x, norm === 'l2' ? toLength(next, epsilon) : next), radius);
  return choose(flag(tf.greater(tf.reshape(column(0), [-1]), 0)), moved, best);
}

/** Norm that each channel of the window gets: its share of what is unused, and what it had. */
function budgetOf(norm: WindowNorm, epsilon: tf.Tensor, used: tf.Tensor, mass: tf.Tensor, channels: number): tf.Tensor {
  if (norm === 'l1') return tf.mul(channels, tf.add(tf.div(tf.relu(tf.sub(epsilon, used)), channels), mass));
  const unused = tf.relu(tf.sub(tf.square(epsilon), tf.square(used)));
  return tf.sqrt(tf.add(tf.div(unused, channels), tf.square(mass)));
}

/** A change brought to the length ε; cutting it to [0, 1] may have left it shorter. */
function toLength(change: tf.Tensor, epsilon: tf.Tensor): tf.Tensor {
  const length = tf.reshape(normOf('l2', change), [-1, 1, 1, 1]);
  return tf.mul(change, tf.div(epsilon, tf.add(length, TINY)));
}

/** [n, H, W, C] → [n, 1, 1, C] */
function channelNorm(norm: WindowNorm, values: tf.Tensor): tf.Tensor {
  const sum = (parts: tf.Tensor): tf.Tensor => tf.sum(parts, [1, 2], true);
  return norm === 'l2' ? tf.sqrt(sum(tf.square(values))) : sum(tf.abs(values));
}

/**
 * η where each row's proposal has it, 0 elsewhere, [n, H, W, 1]. A ring k reaches a pixel if it is at least as large as
 * the distances of its row and of its column, so the sum over the rings is a product of two matrices.
 */
function patternAt(norm: WindowNorm, images: tf.Tensor, proposals: tf.Tensor): tf.Tensor {
  const [rows, height, width] = images.shape as [number, number, number, number];
  const column = (at: number): tf.Tensor => tf.reshape(columnOf(proposals, at), [rows, 1]);
  const [side, turned] = [column(3), column(6)];
  const half = tf.floor(tf.div(side, 2));
  const rings = Math.floor(Math.max(height, width) / 2) + 1;
  const ring = tf.range(0, rings);
  const heights = tf.mul(tf.pow(tf.add(ring, 1), -FALL[norm]), flag(tf.lessEqual(tf.expandDims(ring, 0), half)));

  /** [n, extent, rings]: 1, or the half's factor, where a ring reaches a row or column; across the halves or along them. */
  const reach = (extent: number, start: tf.Tensor, across: tf.Tensor): tf.Tensor => {
    const offset = tf.sub(tf.expandDims(tf.range(0, extent), 0), start);
    const inside = tf.mul(flag(tf.greaterEqual(offset, 0)), flag(tf.less(offset, side)));
    const lower = flag(tf.greaterEqual(offset, half));
    const tall = tf.add(half, tf.mul(lower, tf.sub(side, tf.mul(2, half))));
    const within = tf.sub(offset, tf.mul(lower, half));
    const either = (first: tf.Tensor, second: tf.Tensor | number): tf.Tensor =>
      tf.add(tf.mul(across, first), tf.mul(tf.sub(1, across), second));
    const distance = tf.abs(either(tf.sub(within, tf.floor(tf.div(tall, 2))), tf.sub(offset, half)));
    const signed = tf.sub(tf.mul(column(7), tf.sub(1, lower)), tf.mul(column(8), lower));
    const factor = tf.mul(inside, either(signed, 1));
    const reached = flag(tf.lessEqual(tf.expandDims(distance, 2), tf.reshape(ring, [1, 1, rings])));
    return tf.mul(reached, tf.expandDims(factor, 2));
  };
  const down = tf.mul(reach(height, column(1), tf.sub(1, turned)), tf.expandDims(heights, 1));
  const along = reach(width, column(2), turned);
  return tf.expandDims(tf.matMul(down, along, false, true), 3);
}
