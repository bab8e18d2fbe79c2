import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { shapeSize, type NpyArray } from '../arrays/npy.ts';
import { readNpz, type NpzArrays } from '../arrays/npz.ts';
import { crossEntropyFromLogits } from '../losses.ts';
import { stream } from '../random/stream.ts';
import { inputGradient } from './classifier.ts';
import { forward, forwardFrom, forwardTraining } from './forward.ts';
import { freeze, frozenNetwork, frozenWeights } from './frozen.ts';
import { buildNetwork, weightsFromList, type Network, type Weights } from './network.ts';
import { weightsFromArrays } from './weights.ts';

/** Largest difference, relative to the largest expected value. */
function relativeError(actual: tf.Tensor, expected: ArrayLike<number>): number {
  const values = actual.dataSync();
  expect(values.length).toBe(expected.length);
  let [worst, scale] = [0, 1e-12];
  for (const [index, value] of values.entries()) {
    const wanted = expected[index] ?? NaN;
    scale = Math.max(scale, Math.abs(wanted));
    worst = Math.max(worst, Number.isFinite(value) ? Math.abs(value - wanted) : Infinity);
  }
  return worst / scale;
}

function numbers(array: NpyArray | undefined): Float32Array {
  if (!array) throw new Error('The fixture lacks an array.');
  return Float32Array.from(array.data, Number);
}

/** Euclidean distance, relative to the expected length: one ReLU on the other side of 0 does not count as an error. */
function relativeDistance(actual: tf.Tensor, expected: tf.Tensor): number {
  const length = (tensor: tf.Tensor): number => tf.tidy(() => tf.norm(tensor).dataSync<'float32'>()[0] ?? NaN);
  return tf.tidy(() => length(tf.sub(actual, expected)) / length(expected));
}

/**
 * Weights with statistics that do something: deviations and means far from 1 and 0. Made of a few thousand random numbers
 * over and over, because the largest network has 25 million.
 */
function liveWeights(network: Network): Weights {
  const normal = new Float32Array(4099);
  stream(8, 'weights').fillNormal(normal, 0, normal.length);
  let position = 0;
  const next = (): number => normal[position++ % normal.length] ?? 0;
  return Object.fromEntries(
    network.parameters.map(({ name, shape }) => {
      const values = new Float32Array(shapeSize(shape));
      const deviation = shape.length === 4 ? Math.sqrt(2 / shapeSize(shape.slice(0, 3))) : 0.1;
      const positive = name.endsWith('_variance') || name.endsWith('_gamma');
      for (let index = 0; index < values.length; index++) {
        values[index] = positive ? 0.5 + Math.min(1.5, Math.abs(next())) : next() * deviation;
      }
      return [name, tf.tensor(values, [...shape])];
    }),
  );
}

/** Residual networks on the current engine. */
export function testResidualNetworks(): void {
  describe('CIFAR ResNet-20 is that of PyTorch', () => {
    const load = async (): Promise<{
      arrays: NpzArrays;
      network: Network;
      weights: Weights;
      x: tf.Tensor4D;
      y: tf.Tensor1D;
    }> => {
      const file = join(import.meta.dirname, '../fixtures/fixture-resnet20.npz');
      const arrays = await readNpz(file);
      const network = buildNetwork('cifar-resnet20', [32, 32, 3], 10);
      return {
        arrays,
        network,
        weights: weightsFromArrays(network, arrays, file),
        x: tf.tensor4d(
          numbers(arrays['images_u8']).map((byte) => byte / 255),
          [4, 32, 32, 3],
        ),
        y: tf.tensor1d(Int32Array.from(numbers(arrays['labels'])), 'int32'),
      };
    };

    it('in evaluation: logits and input gradients, folded and not', async () => {
      const { arrays, network, weights, x, y } = await load();
      tf.tidy(() => {
        const frozen = [frozenNetwork(network), frozenWeights(network, weights)] as const;
        for (const [model, values] of [[network, weights] as const, frozen]) {
          const { logits, gradient } = inputGradient(model, values, x, y);
          expect(relativeError(logits, numbers(arrays['logits']))).toBeLessThan(1e-4);
          expect(relativeError(gradient, numbers(arrays['input_gradient']))).toBeLessThan(1e-3);
        }
      });
      tf.dispose([x, y, ...Object.values(weights)]);
    });

    it('in training: loss, gradients by the weights, and the moving statistics of the batch', async () => {
      const { arrays, network, weights, x, y } = await load();
      const trained = network.parameters.filter((parameter) => parameter.trainable);
      tf.tidy(() => {
        const { logits, statistics } = forwardTraining(network, weights, x);
        expect(relativeError(logits, numbers(arrays['train_logits']))).toBeLessThan(1e-4);
        for (const { name, trainable } of network.parameters) {
          if (trainable) continue;
          const moved = tf.add(tf.mul(weights[name]!, 0.9), tf.mul(statistics[name]!, 0.1));
          expect(relativeError(moved, numbers(arrays[`moved/${name}`]))).toBeLessThan(1e-4);
        }
        const { value, grads } = tf.valueAndGrads((...list: tf.Tensor[]) => {
          const own = Object.fromEntries(trained.map(({ name }, index) => [name, list[index]!]));
          return tf.mean(crossEntropyFromLogits(forwardTraining(network, { ...weights, ...own }, x).logits, y));
        })(trained.map(({ name }) => weights[name]!));
        expect(value.dataSync()[0]).toBeCloseTo(numbers(arrays['train_loss'])[0]!, 4);
        let compared = 0;
        trained.forEach(({ name }, index) => {
          const expected = arrays[`gradient/${name}`];
          if (!expected) return;
          compared += 1;
          expect(relativeError(grads[index]!, numbers(expected)), name).toBeLessThan(1e-3);
        });
        expect(compared).toBe(44);
      });
      tf.dispose([x, y, ...Object.values(weights)]);
    });
  });

  it.each([
    ['cifar-resnet20', 17, 1, 1e-5, 1e-3],
    ['resnet18', 32, 3, 1e-5, 1e-3],
    // Of its many ReLUs of 1×1 positions a few lie on the other side of 0, and each counts for much of the gradient.
    ['resnet50', 32, 3, 4e-5, 0.1],
  ] as const)(
    '%s at side %i: folded is unfolded, from every tap on too',
    (architecture, side, channels, tolerance, flips) => {
      const network = buildNetwork(architecture, [side, side, channels], 4);
      const source = stream(9, 'images');
      const before = tf.memory().numTensors;
      const weights = liveWeights(network);
      const images = Float32Array.from({ length: 2 * side * side * channels }, () => source.uniform());
      tf.tidy(() => {
        const x = tf.tensor4d(images, [2, side, side, channels]);
        const y = tf.tensor1d([3, 1], 'int32');
        const plain = inputGradient(network, weights, x, y);
        const names = network.taps.map(({ name }) => name);
        const { activations } = forward(network, weights, x, names);
        const model = [frozenNetwork(network), frozenWeights(network, weights)] as const;
        const folded = inputGradient(...model, x, y);
        expect(relativeError(folded.logits, plain.logits.dataSync())).toBeLessThan(tolerance);
        expect(relativeDistance(folded.gradient, plain.gradient)).toBeLessThan(flips);
        const tapped = forward(...model, x, names).activations;
        for (const name of names) {
          expect(relativeError(tapped[name]!, activations[name]!.dataSync())).toBeLessThan(tolerance);
          const logits = forwardFrom(...model, name, tapped[name]!);
          expect(relativeError(logits, plain.logits.dataSync())).toBeLessThan(tolerance);
        }
      });
      const frozen = freeze(network, weights);
      expect(tf.memory().numTensors - before).toBe(frozen.network.parameters.length);
      const again = freeze(frozen.network, frozen.weights);
      expect(Object.values(again.weights)).toEqual(Object.values(frozen.weights));
      tf.dispose(Object.values(again.weights));
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('moving statistics do not enter the loss in training, and attacks leave them alone', () => {
    const network = buildNetwork('cifar-resnet20', [8, 8, 3], 3);
    tf.tidy(() => {
      const weights = liveWeights(network);
      const other = weightsFromList(
        network,
        network.parameters.map(({ name, trainable }) => (trainable ? weights[name]! : tf.add(weights[name]!, 1))),
      );
      const x = tf.tensor4d(
        Float32Array.from({ length: 4 * 192 }, (_, index) => (index % 11) / 11),
        [4, 8, 8, 3],
      );
      const [one, two] = [forwardTraining(network, weights, x), forwardTraining(network, other, x)];
      expect(two.logits.dataSync()).toEqual(one.logits.dataSync());
      const evaluated = [forward(network, weights, x), forward(network, other, x)].map(({ logits }) =>
        logits.dataSync(),
      );
      expect(evaluated[0]).not.toEqual(evaluated[1]);
      const names = network.parameters.flatMap(({ name, trainable }) => (trainable ? [] : [name]));
      expect(Object.keys(one.statistics).toSorted()).toEqual(names.toSorted());
    });
  });
}
