import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { grid, type Grid } from './float64.ts';
import { addLayer, batchNormLayer, globalAverageLayer, shortcutLayer } from './layers.ts';
import { expectClose, random, tensor } from './suite-values.ts';

const EPSILON = 1e-5;

/** The reference in float64: mean and variance over all but the last axis, as the definition says. */
function normalise(x: Grid, gamma: Grid, beta: Grid): { y: Grid; mean: Grid; variance: Grid } {
  const channels = gamma.data.length;
  const count = x.data.length / channels;
  const [mean, variance, y] = [grid([channels]), grid([channels]), grid(x.shape)];
  const at = (values: Grid, index: number): number => values.data[index % channels] ?? 0;
  x.data.forEach((value, i) => (mean.data[i % channels] = at(mean, i) + value / count));
  x.data.forEach((value, i) => (variance.data[i % channels] = at(variance, i) + (value - at(mean, i)) ** 2 / count));
  x.data.forEach((value, i) => {
    const normal = (value - at(mean, i)) / Math.sqrt(at(variance, i) + EPSILON);
    y.data[i] = normal * at(gamma, i) + at(beta, i);
  });
  return { y, mean, variance };
}

/** Slopes of Σ dy · ReLU(y) by central differences in float64. */
function slopes(variable: Grid, score: () => number): Grid {
  const h = 1e-5;
  const result = grid(variable.shape);
  variable.data.forEach((value, index) => {
    variable.data[index] = value + h;
    const above = score();
    variable.data[index] = value - h;
    result.data[index] = (above - score()) / (2 * h);
    variable.data[index] = value;
  });
  return result;
}

/** The kernels of residual networks on the current engine against the same in float64. */
export function testResidualKernels(): void {
  describe('batch normalisation', () => {
    it.each([
      [[4, 3, 5, 6], true],
      [[2, 4, 4, 3], false],
      [[3, 1, 2, 8], true],
      [[8, 2, 2, 16], false],
    ] as const)('of %j with the batch’s own statistics, ReLU %s', (shape, relu) => {
      const channels = shape[3];
      const [x, gamma, beta] = [random('x', shape), random('gamma', [channels]), random('beta', [channels])];
      x.data.forEach((value, index) => (x.data[index] = Math.fround(value * 3 + (index % channels))));
      const dy = random('dy', shape);
      const { y, mean, variance } = normalise(x, gamma, beta);
      const rectified = (value: number): number => (relu ? Math.max(0, value) : value);
      const score = (): number =>
        normalise(x, gamma, beta).y.data.reduce((sum, value, i) => sum + rectified(value) * (dy.data[i] ?? 0), 0);
      tf.tidy(() => {
        const inputs = [tensor(x), tensor(gamma), tensor(beta)] as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
        const outputs = batchNormLayer(...inputs, { epsilon: EPSILON, relu });
        expectClose(outputs.y, grid(shape, y.data.map(rectified)), 1e-5);
        expectClose(outputs.mean, mean, 1e-5);
        expectClose(outputs.variance, variance, 1e-5);
        const gradients = tf.grads(
          (...list: tf.Tensor[]) => batchNormLayer(...(list as typeof inputs), { epsilon: EPSILON, relu }).y,
        )(inputs, tensor(dy));
        [x, gamma, beta].forEach((variable, index) => {
          expectClose(gradients[index]!, slopes(variable, score), 1e-4);
        });
      });
    });
  });

  it('sums of branches with ReLU send the gradient to both where the sum is positive', () => {
    const shape = [2, 3, 4, 5];
    const [a, b, dy] = [random('a', shape), random('b', shape), random('dy', shape)];
    const sum = grid(
      shape,
      a.data.map((value, index) => value + (b.data[index] ?? 0)),
    );
    for (const relu of [false, true]) {
      const passed = dy.data.map((value, index) => (!relu || (sum.data[index] ?? 0) > 0 ? value : 0));
      tf.tidy(() => {
        const layer = (first: tf.Tensor, second: tf.Tensor): tf.Tensor =>
          addLayer(first as tf.Tensor4D, second as tf.Tensor4D, relu);
        const y = relu ? sum.data.map((value) => Math.max(0, value)) : sum.data;
        expectClose(layer(tensor(a), tensor(b)), grid(shape, y));
        for (const gradient of tf.grads(layer)([tensor(a), tensor(b)], tensor(dy))) {
          expectClose(gradient, grid(shape, passed));
        }
      });
    }
  });

  it('global averages and their gradient', () => {
    const shape = [3, 4, 5, 6] as const;
    const [x, dy] = [random('x', shape), random('dy', [3, 6])];
    const y = grid([3, 6]);
    const dx = grid(shape);
    x.data.forEach((value, index) => {
      const cell = Math.floor(index / 120) * 6 + (index % 6);
      y.data[cell] = (y.data[cell] ?? 0) + value / 20;
      dx.data[index] = (dy.data[cell] ?? 0) / 20;
    });
    tf.tidy(() => {
      expectClose(globalAverageLayer(tensor(x) as tf.Tensor4D), y);
      expectClose(tf.grad((t) => globalAverageLayer(t as tf.Tensor4D))(tensor(x), tensor(dy)), dx);
    });
  });

  it.each([
    [[2, 6, 8, 4], { stride: 2, before: 2, after: 2 }],
    [[1, 5, 7, 3], { stride: 2, before: 1, after: 2 }],
    [[2, 3, 3, 4], { stride: 1, before: 0, after: 4 }],
    [[2, 4, 4, 4], { stride: 2, before: 0, after: 0 }],
  ] as const)('the shortcut of %j with %j takes every second position and adds channels of zeros', (shape, options) => {
    const [n, height, width, channels] = shape;
    const { stride, before, after } = options;
    const [rows, columns, wide] = [Math.ceil(height / stride), Math.ceil(width / stride), before + channels + after];
    const x = random('x', shape);
    const y = grid([n, rows, columns, wide]);
    const dy = random('dy', y.shape);
    const dx = grid(shape);
    y.data.forEach((_, index) => {
      const channel = (index % wide) - before;
      const column = Math.floor(index / wide) % columns;
      const row = Math.floor(index / wide / columns) % rows;
      const image = Math.floor(index / wide / columns / rows);
      if (channel < 0 || channel >= channels) return;
      const source = ((image * height + row * stride) * width + column * stride) * channels + channel;
      y.data[index] = x.data[source] ?? 0;
      dx.data[source] = dy.data[index] ?? 0;
    });
    tf.tidy(() => {
      expectClose(shortcutLayer(tensor(x) as tf.Tensor4D, options), y, 1e-12);
      expectClose(tf.grad((t) => shortcutLayer(t as tf.Tensor4D, options))(tensor(x), tensor(dy)), dx, 1e-12);
    });
    expect(dx.data.some((value) => value !== 0)).toBe(true);
  });
}
