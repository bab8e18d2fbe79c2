import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/load.ts';
import { stream } from '../random/stream.ts';
import { attentionPairing, logitPairing, mapDistance } from './terms.ts';

beforeAll(() => loadEngine('wasm', { enginePack: null, deterministic: true }));

const SHAPE = [2, 3, 4, 5] as const;

/** Some activations after a ReLU: about half are 0. */
function activations(seed: number, shape: readonly number[] = SHAPE): Float32Array {
  const values = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  stream(seed, 'test').fillUniform(values, 0, values.length, -1, 1);
  return values.map((value) => Math.max(0, value));
}

const tensor = (values: Float32Array): tf.Tensor4D => tf.tensor4d(values.slice(), [...SHAPE]);

/** Attention pairing of one layer in float64, straight from the formula. */
function referenceAttention(clean: ArrayLike<number>, adversarial: ArrayLike<number>, exponent: number): number {
  const [batch, height, width, channels] = SHAPE;
  const positions = height * width;
  const unitMap = (values: ArrayLike<number>, row: number): number[] => {
    const map = Array.from({ length: positions }, (_, position) => {
      let sum = 0;
      for (let c = 0; c < channels; c += 1) {
        sum += Math.abs(values[(row * positions + position) * channels + c]!) ** exponent;
      }
      return sum;
    });
    const norm = Math.sqrt(map.reduce((sum, value) => sum + value * value, 0) + 1e-12);
    return map.map((value) => value / norm);
  };
  let total = 0;
  for (let row = 0; row < batch; row += 1) {
    const other = unitMap(adversarial, row);
    const squares = unitMap(clean, row).reduce((sum, value, at) => sum + (value - other[at]!) ** 2, 0);
    total += Math.sqrt(squares + 1e-12);
  }
  return total / batch;
}

/** Central differences of a float64 function. */
function slopes(of: (values: Float64Array) => number, at: Float32Array): number[] {
  return Array.from(at, (_, index) => {
    const values = Float64Array.from(at);
    const step = 1e-6;
    values[index]! += step;
    const up = of(values);
    values[index]! -= 2 * step;
    return (up - of(values)) / (2 * step);
  });
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  let worst = 0;
  for (let i = 0; i < expected.length; i += 1) worst = Math.max(worst, Math.abs(found[i]! - expected[i]!));
  expect(worst).toBeLessThan(tolerance);
}

describe('logit pairing', () => {
  const clean = [
    [1, -2, 0.5],
    [0, 3, 1],
  ];
  const adversarial = [
    [0, -1, 2.5],
    [0, 1, 2],
  ];

  it('is the mean over examples of the mean, or the sum, over classes', () => {
    const before = tf.memory().numTensors;
    const values = tf.tidy(() => {
      const pair = [tf.tensor2d(clean), tf.tensor2d(adversarial)] as const;
      return tf.stack([logitPairing(...pair, 'mean'), logitPairing(...pair, 'sum')]);
    });
    const [mean, sum] = values.dataSync();
    values.dispose();
    expect(sum).toBeCloseTo((1 + 1 + 4 + 0 + 4 + 1) / 2, 5);
    expect(mean).toBeCloseTo(sum! / 3, 5);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('sends its gradient through both branches', () => {
    const [a, b] = [tf.tensor2d(clean), tf.tensor2d(adversarial)];
    const gradients = tf.grads((x, y) => logitPairing(x as tf.Tensor2D, y as tf.Tensor2D, 'mean'))([a, b]);
    const expected = clean.flatMap((row, i) => row.map((value, k) => (2 * (value - adversarial[i]![k]!)) / 3 / 2));
    expectClose(gradients[0]!.dataSync(), expected, 1e-6);
    expectClose(
      gradients[1]!.dataSync(),
      expected.map((value) => -value),
      1e-6,
    );
    tf.dispose([a, b, ...gradients]);
  });
});

describe('attention pairing', () => {
  it.each([2, 1, 3.5])('equals the formula in float64, value and gradient of both branches (q = %d)', (exponent) => {
    const [clean, adversarial] = [activations(1), activations(2)];
    const before = tf.memory().numTensors;
    const inputs = [tensor(clean), tensor(adversarial)];
    const { value, grads } = tf.valueAndGrads((x, y) =>
      attentionPairing({ layer: x as tf.Tensor4D }, { layer: y as tf.Tensor4D }, { exponent }),
    )(inputs);
    expect(value.dataSync()[0]).toBeCloseTo(referenceAttention(clean, adversarial, exponent), 5);
    const positive = (values: Float32Array, at: number): boolean => values[at]! > 0;
    const compare = (found: ArrayLike<number>, expected: number[], at: Float32Array): void => {
      // At 0 the map of q = 1 has a kink, where a central difference is no reference.
      const inside = expected.map((_, index) => index).filter((index) => positive(at, index));
      expect(inside.length).toBeGreaterThan(40);
      expectClose(
        inside.map((index) => found[index]!),
        inside.map((index) => expected[index]!),
        2e-5,
      );
    };
    compare(
      grads[0]!.dataSync(),
      slopes((values) => referenceAttention(values, adversarial, exponent), clean),
      clean,
    );
    compare(
      grads[1]!.dataSync(),
      slopes((values) => referenceAttention(clean, values, exponent), adversarial),
      adversarial,
    );
    tf.dispose([...inputs, value, ...grads]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('sums over the layers', () => {
    const values = tf.tidy(() => {
      const [a, b] = [tensor(activations(1)), tensor(activations(2))];
      return tf.stack([
        attentionPairing({ one: a }, { one: b }, { exponent: 2 }),
        attentionPairing({ one: a, two: a }, { one: b, two: b }, { exponent: 2 }),
      ]);
    });
    const [one, two] = values.dataSync();
    expect(two).toBeCloseTo(2 * one!, 5);
    values.dispose();
  });

  it('is 0 with a finite gradient on equal maps and on maps of zeros', () => {
    const same = tensor(activations(3));
    const zeros = tf.zeros<tf.Rank.R4>([...SHAPE]);
    for (const [x, y] of [
      [same, same],
      [zeros, zeros],
      [zeros, same],
    ] as const) {
      const { value, grads } = tf.valueAndGrads((a, b) => tf.mean(mapDistance(a as tf.Tensor4D, b as tf.Tensor4D, 2)))([
        x,
        y,
      ]);
      expect(value.dataSync()[0]).toBeCloseTo(x === y ? 0 : 1, 5);
      for (const gradient of grads) expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
      tf.dispose([value, ...grads]);
    }
    tf.dispose([same, zeros]);
  });

  it('does not change when an activation is scaled', () => {
    const distances = tf.tidy(() => {
      const [a, b] = [tensor(activations(1)), tensor(activations(2))];
      return tf.stack([mapDistance(a, b, 2), mapDistance(tf.mul(a, 7), b, 2)]);
    });
    const [first, second, scaledFirst, scaledSecond] = distances.dataSync();
    expect(scaledFirst).toBeCloseTo(first!, 5);
    expect(scaledSecond).toBeCloseTo(second!, 5);
    distances.dispose();
  });
});
