import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../engines/load.ts';
import { measurePerturbation, type Norm } from './budget.ts';
import { normOf, project, sparseAscent, steepest } from './norms.ts';

beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
});

const NORMS: readonly Norm[] = ['linf', 'l2', 'l1'];
const SIDE = 6;
const PIXELS = SIDE * SIDE;
const images = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: PIXELS, maxLength: PIXELS });
const changes = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: PIXELS, maxLength: PIXELS });
const image = (values: ArrayLike<number>) => tf.tensor4d(Float32Array.from(values), [1, SIDE, SIDE, 1]);
const value = (norm: Norm, change: ArrayLike<number>): number => {
  const sizes = Array.from(change, Math.abs);
  if (norm === 'linf') return Math.max(...sizes);
  return norm === 'l2' ? Math.hypot(...sizes) : sizes.reduce((sum, size) => sum + size, 0);
};

/** The nearest point of L1 ball and box by bisection in float64, to the last digit. */
function nearestL1(x: Float32Array, candidate: Float32Array, epsilon: number): number[] {
  const at = (threshold: number): number[] =>
    Array.from(x, (pixel, i) => {
      const change = candidate[i]! - pixel;
      const room = change > 0 ? 1 - pixel : pixel;
      return Math.sign(change) * Math.min(Math.max(Math.abs(change) - threshold, 0), room);
    });
  if (value('l1', at(0)) <= epsilon) return at(0).map((change, i) => x[i]! + change);
  let [low, high] = [0, 4];
  for (let step = 0; step < 200; step += 1) {
    const middle = (low + high) / 2;
    if (value('l1', at(middle)) > epsilon) low = middle;
    else high = middle;
  }
  return at(high).map((change, i) => x[i]! + change);
}

function projected(norm: Norm, x: Float32Array, candidate: Float32Array, epsilon: number): Float32Array {
  return tf.tidy(() => project(norm, image(x), image(candidate), epsilon).dataSync<'float32'>().slice());
}

describe.each(NORMS)('projection in %s', (norm) => {
  const radii = fc.double({ min: 0, max: norm === 'linf' ? 1 : norm === 'l2' ? 8 : 40, noNaN: true });

  it('gives points of ball and box, and leaves those alone that are in both', () => {
    fc.assert(
      fc.property(images, changes, radii, (pixels, moves, epsilon) => {
        const x = Float32Array.from(pixels);
        const candidate = x.map((pixel, i) => pixel + moves[i]!);
        const near = projected(norm, x, candidate, epsilon);
        expect(measurePerturbation(x, 0, near, 0, PIXELS, { norm, epsilon }).valid).toBe(true);
        const again = projected(norm, x, near, epsilon);
        again.forEach((pixel, i) => expect(Math.abs(pixel - near[i]!)).toBeLessThan(4e-6));
      }),
      { numRuns: 60 },
    );
  });

  it('agrees with the plain one in float64', () => {
    fc.assert(
      fc.property(images, changes, radii, (pixels, moves, epsilon) => {
        const x = Float32Array.from(pixels);
        const candidate = x.map((pixel, i) => pixel + moves[i]!);
        const change = Array.from(candidate, (pixel, i) => pixel - x[i]!);
        const factor = Math.min(1, epsilon / Math.max(value('l2', change), 1e-300));
        const clip = (pixel: number) => Math.min(1, Math.max(0, pixel));
        const plain = {
          linf: () => change.map((move, i) => clip(x[i]! + Math.min(epsilon, Math.max(-epsilon, move)))),
          l2: () => change.map((move, i) => clip(x[i]! + move * factor)),
          l1: () => nearestL1(x, candidate, epsilon),
        }[norm]();
        projected(norm, x, candidate, epsilon).forEach((pixel, i) =>
          expect(Math.abs(pixel - plain[i]!)).toBeLessThan(2e-5),
        );
      }),
      { numRuns: 60 },
    );
  });
});

it('of large images the float64 check still holds, for a radius of each row', () => {
  tf.tidy(() => {
    const shape = [3, 64, 64, 3] as const;
    const x = tf.randomUniform([...shape], 0, 1, 'float32', 1);
    const candidate = tf.add(x, tf.randomNormal([...shape], 0, 0.5, 'float32', 2));
    const radii = [0.5, 5, 90];
    for (const norm of ['l2', 'l1'] as const) {
      const near = project(norm, x, candidate, tf.tensor1d(radii)).dataSync<'float32'>();
      radii.forEach((epsilon, row) => {
        const size = 64 * 64 * 3;
        const from = x.dataSync<'float32'>();
        expect(measurePerturbation(from, row * size, near, row * size, size, { norm, epsilon }).valid).toBe(true);
      });
    }
  });
});

describe('steps', () => {
  it.each(NORMS)('have unit norm in %s and point where the gradient points, however small it is', (norm) => {
    fc.assert(
      fc.property(changes, fc.constantFrom(1, 1e-12, 1e-30, 1e20), (gradient, scale) => {
        const scaled = Float32Array.from(gradient, (entry) => entry * scale);
        if (value('linf', scaled) < 1e-34) return;
        const [step, size] = tf.tidy(() => {
          const direction = steepest(norm, image(scaled));
          return [direction.dataSync<'float32'>().slice(), normOf(norm, direction).dataSync<'float32'>()[0]!] as const;
        });
        expect(size).toBeCloseTo(1, 5);
        step.forEach((entry, i) => expect(entry * scaled[i]!).toBeGreaterThanOrEqual(0));
      }),
      { numRuns: 40 },
    );
  });

  it.each(NORMS)('in %s are 0 without a gradient, and finite where it is not', (norm) => {
    tf.tidy(() => {
      const zero = steepest(norm, tf.zeros([1, 2, 2, 1]));
      expect([...zero.dataSync()]).toEqual([0, 0, 0, 0]);
      const odd = steepest(norm, tf.tensor4d([Number.NaN, 1, -1, 0], [1, 2, 2, 1])).dataSync<'float32'>();
      expect(odd.every(Number.isFinite)).toBe(true);
      expect(odd[1]).toBeGreaterThan(0);
    });
  });

  it('sparse ones change the pixels of the largest gradients that can still move', () => {
    tf.tidy(() => {
      const gradient = tf.tensor4d([3, -4, 5, 0.5, -2, 0], [1, 2, 3, 1]);
      const iterate = tf.tensor4d([0.5, 0, 1, 0.5, 0.5, 0.5], [1, 2, 3, 1]);
      expect([...sparseAscent(gradient, iterate, 2).dataSync()].map((entry) => entry + 0)).toEqual([
        0.5, 0, 0, 0, -0.5, 0,
      ]);
      expect([...sparseAscent(tf.zeros([1, 2, 3, 1]), iterate, 2).dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
    });
  });

  it('leave no tensor behind', () => {
    const before = tf.memory().numTensors;
    const x = tf.fill([2, 3, 3, 1], 0.5);
    for (const norm of NORMS) tf.dispose([steepest(norm, x), project(norm, x, x, 0.2), normOf(norm, x)]);
    tf.dispose([sparseAscent(x, x, 2), x]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
