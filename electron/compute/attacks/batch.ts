import * as tf from '@tensorflow/tfjs-core';
import { stream } from '../random/stream.ts';
import { boundsOf } from './budget.ts';
import { gatherRows, imageSize } from './examples.ts';
import type { Examples } from './examples.ts';
import type { AttackPlan } from './plan.ts';
import type { BatchConstants } from './steps.ts';

/**
 * The start of each row's trajectory: x, or x plus noise from the stream of (seed, example, restart), cut to the
 * bounds. It depends on nothing else, so neither batch size nor engine changes it.
 */
export function startingPoints(
  examples: Examples,
  rows: readonly number[],
  plan: Pick<AttackPlan, 'epsilon' | 'randomStart'>,
  seed: number,
  restart: number,
): Float32Array {
  const size = imageSize(examples.shape);
  const images = gatherRows(examples.images, rows, size);
  if (!plan.randomStart) return images;
  const { lower, upper } = boundsOf(images, plan.epsilon);
  const noise = new Float32Array(size);
  rows.forEach((row, position) => {
    const random = stream(seed, 'start', examples.indices[row] ?? 0, restart);
    random.fillUniform(noise, 0, size, -plan.epsilon, plan.epsilon);
    for (let i = 0; i < size; i += 1) {
      const at = position * size + i;
      const moved = (images[at] ?? 0) + (noise[i] ?? 0);
      images[at] = Math.min(upper[at] ?? 0, Math.max(lower[at] ?? 0, moved));
    }
  });
  return images;
}

/** Tensors [rows, height, width, channels] of rows; the caller disposes of the tensor. */
export function imageTensor(images: Float32Array, shape: Examples['shape']): tf.Tensor4D {
  return tf.tensor4d(images, [images.length / imageSize(shape), ...shape]);
}

/** Bounds and labels of the rows, on the engine. The caller disposes of them. */
export function batchConstants(examples: Examples, rows: readonly number[], epsilon: number): BatchConstants {
  const { lower, upper } = boundsOf(gatherRows(examples.images, rows, imageSize(examples.shape)), epsilon);
  const labels = Int32Array.from(rows, (row) => examples.labels[row] ?? 0);
  return [imageTensor(lower, examples.shape), imageTensor(upper, examples.shape), tf.tensor1d(labels, 'int32')];
}

/** The values of a float tensor in an array of their own. */
export async function download(tensor: tf.Tensor): Promise<Float32Array> {
  return Float32Array.from(await tensor.data<'float32'>());
}
