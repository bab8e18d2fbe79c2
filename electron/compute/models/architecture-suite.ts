import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { shapeSize, type NpyArray } from '../arrays/npy.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import { convolve, convolveGradients, grid } from '../engines/kernels/float64.ts';
import { depthwiseLayer } from '../engines/kernels/layers.ts';
import { expectClose, random, tensor } from '../engines/kernels/suite-values.ts';
import { stream } from '../random/stream.ts';
import { inputGradient } from './classifier.ts';
import { denoise, DENOISE_METHODS, isEmbedded } from './denoise.ts';
import { forward, forwardFrom, forwardTraining } from './forward.ts';
import { freeze, frozenNetwork, frozenWeights } from './frozen.ts';
import { buildNetwork, initialWeights, type Network, type Weights } from './network.ts';
import { transferArrays } from './transfer.ts';
import { weightsFromArrays } from './weights.ts';

interface PeerCase {
  readonly architecture: string;
  readonly settings: SettingValues;
  readonly shape: ImageShape;
  /** Name, shape and number of each array of the peer's state. */
  readonly parameters: readonly (readonly [string, readonly number[], number])[];
  readonly logits: readonly number[];
  readonly gradient: readonly number[];
  readonly train_logits: readonly number[];
}

const CASES = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/architectures.json'), 'utf8'),
) as readonly PeerCase[];

/** The formula of scripts/fixtures/architectures.py. */
function values(seed: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => {
    const mixed = (Math.imul(index + 1, 2654435761) + Math.imul(seed, 40503)) >>> 0;
    return (Math.imul(mixed ^ (mixed >>> 15), 2246822519) >>> 8) / 2 ** 24;
  });
}

/** The peer's state, in its own layout and names. */
function peerState({ parameters }: PeerCase): NpzArrays {
  return Object.fromEntries(
    parameters.map(([name, shape, number]): [string, NpyArray] => {
      const positive = name.endsWith('running_var') || name.endsWith('weight');
      const bound = Math.sqrt(3 / shapeSize(shape.slice(1)));
      const data = Float32Array.from(values(number, shapeSize(shape)), (value) => {
        if (shape.length > 1) return (2 * value - 1) * bound;
        return positive ? 0.5 + value : (value - 0.5) / 2;
      });
      return [name, { dtype: 'f32', shape, data }];
    }),
  );
}

function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let [worst, scale] = [0, 1e-12];
  for (let index = 0; index < expected.length; index += 1) {
    const [found, wanted] = [actual[index] ?? NaN, expected[index] ?? NaN];
    scale = Math.max(scale, Math.abs(wanted));
    worst = Math.max(worst, Number.isFinite(found) ? Math.abs(found - wanted) : Infinity);
  }
  return worst / scale;
}

/** Euclidean distance, relative to the expected length: one ReLU on the other side of 0 does not count as an error. */
function relativeDistance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let [distance, length] = [0, 0];
  for (let index = 0; index < expected.length; index += 1) {
    distance += ((actual[index] ?? NaN) - (expected[index] ?? NaN)) ** 2;
    length += (expected[index] ?? NaN) ** 2;
  }
  return Math.sqrt(distance / length);
}

/** Fresh weights of which none is 0 or 1 throughout. */
function liveWeights(network: Network): Weights {
  const fresh = initialWeights(network, 3);
  return Object.fromEntries(
    Object.entries(fresh).map(([name, tensor], at) => {
      const noise = Float32Array.from(values(at + 1, tensor.size), (value) => (value - 0.5) / 4);
      const sum = tf.tidy(() => tf.add(tensor, tf.reshape(tf.tensor1d(noise), tensor.shape)));
      const scaled = /_(w|b)$/.test(name) ? tensor : name.endsWith('_gamma') ? tf.tidy(() => tf.add(sum, 0.3)) : sum;
      tf.dispose([tensor, sum].filter((each) => each !== scaled));
      return [name, scaled];
    }),
  );
}

const DENOISED: readonly (readonly [string, number, SettingValues])[] = DENOISE_METHODS.map((denoiseMethod) => [
  'convnet-64',
  18,
  { width: 0.25, denoise: ['conv1', 'conv3'], denoiseMethod },
]);
const FOLDED: readonly (readonly [string, number, SettingValues])[] = [
  ...DENOISED,
  ['resnet50-v2', 33, { width: 0.0625 }],
  ['preact-resnet18', 15, { width: 0.125 }],
  ['mobilenet-v2', 33, { width: 0.25 }],
  ['vgg11-bn', 33, { width: 0.0625 }],
];

/** Every kind of architecture on the current engine. */
export function testArchitectures(): void {
  describe('architectures with the weights of PyTorch’s', () => {
    it.each(CASES)('$architecture with $settings', (peer) => {
      const network = buildNetwork(peer.architecture, peer.shape, 5, false, { settings: peer.settings });
      const { arrays, report } = transferArrays(network, peerState(peer), 'the peer');
      expect(report.fresh).toEqual([]);
      expect(report.unused).toEqual([]);
      const [height, width, channels] = peer.shape;
      const pixels = Float32Array.from(values(0, 2 * height * width * channels));
      tf.tidy(() => {
        const weights = weightsFromArrays(network, arrays, 'the peer');
        const x = tf.tensor4d(pixels, [2, height, width, channels]);
        const labels = tf.tensor1d([1, 3], 'int32');
        const frozen = [frozenNetwork(network), frozenWeights(network, weights)] as const;
        for (const model of [[network, weights] as const, frozen]) {
          const { logits, gradient } = inputGradient(...model, x, labels);
          expect(relativeError(logits.dataSync(), peer.logits)).toBeLessThan(1e-4);
          const first = tf.transpose(tf.slice(gradient, 0, [1, ...peer.shape]), [0, 3, 1, 2]).dataSync();
          const fifths = Array.from(first).filter((_, index) => index % 5 === 0);
          expect(relativeDistance(fifths, peer.gradient)).toBeLessThan(1e-2);
        }
        const { logits } = forwardTraining(network, weights, x);
        expect(relativeError(logits.dataSync(), peer.train_logits)).toBeLessThan(2e-3);
      });
    });
  });

  describe('folded is unfolded, from every tap on too, and nothing is left behind', () => {
    it.each(FOLDED)('%s at side %i with %j', (architecture, side, settings) => {
      const network = buildNetwork(architecture, [side, side - 1, 3], 4, true, { settings });
      const before = tf.memory().numTensors;
      const weights = liveWeights(network);
      const images = Float32Array.from({ length: 2 * shapeSize(network.inputShape) });
      stream(9, 'images').fillUniform(images, 0, images.length, 0, 1);
      tf.tidy(() => {
        const x = tf.tensor4d(images, [2, side, side - 1, 3]);
        const y = tf.tensor1d([3, 1], 'int32');
        const plain = inputGradient(network, weights, x, y);
        const folded = [frozenNetwork(network), frozenWeights(network, weights)] as const;
        expect(folded[0].layers.some(({ kind }) => kind === 'norm')).toBe(false);
        const again = inputGradient(...folded, x, y);
        expect(relativeError(again.logits.dataSync(), plain.logits.dataSync())).toBeLessThan(1e-4);
        expect(relativeDistance(again.gradient.dataSync(), plain.gradient.dataSync())).toBeLessThan(1e-2);
        const names = network.taps.map(({ name }) => name);
        const { activations } = forward(...folded, x, names);
        for (const name of names) {
          const logits = forwardFrom(...folded, name, activations[name]!);
          expect(relativeError(logits.dataSync(), plain.logits.dataSync())).toBeLessThan(1e-4);
        }
      });
      const frozen = freeze(network, weights);
      expect(tf.memory().numTensors - before).toBe(frozen.network.parameters.length);
      tf.dispose(Object.values(frozen.weights));
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  describe('convolutions of each channel by itself, and their gradients', () => {
    it.each([
      [[2, 6, 7, 8], 3, 1],
      [[1, 5, 8, 3], 3, 2],
      [[2, 7, 7, 4], 5, 2],
      [[3, 8, 4, 5], 5, 1],
    ] as const)('of %j, kernel %i, stride %i', (shape, k, stride) => {
      const channels = shape[3];
      const [x, filter, bias] = [random('x', shape), random('w', [k, k, channels, 1]), random('b', [channels])];
      // The same as a convolution over all channels whose filter is 0 from any channel to another one.
      const wide = grid([k, k, channels, channels]);
      filter.data.forEach((value, at) => (wide.data[at * channels + (at % channels)] = value));
      const window = { pad: 'same', stride } as const;
      const y = convolve(x, wide, bias, window);
      const dy = random('dy', y.shape);
      for (const relu of [false, true]) {
        const active = dy.data.map((value, at) => (!relu || (y.data[at] ?? 0) > 0 ? value : 0));
        const { dx, dFilter } = convolveGradients(x, wide, grid(dy.shape, active), window);
        const own = grid(
          filter.shape,
          filter.data.map((_, at) => dFilter.data[at * channels + (at % channels)] ?? 0),
        );
        const sums = grid([channels]);
        active.forEach((value, at) => (sums.data[at % channels] = (sums.data[at % channels] ?? 0) + value));
        tf.tidy(() => {
          const layer = (...list: tf.Tensor[]): tf.Tensor =>
            depthwiseLayer(list[0] as tf.Tensor4D, list[1] as tf.Tensor4D, list[2] as tf.Tensor1D, { stride, relu });
          const inputs = [tensor(x), tensor(filter), tensor(bias)];
          const found = relu ? y.data.map((value) => Math.max(0, value)) : y.data;
          expectClose(layer(...inputs), grid(y.shape, found));
          const [byX, byFilter, byBias] = tf.grads(layer)(inputs, tensor(dy));
          expectClose(byX!, dx);
          expectClose(byFilter!, own, 1e-5);
          expectClose(byBias!, sums, 1e-5);
        });
      }
    });
  });

  it.each(DENOISE_METHODS)('the gradient of denoising is the slope: %s', (method) => {
    const shape = [2, 5, 4, 6] as const;
    tf.tidy(() => {
      const inputs = ['x', 'theta', 'phi'].map((name) => tensor(random(name, shape)) as tf.Tensor4D);
      const used = isEmbedded(method) ? inputs : inputs.slice(0, 1);
      const weights = tensor(random('weights', shape));
      const score = (...[x, ...embeddings]: tf.Tensor[]): tf.Scalar =>
        tf.sum(tf.mul(weights, denoise(x as tf.Tensor4D, embeddings as tf.Tensor4D[], method)));
      tf.grads(score)(used).forEach((gradient, at) => {
        const direction = tensor(random('direction', shape));
        const along = (step: number): number =>
          score(...used.with(at, tf.add<tf.Tensor4D>(used[at]!, tf.mul(direction, step)))).dataSync()[0]!;
        const slope = (along(2e-3) - along(-2e-3)) / 4e-3;
        expect(slope).toBeCloseTo(tf.sum(tf.mul(gradient, direction)).dataSync()[0]!, 2);
      });
    });
  });
}
