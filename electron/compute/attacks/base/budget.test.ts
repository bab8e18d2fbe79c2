import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boundsOf, measurePerturbation } from './budget.ts';

const pixels = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 40 });
const epsilons = fc.double({ min: 0, max: 1, noNaN: true });

it('every image within the bounds passes the float64 check, whatever ε', () => {
  fc.assert(
    fc.property(pixels, epsilons, fc.boolean(), (bytes, epsilon, up) => {
      const clean = Float32Array.from(bytes, (byte) => byte / 255);
      const { lower, upper } = boundsOf(clean, epsilon);
      const { valid, linf } = measurePerturbation(clean, 0, up ? upper : lower, 0, clean.length, {
        norm: 'linf',
        epsilon,
      });
      return valid && linf <= epsilon + 1.2e-7;
    }),
  );
});

it('bounds stay in [0, 1] and include the image', () => {
  fc.assert(
    fc.property(pixels, epsilons, (bytes, epsilon) => {
      const clean = Float32Array.from(bytes, (byte) => byte / 255);
      const { lower, upper } = boundsOf(clean, epsilon);
      return clean.every((pixel, i) => lower[i]! >= 0 && lower[i]! <= pixel && pixel <= upper[i]! && upper[i]! <= 1);
    }),
  );
});

const measure = (clean: number[], adversarial: number[], epsilon: number) =>
  measurePerturbation(Float32Array.from(clean), 0, Float32Array.from(adversarial), 0, clean.length, {
    norm: 'linf',
    epsilon,
  });

it('measures the change in every norm', () => {
  expect(measure([0.5, 0.5, 0.25], [0.75, 0.5, 0], 0.25)).toEqual({
    linf: 0.25,
    l2: Math.sqrt(0.125),
    l1: 0.5,
    inRange: true,
    valid: true,
  });
});

it('refuses an image beyond ε, outside [0, 1] or with NaN', () => {
  expect(measure([0.5], [0.7502], 0.25).valid).toBe(false);
  expect(measure([0.9], [1.05], 0.25).valid).toBe(false);
  expect(measure([0.1], [-0.01], 0.25).valid).toBe(false);
  expect(measure([0.5, 0.5], [Number.NaN, 0.5], 0.25).valid).toBe(false);
  expect(measure([0.5, 0.5], [0.5, Number.POSITIVE_INFINITY], 0.25).valid).toBe(false);
});

it('takes −3e-8 and a last digit of float32 for rounding', () => {
  expect(measure([0.1], [-3e-8], 0.25).valid).toBe(true);
  expect(measure([0.3], [0.6 + 6e-8], 0.3).valid).toBe(true);
});

it('from ε 0.5 on, flat grey lies within the bounds of every image', () => {
  const grey = (bytes: number[]) => new Float32Array(bytes.length).fill(0.5);
  fc.assert(
    fc.property(pixels, (bytes) => {
      const clean = Float32Array.from(bytes, (byte) => byte / 255);
      return measurePerturbation(clean, 0, grey(bytes), 0, bytes.length, { norm: 'linf', epsilon: 0.5 }).valid;
    }),
  );
  expect(measure([0, 1], [0.5, 0.5], 0.49).valid).toBe(false);
});
