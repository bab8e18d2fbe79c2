import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAP_METHODS, type MapMethod, type MapTarget } from '../../../../shared/domain/gallery.ts';
import type { SettingValues } from '../../../../shared/domain/settings.ts';
import type { Examples } from '../../attacks/base/examples.ts';
import { loadEngine } from '../../engines/load.ts';
import { loadFixture, type PeerFixture } from '../../fixtures/peers.ts';
import { buildNetwork, forward, forwardFrom, initialWeights, type Network } from '../../models/network.ts';
import { stream } from '../../random/stream.ts';
import { viewOf } from '../maps.ts';
import { activationSlope } from './method.ts';
import { patchStarts } from './hiding.ts';
import { MAP_DEFINITIONS, findMapMethod } from './registry.ts';

const FREE = { checkpoint: () => Promise.resolve() };
const peers = JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/attention-maps.json'), 'utf8')) as {
  readonly rows: readonly number[];
  readonly steps: number;
  readonly maps: Readonly<Record<string, { readonly values: readonly number[] }>>;
};

beforeAll(() => loadEngine('wasm', { enginePack: null, deterministic: true }));

interface Asked {
  readonly method: MapMethod;
  readonly settings?: SettingValues;
  readonly layer?: string;
  readonly target?: MapTarget;
  readonly batchSize?: number;
}

async function mapsOf(
  subject: { readonly network: Network; readonly weights: PeerFixture['weights'] },
  examples: Examples,
  { method, settings = {}, layer = subject.network.taps.at(-1)?.name ?? '', target = 'true', batchSize = 8 }: Asked,
): Promise<Float32Array> {
  const before = tf.memory().numTensors;
  const wanted = { layer, methods: [method], settings: { [method]: settings }, target, batchSize, seed: 3 };
  const { maps } = await viewOf(subject, examples, wanted, FREE);
  expect(tf.memory().numTensors).toBe(before);
  return maps[method]?.values ?? new Float32Array();
}

function pick({ images, labels, indices, shape }: Examples, rows: readonly number[]): Examples {
  const size = shape[0] * shape[1] * shape[2];
  return {
    images: Float32Array.from(rows.flatMap((row) => [...images.subarray(row * size, (row + 1) * size)])),
    labels: Int32Array.from(rows, (row) => labels[row]!),
    indices: Uint32Array.from(rows, (row) => indices[row]!),
    shape,
  };
}

describe('on a trained network', () => {
  let fixture: PeerFixture;
  let examples: Examples;
  beforeAll(async () => {
    fixture = await loadFixture('small-nat');
    examples = pick(fixture.examples, peers.rows);
  });
  afterAll(() => fixture.dispose());

  it.each([
    ['grad-cam', {}],
    ['grad-cam-plus-plus', {}],
    ['hires-cam', {}],
    ['xgrad-cam', {}],
    ['layer-cam', {}],
    ['score-cam', {}],
    ['ablation-cam', {}],
    ['integrated-gradients', { steps: peers.steps }],
    ['guided-backpropagation', {}],
  ] as const)('%s is what PyTorch makes', async (method, settings) => {
    const found = await mapsOf(fixture, examples, { method, settings, layer: 'conv2' });
    expectClose(found, peers.maps[method]!.values);
  });

  it('Eigen-CAM is what pytorch-grad-cam makes, up to the sign', async () => {
    const found = await mapsOf(fixture, examples, { method: 'eigen-cam', settings: { centred: true }, layer: 'conv2' });
    const theirs = peers.maps['eigen-cam']!.values;
    for (const row of [0, 1]) {
      const own = Array.from(found.subarray(row * 196, (row + 1) * 196));
      const other = theirs.slice(row * 196, (row + 1) * 196);
      const sign = Math.sign(own.reduce((sum, value, at) => sum + value * other[at]!, 0));
      expectClose(
        own,
        other.map((value) => sign * value),
      );
    }
  });

  it.each(MAP_METHODS)('%s of an example is the same in any batch', async (method) => {
    const settings: SettingValues =
      {
        rise: { masks: 20 },
        'smooth-grad': { samples: 3 },
        'integrated-gradients': { steps: 4 },
        occlusion: { patch: 14 },
      }[method as string] ?? {};
    const together = await mapsOf(fixture, examples, { method, settings, layer: 'conv2' });
    const alone = await mapsOf(fixture, pick(examples, [1]), { method, settings, layer: 'conv2', batchSize: 3 });
    expectClose(alone, together.subarray(together.length / 2));
    expect(together.some((value) => value !== 0)).toBe(true);
  });

  it('the gradients of a margin are the difference of those of its classes', async () => {
    const of = (target: MapTarget) => mapsOf(fixture, examples, { method: 'gradient-input', target });
    const [margin, first, second] = [await of({ margin: [2, 5] }), await of({ class: 2 }), await of({ class: 5 })];
    expectClose(
      margin,
      first.map((value, at) => value - second[at]!),
    );
  });

  it('integrated gradients sum to the difference of the scores', async () => {
    for (const baseline of [0, 0.5]) {
      const settings = { steps: 100, baseline };
      const maps = await mapsOf(fixture, examples, { method: 'integrated-gradients', settings });
      const scores = (images: Float32Array): number[] =>
        tf.tidy(() => {
          const { logits } = forward(fixture.network, fixture.weights, tf.tensor4d(images, [2, 28, 28, 1]));
          const values = logits.dataSync();
          return [...examples.labels].map((label, row) => values[10 * row + label]!);
        });
      const [whole, none] = [scores(examples.images), scores(new Float32Array(2 * 784).fill(baseline))];
      for (const row of [0, 1]) {
        const sum = maps.subarray(row * 784, (row + 1) * 784).reduce((total, value) => total + value, 0);
        const difference = whole[row]! - none[row]!;
        expect(Math.abs(sum - difference)).toBeLessThan(0.01 * Math.abs(difference));
      }
    }
  });

  it('random ones differ with the seed, and not without', async () => {
    const of = async (seed: number) => {
      const wanted = {
        layer: 'conv2',
        methods: ['rise', 'smooth-grad'] as const,
        settings: { rise: { masks: 20 }, 'smooth-grad': { samples: 3 } },
        target: 'true' as const,
        batchSize: 8,
        seed,
      };
      return (await viewOf(fixture, examples, wanted, FREE)).maps;
    };
    const [first, again, other] = [await of(1), await of(1), await of(2)];
    for (const method of ['rise', 'smooth-grad'] as const) {
      expect(again[method]!.values).toEqual(first[method]!.values);
      expect(other[method]!.values).not.toEqual(first[method]!.values);
    }
  });
});

describe('on linear scores', () => {
  const SIDE = 6;
  const CLASSES = 3;
  const linear: Network = {
    ...buildNetwork('small-cnn', [SIDE, SIDE, 1], CLASSES),
    layers: [
      {
        kind: 'conv',
        name: 'same',
        stage: 'first',
        inputs: ['images'],
        output: [SIDE, SIDE, 1],
        filter: [1, 1, 1, 1],
        pad: 'same',
        stride: 1,
        bias: false,
        relu: false,
      },
      {
        kind: 'dense',
        name: 'fc',
        stage: 'head',
        inputs: ['same'],
        output: [1, 1, CLASSES],
        relu: false,
        features: SIDE * SIDE,
        units: CLASSES,
      },
    ],
    parameters: [],
    taps: [{ name: 'same', layer: 'same', shape: [SIDE, SIDE, 1] }],
  };
  const random = stream(4, 'maps');
  const slopes = Float32Array.from({ length: SIDE * SIDE * CLASSES }, () => random.uniform(-1, 1));
  const images = Float32Array.from({ length: SIDE * SIDE }, () => random.uniform());
  const examples: Examples = { images, labels: Int32Array.of(1), indices: Uint32Array.of(9), shape: [SIDE, SIDE, 1] };
  const slope = (at: number): number => slopes[at * CLASSES + 1]!;
  const subject = {
    network: linear,
    weights: {
      same_w: tf.tensor4d([1], [1, 1, 1, 1]),
      fc_w: tf.tensor2d(slopes, [SIDE * SIDE, CLASSES]),
      fc_b: tf.tensor1d([0.1, -0.2, 0.3]),
    },
  };
  const closed = (formula: (value: number, at: number) => number): number[] => Array.from(images, formula);
  const of = (asked: Asked) => mapsOf(subject, examples, asked);

  it('gradients are the slopes', async () => {
    expectClose(
      await of({ method: 'gradient' }),
      closed((_, at) => Math.abs(slope(at))),
    );
    expectClose(
      await of({ method: 'guided-backpropagation' }),
      closed((_, at) => Math.abs(slope(at))),
    );
    expectClose(
      await of({ method: 'smooth-grad', settings: { samples: 4 } }),
      closed((_, at) => Math.abs(slope(at))),
    );
    expectClose(
      await of({ method: 'gradient-input' }),
      closed((value, at) => value * slope(at)),
    );
    const settings = { steps: 3, baseline: 0.25 };
    expectClose(
      await of({ method: 'integrated-gradients', settings }),
      closed((value, at) => (value - 0.25) * slope(at)),
    );
  });

  it('CAMs of one channel are its weight times the activation', async () => {
    const mean = closed((_, at) => slope(at)).reduce((sum, value) => sum + value, 0) / (SIDE * SIDE);
    expectClose(
      await of({ method: 'grad-cam' }),
      closed((value) => Math.max(0, mean * value)),
    );
    expectClose(
      await of({ method: 'hires-cam' }),
      closed((value, at) => Math.max(0, slope(at) * value)),
    );
    expectClose(
      await of({ method: 'layer-cam' }),
      closed((value, at) => Math.max(0, slope(at)) * value),
    );
    const weighted = closed((value, at) => slope(at) * value).reduce((sum, value) => sum + value, 0);
    const total = closed((value) => value).reduce((sum, value) => sum + value, 0);
    expectClose(
      await of({ method: 'xgrad-cam' }),
      closed((value) => Math.max(0, (weighted / total) * value)),
    );
    // One channel alone has the whole softmax, and without it the score is the bias.
    expectClose(
      await of({ method: 'score-cam' }),
      closed((value) => value),
    );
    const fall = weighted / Math.abs(weighted - 0.2);
    expectClose(
      await of({ method: 'ablation-cam' }),
      closed((value) => Math.max(0, fall * value)),
    );
    expectClose(
      await of({ method: 'eigen-cam' }),
      closed((value) => value),
    );
  });

  it('activation is a sum, mean or maximum of powers', async () => {
    for (const over of ['sum', 'mean', 'max']) {
      expectClose(
        await of({ method: 'activation', settings: { over, exponent: 3 } }),
        closed((value) => value ** 3),
      );
    }
  });

  it('occlusion by single pixels is how far each is from grey, times its slope', async () => {
    const settings = { patch: 1, stride: 1, fill: 0.5 };
    expectClose(
      await of({ method: 'occlusion', settings }),
      closed((value, at) => (value - 0.5) * slope(at)),
    );
  });

  it('occlusion by patches is the mean fall over the patches that cover a pixel', async () => {
    const starts = patchStarts(SIDE, 3, 2);
    expect(starts).toEqual([0, 2, 3]);
    const falls = new Float64Array(SIDE * SIDE);
    const covers = new Float64Array(SIDE * SIDE);
    for (const top of starts) {
      for (const left of starts) {
        const inside = Array.from({ length: 9 }, (_, i) => (top + Math.floor(i / 3)) * SIDE + left + (i % 3));
        const fall = inside.reduce((sum, at) => sum + images[at]! * slope(at), 0);
        for (const at of inside) {
          falls[at]! += fall;
          covers[at]! += 1;
        }
      }
    }
    const settings = { patch: 3, stride: 2, fill: 0 };
    expectClose(
      await of({ method: 'occlusion', settings }),
      falls.map((value, at) => value / covers[at]!),
    );
  });

  it('RISE is the mean over its masks of the probability, where they leave the pixel visible', async () => {
    // All masks leave everything visible at nearly every draw: the map is the probability itself.
    const map = await of({ method: 'rise', settings: { masks: 400, visible: 0.95, cells: 2 } });
    const logits = [0, 1, 2].map((label) =>
      images.reduce((sum, value, at) => sum + value * slopes[at * CLASSES + label]!, [0.1, -0.2, 0.3][label]!),
    );
    const total = logits.reduce((sum, value) => sum + Math.exp(value), 0);
    const probability = Math.exp(logits[1]!) / total;
    const mean = map.reduce((sum, value) => sum + value, 0) / map.length;
    expect(Math.abs(mean - probability)).toBeLessThan(0.1 * probability);
  });
});

describe('the registry', () => {
  it('has every method that a gallery can ask for, once', () => {
    expect(MAP_DEFINITIONS.map(({ name }) => name)).toEqual([...MAP_METHODS]);
    expect(() => findMapMethod('deep-dream')).toThrow(/there is no map “deep-dream”.*grad-cam/);
  });

  it('gives zeros, not NaN, where a layer is silent', async () => {
    const network = buildNetwork('small-cnn', [12, 12, 1], 4);
    const weights = initialWeights(network, 1);
    const silent = {
      ...weights,
      conv2_w: tf.zerosLike(weights['conv2_w']!),
      conv2_b: tf.fill(weights['conv2_b']!.shape, -1),
    };
    const size = 144;
    const images = new Float32Array(size).fill(0.5);
    const examples: Examples = { images, labels: Int32Array.of(1), indices: Uint32Array.of(0), shape: [12, 12, 1] };
    for (const { name, level } of MAP_DEFINITIONS) {
      const settings: SettingValues = name === 'rise' ? { masks: 10 } : {};
      const map = await mapsOf({ network, weights: silent }, examples, { method: name, settings, layer: 'conv2' });
      expect(map.every(Number.isFinite), name).toBe(true);
      if (level === 'layer')
        expect(
          map.every((value) => value === 0),
          name,
        ).toBe(true);
    }
    tf.dispose([...Object.values(weights), silent.conv2_w, silent.conv2_b]);
  });
});

it('the gradient of the score by the activation agrees with finite differences', () => {
  const network = buildNetwork('small-cnn', [12, 12, 1], 4);
  const weights = initialWeights(network, 1);
  const targets = [2, 0, 3];
  const pixels = new Float32Array(3 * 144);
  stream(5, 'test').fillUniform(pixels, 0, pixels.length, 0, 1);
  const images = tf.tensor4d(pixels, [3, 12, 12, 1]);
  const coefficients = tf.tidy(() => tf.cast(tf.oneHot(targets, 4) as tf.Tensor2D, 'float32'));
  const activation = tf.tidy(() => forward(network, weights, images, ['conv2']).activations['conv2'] as tf.Tensor4D);
  const slope = activationSlope({ network, weights, layer: 'conv2', activation, coefficients });
  // Where the activation is 0, pooling meets ties: a kink, where differences are no reference.
  const direction = tf.tidy(() =>
    tf.mul<tf.Tensor4D>(tf.randomNormal(activation.shape, 0, 1, 'float32', 7), tf.step(activation)),
  );
  const scoreAt = (step: number): number[] =>
    tf.tidy(() => {
      const logits = forwardFrom(network, weights, 'conv2', tf.add(activation, tf.mul(direction, step)));
      const values = Array.from(logits.dataSync());
      return targets.map((target, row) => values[row * 4 + target]!);
    });
  const step = 1e-4;
  const [up, down] = [scoreAt(step), scoreAt(-step)];
  const along = tf.tidy(() => Array.from(tf.sum(tf.mul(slope, direction), [1, 2, 3]).dataSync()));
  along.forEach((value, row) => {
    const difference = (up[row]! - down[row]!) / (2 * step);
    expect(Math.abs(difference - value)).toBeLessThan(0.02 * Math.abs(value) + 1e-3);
  });
  expect(Math.max(...along.map(Math.abs))).toBeGreaterThan(0.02);
  tf.dispose([images, coefficients, activation, slope, direction, ...Object.values(weights)]);
});

/** Equal to 0.1 % of the largest value. */
function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  const largest = Math.max(...Array.from(expected, Math.abs));
  const worst = Math.max(...Array.from(found, (value, at) => Math.abs(value - expected[at]!)));
  expect(worst).toBeLessThan(1e-3 * largest + 1e-9);
}
