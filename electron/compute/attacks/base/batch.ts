import * as tf from '@tensorflow/tfjs-core';
import { boundsOf, type Ball } from './budget.ts';
import { gatherRows, imageSize } from './examples.ts';
import type { Examples } from './examples.ts';
import type { Reach } from './norms.ts';
import { startImages, startPoints, type BallStartPlan, type StartPlan, type StartPoints } from './start.ts';
import type { BatchConstants } from '../ascent/steps.ts';
import type { Made } from '../plan.ts';

/** Start and bounds of each row's trajectory, see {@link startPoints}. */
export function startingPoints(
  examples: Examples,
  rows: readonly number[],
  plan: StartPlan,
  seed: number,
  restart: number,
): StartPoints {
  const images = gatherRows(examples.images, rows, imageSize(examples.shape));
  const indices = rows.map((row) => examples.indices[row] ?? 0);
  return startPoints(images, indices, plan, seed, restart);
}

/**
 * The rows at their starts (see {@link startingPoints} for L∞, {@link startImages} for other balls), on the engine, with
 * what keeps them near their images. The caller disposes of all tensors.
 * @param targets of all examples: the classes to reach, in place of the labels to leave.
 */
export function startedBatch(
  examples: Examples,
  rows: readonly number[],
  plan: BallStartPlan,
  seed: number,
  restart: number,
  targets?: Int32Array,
): { readonly iterate: tf.Tensor4D; readonly constants: BatchConstants } {
  const images = gatherRows(examples.images, rows, imageSize(examples.shape));
  const indices = rows.map((row) => examples.indices[row] ?? 0);
  const { shape } = examples;
  const { norm = 'linf', epsilon } = plan;
  const labels = labelsOf(targets ?? examples.labels, rows);
  if (norm === 'linf' && plan.noise !== 'gaussian') {
    const { start, lower, upper } = startPoints(images, indices, plan, seed, restart);
    return {
      iterate: imageTensor(start, shape),
      constants: [imageTensor(lower, shape), imageTensor(upper, shape), labels],
    };
  }
  const start = startImages(images, indices, plan, seed, restart);
  return { iterate: imageTensor(start, shape), constants: [...reachOf(images, shape, { norm, epsilon }), labels] };
}

/** What keeps iterates near images, on the engine. The caller disposes of it. */
export function reachOf(images: Float32Array, shape: Examples['shape'], { norm, epsilon }: Ball): Reach {
  if (norm !== 'linf') return [imageTensor(images, shape), tf.fill([images.length / imageSize(shape)], epsilon)];
  const { lower, upper } = boundsOf(images, epsilon);
  return [imageTensor(lower, shape), imageTensor(upper, shape)];
}

/** Tensors [rows, height, width, channels] of rows; the caller disposes of the tensor. */
export function imageTensor(images: Float32Array, shape: Examples['shape']): tf.Tensor4D {
  return tf.tensor4d(images, [images.length / imageSize(shape), ...shape]);
}

function labelsOf(labels: Int32Array, rows: readonly number[]): tf.Tensor1D {
  return tf.tensor1d(
    Int32Array.from(rows, (row) => labels[row] ?? 0),
    'int32',
  );
}

/** The values of a float tensor in an array of their own. */
export async function download(tensor: tf.Tensor): Promise<Float32Array> {
  return Float32Array.from(await tensor.data<'float32'>());
}

/**
 * The last iterates of a batch, read off the engine. The tensors stay the caller's; slots beyond the rows are padding.
 * @param iterates float32 [slots, height, width, channels]
 * @param failures steps that were not finite, float32 [slots]
 */
export async function madeOf(rows: readonly number[], iterates: tf.Tensor, failures: tf.Tensor): Promise<Made> {
  const [images, nonFinite] = [await download(iterates), await download(failures)];
  const size = images.length / nonFinite.length;
  return {
    images: rows.map((row, at) => ({ row, image: images.subarray(at * size, (at + 1) * size) })),
    nonFinite: nonFinite.subarray(0, rows.length).reduce((sum, count) => sum + count, 0),
  };
}
