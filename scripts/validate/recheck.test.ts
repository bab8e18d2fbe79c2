import { describe, expect, it } from 'vitest';
import { recheck } from './recheck.ts';
import type { Claims } from './recheck.ts';

/** Two images of three pixels, the second one broken within ε 0.2. */
const honest: Claims = {
  norm: 'linf',
  epsilon: 0.2,
  clean: Float32Array.of(0.5, 0.5, 0.5, 0, 1, 0.5),
  adversarial: Float32Array.of(0.5, 0.5, 0.5, 0.2, 1, 0.4),
  labels: [0, 1],
  fooled: [0, 1],
  within: [0, 1],
  distances: [Number.NaN, 0.2],
};
const logits = Float32Array.of(2, 1, 3, 0);
const nothing = { images: 2, outOfRange: 0, outOfBall: 0, wrongDistance: 0, notFooled: 0 };
const withPixel = (at: number, value: number): Float32Array => honest.adversarial.map((p, i) => (i === at ? value : p));

describe('a second look at returned images', () => {
  it('finds nothing where all is as it was said', () => {
    expect(recheck(honest, logits)).toEqual(nothing);
  });

  it('finds a pixel that is no colour', () => {
    expect(recheck({ ...honest, adversarial: withPixel(4, 1.001) }, logits)).toMatchObject({ outOfRange: 1 });
    expect(recheck({ ...honest, adversarial: withPixel(0, Number.NaN) }, logits)).toMatchObject({ outOfRange: 1 });
  });

  it('finds a step out of the ball, and a size that is not what was said', () => {
    const found = recheck({ ...honest, adversarial: withPixel(3, 0.21) }, logits);
    expect(found).toEqual({ ...nothing, outOfBall: 1, wrongDistance: 1 });
    expect(recheck({ ...honest, within: [0, 0], distances: [Number.NaN, 0.15] }, logits)).toEqual({
      ...nothing,
      wrongDistance: 1,
    });
  });

  it('measures in the norm that is meant', () => {
    const sizes = { l1: 0.3, l2: Math.hypot(0.2, 0.1) };
    for (const [norm, size] of Object.entries(sizes)) {
      const claims = { ...honest, norm, epsilon: size, distances: [Number.NaN, size] };
      expect(recheck(claims, logits)).toEqual(nothing);
      expect(recheck({ ...claims, epsilon: 0.99 * size }, logits)).toMatchObject({ outOfBall: 1 });
    }
  });

  it('finds an image that another engine classifies rightly, but not one on the boundary', () => {
    expect(recheck(honest, Float32Array.of(2, 1, 0, 3))).toMatchObject({ notFooled: 1 });
    expect(recheck(honest, Float32Array.of(2, 1, 1, 1.0005))).toEqual(nothing);
    expect(recheck(honest, Float32Array.of(2, 1, Number.NaN, 1))).toMatchObject({ notFooled: 1 });
  });
});
