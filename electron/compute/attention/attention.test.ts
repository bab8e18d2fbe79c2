import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/load.ts';
import { buildNetwork, forward, forwardFrom, initialWeights } from '../models/network.ts';
import { stream } from '../random/stream.ts';
import { keyAreaMeasure } from '../../../shared/domain/gallery.ts';
import { activationMap, normaliseMaps } from './activation-map.ts';
import { gradCam, scoreGradient } from './grad-cam.ts';
import { areaMean, cosine, intersectionOverUnion, normalised, topArea } from './key-area.ts';
import { resizeMaps } from './maps.ts';
import { measureMethod } from './measure.ts';

beforeAll(() => loadEngine('wasm', { enginePack: null, deterministic: true }));

describe('activation maps', () => {
  it('are Σ_c |A_c|^q at each position', () => {
    const activation = tf.tensor4d([1, 2, -3, 0, 0.5, 0.5, 0, 0], [1, 2, 2, 2]);
    for (const [exponent, expected] of [
      [2, [5, 9, 0.5, 0]],
      [1, [3, 3, 1, 0]],
      [4, [17, 81, 0.125, 0]],
    ] as const) {
      const map = activationMap(activation, exponent);
      expect(map.shape).toEqual([1, 2, 2]);
      map.dataSync().forEach((value, at) => expect(value).toBeCloseTo(expected[at]!, 4));
      map.dispose();
    }
    activation.dispose();
  });

  it('have norm 1 once normalised; maps of zeros stay zeros', () => {
    const maps = tf.tensor3d([3, 4, 0, 0, 0, 0, 0, 0], [2, 2, 2]);
    const unit = normaliseMaps(maps);
    expect(Array.from(unit.dataSync())).toEqual([expect.closeTo(0.6, 6), expect.closeTo(0.8, 6), 0, 0, 0, 0, 0, 0]);
    tf.dispose([maps, unit]);
  });
});

describe('Grad-CAM', () => {
  const network = buildNetwork('small-cnn', [12, 12, 1], 4);
  const pixels = new Float32Array(3 * 144);
  stream(5, 'test').fillUniform(pixels, 0, pixels.length, 0, 1);
  const targets = [2, 0, 3];

  it('takes the gradient of the target’s logit by the activation (finite differences)', () => {
    const weights = initialWeights(network, 1);
    const images = tf.tensor4d(pixels, [3, 12, 12, 1]);
    const labels = tf.tensor1d(targets, 'int32');
    const activation = tf.tidy(() => forward(network, weights, images, ['conv2']).activations['conv2'] as tf.Tensor4D);
    const slope = scoreGradient(network, weights, 'conv2', activation, labels);
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
    tf.dispose([images, labels, activation, slope, direction, ...Object.values(weights)]);
  });

  it('is ReLU(Σ_c mean(gradient_c) A_c), and leaks nothing', () => {
    const weights = initialWeights(network, 1);
    const images = tf.tensor4d(pixels, [3, 12, 12, 1]);
    const labels = tf.tensor1d(targets, 'int32');
    const before = tf.memory().numTensors;
    const map = gradCam(network, weights, 'conv2', images, labels);
    const activation = tf.tidy(() => forward(network, weights, images, ['conv2']).activations['conv2'] as tf.Tensor4D);
    const slope = scoreGradient(network, weights, 'conv2', activation, labels);
    const [values, gradients, found] = [activation.dataSync(), slope.dataSync(), map.dataSync()];
    const [rows, height, width, channels] = activation.shape;
    const positions = height * width;
    for (let row = 0; row < rows; row += 1) {
      const importance = Array.from({ length: channels }, (_, c) => {
        let sum = 0;
        for (let p = 0; p < positions; p += 1) sum += gradients[(row * positions + p) * channels + c]!;
        return sum / positions;
      });
      for (let p = 0; p < positions; p += 1) {
        const raw = importance.reduce((sum, w, c) => sum + w * values[(row * positions + p) * channels + c]!, 0);
        expect(found[row * positions + p]).toBeCloseTo(Math.max(0, raw), 5);
      }
    }
    expect(found.some((value) => value > 0)).toBe(true);
    tf.dispose([map, activation, slope]);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([images, labels, ...Object.values(weights)]);
  });
});

describe('key areas', () => {
  it('are the largest values, always of the same size', () => {
    expect(Array.from(topArea(Float32Array.of(1, 9, 3, 7, 5), 40))).toEqual([0, 1, 0, 1, 0]);
    expect(Array.from(topArea(Float32Array.of(0, 0, 0, 0), 50))).toEqual([1, 1, 0, 0]);
    expect(topArea(new Float32Array(9), 1).reduce((sum, value) => sum + value, 0)).toBe(1);
  });

  it('compare by intersection over union and cosine', () => {
    expect(intersectionOverUnion(Uint8Array.of(1, 1, 0), Uint8Array.of(0, 1, 1))).toBeCloseTo(1 / 3);
    expect(cosine(Float32Array.of(1, 0), Float32Array.of(1, 1))).toBeCloseTo(Math.SQRT1_2);
    expect(cosine(Float32Array.of(0, 0), Float32Array.of(1, 1))).toBe(0);
    expect(areaMean(normalised(Float32Array.of(3, 4, 0)), Uint8Array.of(0, 1, 1))).toBeCloseTo(0.4);
  });

  it('give ratios of means with intervals, raw values beside normalised ones', () => {
    const maps = (values: number[]): { values: Float32Array; positions: number } => ({
      values: Float32Array.from(values),
      positions: 2,
    });
    const areas = [Uint8Array.of(1, 0), Uint8Array.of(1, 0)];
    const { estimates } = measureMethod(
      { clean: maps([6, 8, 3, 4]), adversarial: maps([4, 3, 8, 6]), noise: maps([6, 8, 3, 4]) },
      areas,
      50,
      0,
    );
    expect(estimates.clean.mean).toBeCloseTo(0.6);
    expect(estimates.adversarial.mean).toBeCloseTo(0.8);
    expect(estimates.ratioToClean?.mean).toBeCloseTo(4 / 3);
    expect(estimates.ratioToNoise?.mean).toBeCloseTo(4 / 3);
    expect(estimates.iou.mean).toBe(0);
    expect(estimates.cosine.mean).toBeCloseTo(0.96);
    expect(estimates.rawClean).toBeCloseTo(4.5);
    expect(estimates.rawAdversarial).toBeCloseTo(6);
  });

  it('without any attention in the key area have no ratio, and still make a gallery', () => {
    const maps = (...values: number[]) => ({ values: Float32Array.from(values), positions: 2 });
    const areas = [Uint8Array.of(1, 0), Uint8Array.of(1, 0)];
    const { estimates } = measureMethod(
      { clean: maps(0, 1, 0, 2), adversarial: maps(1, 1, 1, 1), noise: maps(0, 1, 2, 0) },
      areas,
      50,
      0,
    );
    expect(estimates.ratioToClean).toBeNull();
    expect(estimates.ratioToNoise?.mean).toBeCloseTo(Math.SQRT2);
    const measure = { model: 'run-00000000', method: 'grad-cam', layer: 'conv1', resolution: [1, 2], ...estimates };
    expect(keyAreaMeasure.safeParse(JSON.parse(JSON.stringify(measure))).success).toBe(true);
  });

  it('of a reference come to another resolution by interpolation', async () => {
    const maps = { values: Float32Array.of(0, 4, 0, 4), positions: 4 };
    const wide = await resizeMaps(maps, [2, 2], [4, 4]);
    expect(Array.from(wide.values.subarray(0, 4))).toEqual([0, 1, 3, 4]);
    expect(await resizeMaps(maps, [2, 2], [2, 2])).toBe(maps);
  });
});
