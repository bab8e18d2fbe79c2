import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { defineMap } from './method.ts';

/** Steps of the power iteration at most, and the change of direction at which it ends. */
const MOST_STEPS = 500;
const STILL = 1e-10;

/**
 * Eigen-CAM: the activation's positions × channels matrix along its first right singular vector v₁. Its sign is free: the
 * one is taken that agrees with the sum over channels, so that what is active is positive.
 */
export const eigenCam = defineMap({
  name: 'eigen-cam',
  label: 'Eigen-CAM',
  summary: 'The first principal direction of the activation; needs no class and no gradient.',
  source: 'Muhammad & Yeasin 2020, arXiv 2008.00299, section III',
  level: 'layer',
  signed: true,
  explains: false,
  schema: z.strictObject({
    centred: z.boolean().default(false).meta({
      label: 'Centred',
      help: 'Takes the mean over all positions away first, which the paper does not and some programs do.',
    }),
  }),
  passes: () => 0,
  make: async (task, { centred }) => {
    const [rows, height, width, channels] = task.activation.shape;
    const values = await task.activation.data<'float32'>();
    const positions = height * width;
    const map = new Float32Array(rows * positions);
    for (let row = 0; row < rows; row += 1) {
      const matrix = Float64Array.from(values.subarray(row * positions * channels, (row + 1) * positions * channels));
      if (centred) takeMeanAway(matrix, positions, channels);
      map.set(firstDirection(matrix, positions, channels), row * positions);
      await task.control.checkpoint();
    }
    return tf.tensor3d(map, [rows, height, width]);
  },
});

function takeMeanAway(matrix: Float64Array, positions: number, channels: number): void {
  for (let channel = 0; channel < channels; channel += 1) {
    let mean = 0;
    for (let at = channel; at < matrix.length; at += channels) mean += (matrix[at] ?? 0) / positions;
    for (let at = channel; at < matrix.length; at += channels) matrix[at] = (matrix[at] ?? 0) - mean;
  }
}

/** M v₁ by power iteration on Mᵀ M, from the column sums. [positions] */
function firstDirection(matrix: Float64Array, positions: number, channels: number): Float64Array {
  const along = (direction: Float64Array): Float64Array => {
    const out = new Float64Array(positions);
    for (let p = 0; p < positions; p += 1) {
      let sum = 0;
      for (let c = 0; c < channels; c += 1) sum += (matrix[p * channels + c] ?? 0) * (direction[c] ?? 0);
      out[p] = sum;
    }
    return out;
  };
  const back = (map: Float64Array): Float64Array => {
    const out = new Float64Array(channels);
    for (let p = 0; p < positions; p += 1) {
      const value = map[p] ?? 0;
      for (let c = 0; c < channels; c += 1) out[c] = (out[c] ?? 0) + value * (matrix[p * channels + c] ?? 0);
    }
    return out;
  };
  const sums = along(new Float64Array(channels).fill(1));
  // A start with a little of every channel: column sums alone can be orthogonal to v₁.
  let direction = unit(back(sums).map((value, channel) => value + 1e-3 * (1 + (channel % 7))));
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const next = unit(back(along(direction)));
    const change = next.reduce((most, value, at) => Math.max(most, Math.abs(value - (direction[at] ?? 0))), 0);
    direction = next;
    if (change < STILL) break;
  }
  const map = along(direction);
  const agreement = map.reduce((sum, value, at) => sum + value * (sums[at] ?? 0), 0);
  return agreement < 0 ? map.map((value) => -value) : map;
}

function unit(vector: Float64Array): Float64Array {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return norm > 0 ? vector.map((value) => value / norm) : vector.fill(0);
}
