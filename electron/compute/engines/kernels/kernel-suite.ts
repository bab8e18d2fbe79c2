import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { crossEntropyFromLogits } from '../../losses.ts';
import { inputGradient } from '../../models/classifier.ts';
import {
  buildNetwork,
  forward,
  forwardFrom,
  initialWeights,
  weightList,
  weightsFromList,
} from '../../models/network.ts';
import { testArchitectures } from '../../models/architecture-suite.ts';
import { testResidualNetworks } from '../../models/residual-suite.ts';
import { convolve, convolveGradients, grid, networkGradients, pool, product, type Grid } from './float64.ts';
import { convLayer, denseLayer, poolLayer } from './layers.ts';
import type { Padding, Stride } from './names.ts';
import { testResidualKernels } from './residual-suite.ts';
import { expectClose, random, tensor } from './suite-values.ts';

function relu(values: Grid): Grid {
  return grid(
    values.shape,
    values.data.map((value) => Math.max(0, value)),
  );
}

interface ConvolutionCase {
  readonly images: number;
  readonly side: readonly [number, number];
  readonly k: number;
  readonly from: number;
  readonly to: number;
  readonly pad: Padding;
  readonly stride?: Stride;
}

const CONVOLUTIONS: readonly ConvolutionCase[] = [
  { images: 3, side: [28, 28], k: 5, from: 1, to: 8, pad: 'same' },
  { images: 2, side: [14, 14], k: 5, from: 8, to: 16, pad: 'same' },
  { images: 2, side: [9, 11], k: 5, from: 3, to: 16, pad: 'same' },
  { images: 2, side: [14, 14], k: 5, from: 6, to: 16, pad: 'valid' },
  { images: 1, side: [12, 10], k: 5, from: 1, to: 6, pad: 'same' },
  { images: 2, side: [7, 5], k: 3, from: 4, to: 12, pad: 'same' },
  { images: 2, side: [6, 6], k: 3, from: 2, to: 5, pad: 'valid' },
  { images: 2, side: [5, 4], k: 3, from: 2, to: 3, pad: 'same' },
  { images: 1, side: [3, 3], k: 5, from: 1, to: 4, pad: 'same' },
  { images: 2, side: [8, 8], k: 1, from: 7, to: 9, pad: 'valid' },
  { images: 2, side: [6, 7], k: 4, from: 3, to: 8, pad: 'same' },
  { images: 1, side: [8, 8], k: 3, from: 32, to: 64, pad: 'same' },
  { images: 2, side: [8, 8], k: 3, from: 16, to: 32, pad: 'same', stride: 2 },
  { images: 2, side: [7, 9], k: 3, from: 5, to: 8, pad: 'same', stride: 2 },
  { images: 1, side: [16, 14], k: 7, from: 3, to: 16, pad: 'same', stride: 2 },
  { images: 2, side: [9, 8], k: 5, from: 4, to: 6, pad: 'valid', stride: 2 },
  { images: 2, side: [7, 6], k: 1, from: 12, to: 20, pad: 'same', stride: 2 },
  { images: 2, side: [2, 2], k: 3, from: 128, to: 64, pad: 'same' },
  { images: 2, side: [5, 4], k: 3, from: 128, to: 32, pad: 'same', stride: 2 },
  { images: 1, side: [6, 7], k: 3, from: 128, to: 16, pad: 'valid', stride: 2 },
];

/** The layer kernels of the current engine against the same in float64. */
export function testLayerKernels(): void {
  describe('convolutions and their gradients', () => {
    it.each(CONVOLUTIONS.map((each) => ({ stride: 1 as const, ...each })))(
      '$images × $side, kernel $k, $from → $to channels, $pad, stride $stride',
      ({ images, side: [height, width], k, from, to, pad, stride }) => {
        const window = { pad, stride };
        const [x, filter, bias] = [
          random('x', [images, height, width, from]),
          random('w', [k, k, from, to]),
          random('b', [to]),
        ];
        const y = convolve(x, filter, bias, window);
        const dy = random('dy', y.shape);
        const active = grid(
          dy.shape,
          dy.data.map((value, index) => ((y.data[index] ?? 0) > 0 ? value : 0)),
        );
        const { dx, dFilter } = convolveGradients(x, filter, active, window);
        const dBias = grid([to]);
        active.data.forEach((value, index) => (dBias.data[index % to] = (dBias.data[index % to] ?? 0) + value));
        tf.tidy(() => {
          const inputs = [tensor(x), tensor(filter), tensor(bias)] as [tf.Tensor4D, tf.Tensor4D, tf.Tensor1D];
          expectClose(convLayer(...inputs, { ...window, relu: false }), y);
          expectClose(convLayer(...inputs, { ...window, relu: true }), relu(y));
          const gradients = tf.grads((...list: tf.Tensor[]) =>
            convLayer(...(list as typeof inputs), { ...window, relu: true }),
          );
          const [byX, byFilter, byBias] = gradients(inputs, tensor(dy)) as [tf.Tensor, tf.Tensor, tf.Tensor];
          expectClose(byX, dx);
          expectClose(byFilter, dFilter);
          expectClose(byBias, dBias, 1e-5);
        });
      },
    );
  });

  describe('pooling', () => {
    it.each([
      { shape: [2, 6, 8, 8], levels: undefined },
      { shape: [2, 6, 8, 8], levels: undefined, size: 3 },
      { shape: [2, 7, 6, 4], levels: 2, size: 3 },
      { shape: [1, 5, 9, 3], levels: 3, size: 3 },
      { shape: [2, 6, 8, 8], levels: 2 },
      { shape: [1, 7, 5, 4], levels: 2 },
      { shape: [3, 4, 4, 6], levels: 1 },
      { shape: [2, 5, 6, 3], levels: 3 },
    ] as const)('of $shape, $levels levels: the gradient goes to the first maximum', (pooling) => {
      const { shape, levels } = pooling;
      const size = 'size' in pooling ? pooling.size : 2;
      const x = random('x', shape, levels);
      const { y, sources } = pool(x, size);
      const dy = random('dy', y.shape);
      for (const masked of [false, true]) {
        const dx = grid(shape);
        sources.forEach((source, index) => {
          if (!masked || (y.data[index] ?? 0) > 0) dx.data[source] = (dx.data[source] ?? 0) + (dy.data[index] ?? 0);
        });
        tf.tidy(() => {
          expectClose(poolLayer(tensor(x) as tf.Tensor4D, masked, size), y, 1e-12);
          expectClose(tf.grad((t) => poolLayer(t as tf.Tensor4D, masked, size))(tensor(x), tensor(dy)), dx, 1e-6);
        });
      }
    });
  });

  testResidualKernels();

  it('dense layers and their gradients', () => {
    for (const [rows, inputs, outputs] of [
      [5, 12, 7],
      [64, 100, 64],
      [1, 3, 2],
    ] as const) {
      const [x, matrix, bias] = [random('x', [rows, inputs]), random('w', [inputs, outputs]), random('b', [outputs])];
      const y = product(x, matrix, bias);
      const dy = random('dy', [rows, outputs]);
      tf.tidy(() => {
        const layer = (...list: tf.Tensor[]): tf.Tensor =>
          denseLayer(list[0] as tf.Tensor2D, list[1] as tf.Tensor2D, list[2] as tf.Tensor1D, true);
        const values = [tensor(x), tensor(matrix), tensor(bias)];
        expectClose(layer(...values), relu(y));
        const gradients = tf.grads(layer)(values, tensor(dy));
        const active = grid(
          dy.shape,
          dy.data.map((value, index) => ((y.data[index] ?? 0) > 0 ? value : 0)),
        );
        const column = (size: number): Grid => grid([size]);
        const flip = ({ shape: [n = 0, m = 0], data }: Grid): Grid =>
          grid(
            [m, n],
            Array.from(data, (_, index) => data[(index % n) * m + Math.floor(index / n)] ?? 0),
          );
        expectClose(gradients[0]!, product(active, flip(matrix), column(inputs)));
        expectClose(gradients[1]!, product(flip(x), active, column(outputs)), 1e-5);
      });
    }
  });
}

/** Kernels and the networks made of them. */
export function testKernels(): void {
  testLayerKernels();

  describe('whole networks', () => {
    it.each([
      ['small-cnn', 28, 1],
      ['small-cnn', 13, 3],
      ['mnist-cnn', 12, 1],
      ['lenet', 20, 1],
      ['lenet', 28, 3],
    ] as const)('%s at side %i with %i channels: logits and every gradient', (architecture, side, channels) => {
      const network = buildNetwork(architecture, [side, side, channels], 5);
      const images = random('images', [3, side, side, channels]);
      const labels = [4, 0, 2];
      tf.tidy(() => {
        const weights = initialWeights(network, 5);
        const reference = networkGradients(
          network,
          Object.fromEntries(
            Object.entries(weights).map(([name, value]) => [name, grid(value.shape, value.dataSync())]),
          ),
          images,
          labels,
        );
        const x = tensor(images) as tf.Tensor4D;
        const y = tf.tensor1d(labels, 'int32');
        const once = inputGradient(network, weights, x, y);
        expectClose(once.logits, reference.logits, 1e-5);
        expectClose(once.gradient, reference.gradients['images']!, 2e-5);
        for (const taps of [[], network.taps.map(({ name }) => name)]) {
          const gradients = tf.grads((input: tf.Tensor, ...list: tf.Tensor[]) => {
            const { logits } = forward(network, weightsFromList(network, list), input as tf.Tensor4D, taps);
            return tf.sum(crossEntropyFromLogits(logits, y));
          })([x, ...weightList(network, weights)]);
          ['images', ...network.parameters.map(({ name }) => name)].forEach((name, index) => {
            expectClose(gradients[index]!, reference.gradients[name]!, 2e-5);
          });
        }
        const { activations, logits } = forward(network, weights, x, ['conv2']);
        expect(activations['conv2']!.shape).toEqual([3, ...network.taps[1]!.shape]);
        expectClose(
          forwardFrom(network, weights, 'conv2', activations['conv2']!),
          grid(logits.shape, logits.dataSync()),
          1e-6,
        );
      });
    });

    it('adds the gradients that reach a tapped activation from both sides', () => {
      const network = buildNetwork('small-cnn', [12, 12, 1], 3);
      tf.tidy(() => {
        const weights = initialWeights(network, 6);
        const x = tensor(random('images', [2, 12, 12, 1])) as tf.Tensor4D;
        const score = (input: tf.Tensor): [logits: tf.Tensor, map: tf.Tensor] => {
          const { logits, activations } = forward(network, weights, input as tf.Tensor4D, ['conv1']);
          return [tf.sum(tf.square(logits)), tf.sum(tf.square(activations['conv1']!))];
        };
        const both = tf.grad((input) => tf.add(...score(input)))(x);
        const sum = tf.add(tf.grad((input) => score(input)[0])(x), tf.grad((input) => score(input)[1])(x));
        expectClose(both, grid(sum.shape, sum.dataSync()), 1e-5);
      });
    });
  });

  testResidualNetworks();
  testArchitectures();

  it('leaves no tensor behind', () => {
    const network = buildNetwork('lenet', [20, 20, 1], 4);
    const weights = initialWeights(network, 1);
    const x = tensor(random('images', [2, 20, 20, 1])) as tf.Tensor4D;
    const y = tf.tensor1d([1, 2], 'int32');
    const run = (): void => {
      tf.dispose(Object.values(tf.tidy(() => inputGradient(network, weights, x, y))));
      tf.dispose(
        tf.grads((...list: tf.Tensor[]) =>
          tf.sum(crossEntropyFromLogits(forward(network, weightsFromList(network, list), x).logits, y)),
        )(weightList(network, weights)),
      );
    };
    run();
    const { numTensors, numBytes } = tf.memory();
    const held = tf.backend().numDataIds();
    for (let repeat = 0; repeat < 3; repeat++) run();
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    expect(tf.backend().numDataIds()).toBe(held);
    tf.dispose([x, y, ...weightList(network, weights)]);
  });
}
