import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/load.ts';
import { keyAreaMeasure } from '../../../shared/domain/gallery.ts';
import { activationMap, normaliseMaps } from './activation-map.ts';
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
