import type { Network, Weights } from '../../models/network.ts';
import type { Predictor } from '../../models/predictor.ts';
import type { ImageShape } from '../../../../shared/domain/shape.ts';

/** A classifier under attack, or one that adversarial examples are made on. */
export interface Subject {
  readonly network: Network;
  readonly weights: Weights;
  /** Answers in place of the network, which then has no layers: a model of which there is a forward pass alone. */
  readonly predictor?: Predictor;
}

/** The examples of an attack. Row i of every array belongs to the same example. */
export interface Examples {
  /** Pixels in [0, 1], [rows, height, width, channels]. Never written to: tensors may share its memory. */
  readonly images: Float32Array;
  /** [rows] */
  readonly labels: Int32Array;
  /** [rows], position in the data set: the key of each example's random stream. */
  readonly indices: Uint32Array;
  readonly shape: ImageShape;
}

/** Number of values in one image. */
export function imageSize([height, width, channels]: ImageShape): number {
  return height * width * channels;
}

/** The images of some rows, one after the other, [rows, …]. */
export function gatherRows(array: Float32Array, rows: readonly number[], size: number): Float32Array {
  const gathered = new Float32Array(rows.length * size);
  rows.forEach((row, position) => gathered.set(array.subarray(row * size, (row + 1) * size), position * size));
  return gathered;
}

/** `rows` in batches of at most `batchSize`. */
export function batchesOf(rows: readonly number[], batchSize: number): readonly (readonly number[])[] {
  const batches: (readonly number[])[] = [];
  for (let start = 0; start < rows.length; start += batchSize) batches.push(rows.slice(start, start + batchSize));
  return batches;
}

/**
 * Rows of one batch, filled up with copies of its first row to one of at most 16 batch sizes: each size is a graph of
 * its own to compile. The copies' results are ignored.
 */
export function padRows(rows: readonly number[], batchSize: number): readonly number[] {
  const grain = Math.max(1, Math.ceil(batchSize / 16));
  const size = Math.min(Math.max(batchSize, rows.length), Math.ceil(rows.length / grain) * grain);
  const filler = rows[0] ?? 0;
  return [...rows, ...new Array<number>(size - rows.length).fill(filler)];
}
