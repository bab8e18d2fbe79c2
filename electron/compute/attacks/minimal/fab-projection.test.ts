import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../engines/load.ts';
import type { Norm } from '../base/budget.ts';
import { stepOntoPlane } from './fab-projection.ts';

beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
});

const NORMS: readonly Norm[] = ['linf', 'l2', 'l1'];
const SIDE = 6;
const PIXELS = SIDE * SIDE;
const values = (low: number, high: number) =>
  fc.array(
    fc.oneof(fc.double({ min: low, max: high, noNaN: true }), fc.constantFrom(low, high, low / 1e3, high / 1e3)),
    {
      minLength: PIXELS,
      maxLength: PIXELS,
    },
  );

const size = (norm: Norm, change: readonly number[]): number => {
  const sizes = change.map(Math.abs);
  if (norm === 'linf') return Math.max(...sizes);
  return norm === 'l2' ? Math.hypot(...sizes) : sizes.reduce((sum, each) => sum + each, 0);
};
const dot = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
  Array.from(one).reduce((sum, value, i) => sum + value * other[i]!, 0);

/**
 * The least norm of a change inside the box that lowers normal · x by `distance`, in float64 by going through the sorted
 * points at which pixels meet the ends of the box; null if the box does not reach so far.
 */
function leastNorm(norm: Norm, x: ArrayLike<number>, normal: ArrayLike<number>, distance: number): number | null {
  const pixels = Array.from(normal, (weight, i) => ({
    weight: Math.abs(weight),
    room: weight > 0 ? x[i]! : 1 - x[i]!,
  })).filter(({ weight, room }) => weight > 0 && room > 0);
  if (pixels.reduce((sum, { weight, room }) => sum + weight * room, 0) < distance) return null;
  if (norm === 'l1') {
    let [left, total] = [distance, 0];
    for (const { weight, room } of pixels.toSorted((a, b) => b.weight - a.weight)) {
      const step = Math.min(room, left / weight);
      [left, total] = [left - step * weight, total + step];
    }
    return total;
  }
  const speed = (weight: number): number => (norm === 'l2' ? weight : 1);
  const ends = pixels.toSorted((a, b) => a.room / speed(a.weight) - b.room / speed(b.weight));
  let [fixed, time] = [0, 0];
  for (const [at, { weight, room }] of ends.entries()) {
    const slope = ends.slice(at).reduce((sum, pixel) => sum + pixel.weight * speed(pixel.weight), 0);
    time = (distance - fixed) / slope;
    if (time <= room / speed(weight)) break;
    fixed += weight * room;
  }
  return size(
    norm,
    pixels.map(({ weight, room }) => Math.min(speed(weight) * time, room)),
  );
}

function step(norm: Norm, x: ArrayLike<number>, normal: ArrayLike<number>, offset: number): number[] {
  const shaped = (array: ArrayLike<number>) => tf.tensor4d(Float32Array.from(array), [1, SIDE, SIDE, 1]);
  return tf.tidy(() => [...stepOntoPlane(norm, shaped(x), shaped(normal), tf.tensor1d([offset])).dataSync()]);
}

describe.each(NORMS)('projection onto a plane within [0, 1] in %s', (norm) => {
  const cases = fc.tuple(values(0, 1), values(-3, 3), fc.double({ min: 0, max: 0.97, noNaN: true }), fc.boolean());

  it('lands on the plane, inside the box, with the least norm there is', () => {
    fc.assert(
      fc.property(cases, ([pixels, weights, share, above]) => {
        const [x, normal] = [Float32Array.from(pixels), Float32Array.from(weights)];
        const downhill = above ? normal : normal.map((weight) => -weight);
        const reach = dot(
          downhill.map(Math.abs),
          downhill.map((weight, i) => (weight > 0 ? x[i]! : 1 - x[i]!)),
        );
        const distance = share * reach;
        const change = step(norm, x, normal, above ? distance : -distance);
        change.forEach((move, i) => {
          expect(x[i]! + move).toBeGreaterThanOrEqual(-1e-6);
          expect(x[i]! + move).toBeLessThanOrEqual(1 + 1e-6);
        });
        expect(Math.abs(dot(downhill, change) + distance)).toBeLessThanOrEqual(3e-5 * reach + 1e-7);
        const least = leastNorm(norm, x, downhill, distance) ?? Number.NaN;
        expect(Math.abs(size(norm, change) - least)).toBeLessThanOrEqual(1e-4 * least + 1e-6);
      }),
      { numRuns: 150 },
    );
  });

  it('goes as far as the box allows towards a plane out of reach, and nowhere without a normal', () => {
    const x = Array.from({ length: PIXELS }, (_, i) => i / (PIXELS - 1));
    const normal = x.map((_, i) => (i % 2 === 0 ? 1 : -0.01));
    const far = step(norm, x, normal, 1e4);
    far.forEach((move, i) => expect(x[i]! + move).toBeCloseTo(i % 2 === 0 ? 0 : 1, 6));
    const none = x.map(() => 0);
    step(norm, x, none, 1).forEach((move) => expect(Math.abs(move)).toBe(0));
  });

  it('is the same for planes that are written with very small or very large numbers', () => {
    const x = Array.from({ length: PIXELS }, (_, i) => (i % 5) / 4);
    const normal = x.map((_, i) => Math.sin(i + 1));
    const expected = step(norm, x, normal, 1.5);
    for (const scale of [1e-25, 1e25]) {
      const scaled = step(
        norm,
        x,
        normal.map((weight) => weight * scale),
        1.5 * scale,
      );
      scaled.forEach((move, i) => expect(Math.abs(move - expected[i]!)).toBeLessThan(1e-5));
    }
  });
});

it('projections leave no tensor behind', () => {
  const before = tf.memory().numTensors;
  const [x, normal, offset] = [tf.fill([3, 2, 2, 1], 0.5), tf.ones([3, 2, 2, 1]), tf.tensor1d([1, -0.3, 0])];
  for (const norm of NORMS) stepOntoPlane(norm, x, normal, offset).dispose();
  tf.dispose([x, normal, offset]);
  expect(tf.memory().numTensors).toBe(before);
});
