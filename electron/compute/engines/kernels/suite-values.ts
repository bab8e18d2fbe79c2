import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { stream } from '../../random/stream.ts';
import { grid, type Grid } from './float64.ts';

/** Values in [−1, 1] that float32 holds exactly; on a grid of so many levels if asked, for ties. */
export function random(seed: string, shape: readonly number[], levels?: number): Grid {
  const source = stream(1, seed);
  const result = grid(shape);
  result.data.forEach((_, index) => {
    const value = source.uniform(-1, 1);
    result.data[index] = Math.fround(levels ? Math.round(value * levels) / levels : value);
  });
  return result;
}

export function tensor(values: Grid): tf.Tensor {
  return tf.tensor(Float32Array.from(values.data), [...values.shape]);
}

/** Equal up to float32 rounding, relative to the largest value. */
export function expectClose(actual: tf.Tensor, expected: Grid, tolerance = 2e-6): void {
  expect(actual.shape).toEqual([...expected.shape]);
  const values = actual.dataSync();
  const scale = expected.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-12);
  let worst = 0;
  expected.data.forEach((value, index) => {
    const error = Math.abs((values[index] ?? NaN) - value) / scale;
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
  });
  expect(worst).toBeLessThan(tolerance);
}
