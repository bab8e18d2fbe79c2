import * as tf from '@tensorflow/tfjs-core';
import { boundsOf, type Bounds } from './budget.ts';
import { gatherRows, imageSize } from './examples.ts';
import type { Examples } from './examples.ts';
import { startPoints, type StartPlan, type StartPoints } from './start.ts';
import type { BatchConstants } from './steps.ts';

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

/** The rows at their {@link startingPoints}, on the engine. The caller disposes of all tensors. */
export function startedBatch(
  examples: Examples,
  rows: readonly number[],
  plan: StartPlan,
  seed: number,
  restart: number,
): { readonly iterate: tf.Tensor4D; readonly constants: BatchConstants } {
  const points = startingPoints(examples, rows, plan, seed, restart);
  return { iterate: imageTensor(points.start, examples.shape), constants: constantsOf(examples, rows, points) };
}

/** Tensors [rows, height, width, channels] of rows; the caller disposes of the tensor. */
export function imageTensor(images: Float32Array, shape: Examples['shape']): tf.Tensor4D {
  return tf.tensor4d(images, [images.length / imageSize(shape), ...shape]);
}

/** Bounds and labels of the rows, on the engine. The caller disposes of them. */
export function batchConstants(examples: Examples, rows: readonly number[], epsilon: number): BatchConstants {
  const images = gatherRows(examples.images, rows, imageSize(examples.shape));
  return constantsOf(examples, rows, boundsOf(images, epsilon));
}

function constantsOf(examples: Examples, rows: readonly number[], { lower, upper }: Bounds): BatchConstants {
  const labels = Int32Array.from(rows, (row) => examples.labels[row] ?? 0);
  return [imageTensor(lower, examples.shape), imageTensor(upper, examples.shape), tf.tensor1d(labels, 'int32')];
}

/** The values of a float tensor in an array of their own. */
export async function download(tensor: tf.Tensor): Promise<Float32Array> {
  return Float32Array.from(await tensor.data<'float32'>());
}
