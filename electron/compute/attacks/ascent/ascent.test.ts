import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AttackSpec } from '../../../../shared/domain/evaluation.ts';
import { loadEngine } from '../../engines/load.ts';
// Knows the architecture of a single dense layer.
import '../../fixtures/controls.ts';
import { buildNetwork } from '../../models/network.ts';
import { stream } from '../../random/stream.ts';
import type { Norm } from '../base/budget.ts';
import type { Examples } from '../base/examples.ts';
import type { AttackOptions } from '../options.ts';
import { resolveAttack } from '../registry.ts';
import { attackWhiteBox } from '../base/white-box.ts';

beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
});

const SIDE = 8;
const PIXELS = SIDE * SIDE;
const ROWS = 24;

/** Two classes and a plane between them, with images of the first class at known distances from it. */
function planeAndImages(seed: number) {
  const random = stream(seed, 'plane');
  const slope = Float32Array.from({ length: PIXELS }, () => random.uniform(-1, 1));
  const network = buildNetwork('control-linear', [SIDE, SIDE, 1], 2);
  const score = (image: ArrayLike<number>): number =>
    slope.reduce((sum, weight, i) => sum + weight * ((image[i] ?? 0) - 0.5), 0);
  const offset = -slope.reduce((sum, weight) => sum + weight * 0.5, 0);
  const weights = {
    fc_w: tf.tensor2d(
      Float32Array.from({ length: 2 * PIXELS }, (_, i) => (i % 2 === 0 ? (slope[i >> 1] ?? 0) : 0)),
      [PIXELS, 2],
    ),
    fc_b: tf.tensor1d([offset, 0]),
  };
  const images = Float32Array.from({ length: ROWS * PIXELS }, () => random.uniform(0.4, 0.6));
  const rows = Array.from({ length: ROWS }, (_, row) => images.subarray(row * PIXELS, (row + 1) * PIXELS));
  const labels = Int32Array.from(rows, (image) => (score(image) > 0 ? 0 : 1));
  const examples: Examples = { images, labels, indices: Uint32Array.from(rows.keys()), shape: [SIDE, SIDE, 1] };
  const sizes = slope.map(Math.abs);
  const dual = { linf: sizes.reduce((sum, size) => sum + size, 0), l2: Math.hypot(...slope), l1: Math.max(...sizes) };
  const distances = (norm: Norm): number[] => rows.map((image) => Math.abs(score(image)) / dual[norm]);
  return { subject: { network, weights }, examples, distances, dispose: () => tf.dispose(weights) };
}

const NORMS = ['linf', 'l2', 'l1'] as const;
const CASES: readonly (readonly [name: string, norm: Norm, settings: AttackSpec['settings']])[] = [
  ...NORMS.flatMap((norm) => [
    ['pgd', norm, { steps: 30 }] as const,
    ['pgd', norm, { steps: 30, stopAtSuccess: true }] as const,
  ]),
  ['bim', 'linf', { steps: 10 }],
  ['bim', 'l2', { steps: 10 }],
  ['fgm', 'l2', {}],
  ['mi-fgsm', 'linf', {}],
  ['mi-fgsm', 'l2', {}],
];

describe('on a plane between two classes, where the smallest perturbation is known', () => {
  it.each(CASES)('%s in %s with %j breaks what ε reaches, to 1 %, and nothing else', async (name, norm, settings) => {
    const { subject, examples, distances, dispose } = planeAndImages(5);
    const least = distances(norm);
    const epsilon = least.toSorted((a, b) => a - b)[ROWS / 2] ?? 0;
    const options = (goal: 'untargeted' | 'next'): AttackOptions => ({
      examples,
      plan: resolveAttack({ name, settings: { norm, epsilon, ...settings } }).plan,
      goal,
      seed: 1,
      batchSize: 10,
      includeMisclassified: false,
      control: { checkpoint: () => Promise.resolve() },
    });
    // Of two classes, the next one is the only wrong one.
    for (const goal of ['untargeted', 'next'] as const) {
      const outcome = await attackWhiteBox(subject, options(goal));
      least.forEach((distance, row) => {
        if (distance < 0.99 * epsilon) expect(outcome.succeeded[row]).toBe(1);
        if (distance > 1.0001 * epsilon) expect(outcome.succeeded[row]).toBe(0);
      });
      expect(outcome.violations).toBe(0);
      expect(outcome.nonFinite).toBe(0);
    }
    dispose();
  });
});

describe('random starts', () => {
  it.each(NORMS)('of noise in %s reach the whole ball and never leave it', async (norm) => {
    const { subject, examples, dispose } = planeAndImages(6);
    const epsilon = { linf: 0.1, l2: 0.8, l1: 4 }[norm];
    for (const noise of ['uniform', 'gaussian']) {
      const { plan } = resolveAttack({ name: 'noise', settings: { norm, epsilon, noise } });
      const outcome = await attackWhiteBox(subject, {
        examples,
        plan,
        seed: 2,
        batchSize: 24,
        includeMisclassified: true,
        control: { checkpoint: () => Promise.resolve() },
      });
      const sizes = Array.from({ length: ROWS }, (_, row) => {
        const change = outcome.adversarial
          .subarray(row * PIXELS, (row + 1) * PIXELS)
          .map((pixel, i) => Math.abs(pixel - examples.images[row * PIXELS + i]!));
        return norm === 'linf'
          ? Math.max(...change)
          : norm === 'l2'
            ? Math.hypot(...change)
            : change.reduce((a, b) => a + b, 0);
      });
      expect(Math.max(...sizes)).toBeLessThanOrEqual(epsilon * (1 + 1e-6));
      expect(Math.max(...sizes)).toBeGreaterThan(0.97 * epsilon);
      expect(outcome.violations).toBe(0);
    }
    dispose();
  });
});
