import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadEngine } from '../../engines/load.ts';
import { firstExamples, loadFixture } from '../../fixtures/peers.ts';
import type { PeerFixture } from '../../fixtures/peers.ts';
import type { Examples } from './examples.ts';
import { judgeRounded, recordTrajectory, roundTowards } from './record-trajectory.ts';
import type { TrajectoryInput } from './record-trajectory.ts';
import { resolveAttack } from '../registry.ts';
import { attackWhiteBox } from './white-box.ts';

const SIZE = 28 * 28;
const control = { checkpoint: () => Promise.resolve() };
let adv: PeerFixture;
beforeAll(async () => {
  // One thread: passes on other threads could not be watched.
  await loadEngine('wasm', { enginePack: null, deterministic: true, threads: 1 });
  adv = await loadFixture('small-adv');
});
afterAll(() => adv.dispose());

const example = (row: number): Examples => ({
  images: adv.examples.images.slice(row * SIZE, (row + 1) * SIZE),
  labels: adv.examples.labels.slice(row, row + 1),
  indices: adv.examples.indices.slice(row, row + 1),
  shape: adv.examples.shape,
});

const inputFor = (row: number, name: string, settings: Record<string, number>, restart = 0): TrajectoryInput => ({
  maker: adv,
  judge: adv,
  examples: example(row),
  plan: resolveAttack({ name, settings }).plan,
  seed: 3,
  restart,
  transfer: false,
  control,
});

it('PGD on one example is recorded as it ran in a batch: every iterate, and the stored last one', async () => {
  const settings = { epsilon: 0.1, steps: 7, stepSize: 0.03 };
  const outcome = await attackWhiteBox(adv, {
    examples: firstExamples(adv.examples, 8),
    plan: resolveAttack({ name: 'pgd', settings }).plan,
    seed: 3,
    batchSize: 8,
    includeMisclassified: true,
    control,
  });
  const row = outcome.lastWrong.findIndex((wrong, at) => !wrong && !outcome.succeeded[at]);
  const before = tf.memory().numTensors;
  const { points, images, passes } = await recordTrajectory(inputFor(row, 'pgd', settings));
  expect(tf.memory().numTensors).toBe(before);
  expect(points.map(({ pass }) => pass)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(passes).toBe(8);
  const stored = outcome.adversarial.subarray(row * SIZE, (row + 1) * SIZE);
  const last = images.subarray(7 * SIZE);
  expect(Math.max(...stored.map((value, at) => Math.abs(value - (last[at] ?? 0))))).toBeLessThan(1e-5);
  expect(points.every(({ linf }) => linf <= 0.1 + 1e-6)).toBe(true);
  // The attack climbs: the last iterate costs more than the first.
  expect(points[7]!.loss!).toBeGreaterThan(points[0]!.loss!);
  for (const { margin, trueLogit, wrongLogit, prediction } of points) {
    expect(margin).toBeCloseTo(trueLogit! - wrongLogit!, 5);
    expect(prediction === adv.examples.labels[row]).toBe(margin! >= 0);
  }
});

it('another restart takes another path', async () => {
  const settings = { epsilon: 0.1, steps: 2, restarts: 2 };
  const first = await recordTrajectory(inputFor(0, 'pgd', settings, 0));
  const second = await recordTrajectory(inputFor(0, 'pgd', settings, 1));
  expect(first.images).not.toEqual(second.images);
});

it('of a long search each n-th image is kept, and the last one', async () => {
  const { points, images, passes } = await recordTrajectory(inputFor(1, 'square', { epsilon: 0.02, queries: 600 }));
  expect(points.length).toBeLessThanOrEqual(514);
  expect(images.length).toBe(points.length * SIZE);
  expect(points.at(-1)!.pass).toBe(passes - 1);
  const gaps = new Set(points.slice(1, -1).map(({ pass }, at) => pass - points[at]!.pass));
  expect([...gaps].filter((gap) => gap > 0)).toHaveLength(1);
});

it('rounding to 8 bits goes towards x and never makes the perturbation larger', () => {
  const level = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(level, fc.float({ min: 0, max: 1, noNaN: true }), (x, value) => {
      const clean = Float32Array.of(x / 255);
      const adversarial = Float32Array.of(value);
      const [rounded = 0] = roundTowards(clean, adversarial);
      expect(Math.abs(rounded * 255 - Math.round(rounded * 255))).toBeLessThan(1e-4);
      const size = Math.abs(adversarial[0]! - clean[0]!);
      expect(Math.abs(rounded - clean[0]!)).toBeLessThanOrEqual(size + 1e-5);
      expect(Math.abs(rounded - adversarial[0]!)).toBeLessThan(1 / 255 + 1e-5);
    }),
  );
});

it('an image of 8 bits is judged as it is', async () => {
  const input = inputFor(0, 'pgd', { epsilon: 0.1 });
  const { broken, linf, prediction } = await judgeRounded(input, input.examples.images);
  expect(linf).toBeLessThan(1e-6);
  expect(broken).toBe(prediction !== adv.examples.labels[0]);
});

it('a targeted attack is recorded on its way to its class', async () => {
  const nat = await loadFixture('small-nat');
  const input = { ...inputFor(0, 'pgd', { epsilon: 0.3, steps: 20 }), maker: nat, judge: nat, goal: 'next' } as const;
  const { points } = await recordTrajectory(input);
  nat.dispose();
  expect(points.at(-1)!.prediction).toBe((adv.examples.labels[0]! + 1) % 10);
});

it('x′ for another model is recorded on its source, and judged by its target', async () => {
  const nat = await loadFixture('small-nat');
  const { points } = await recordTrajectory({
    ...inputFor(0, 'pgd', { epsilon: 0.2, steps: 5 }),
    maker: nat,
    transfer: true,
  });
  const white = await recordTrajectory({ ...inputFor(0, 'pgd', { epsilon: 0.2, steps: 5 }), maker: nat, judge: nat });
  nat.dispose();
  expect(points).toHaveLength(6);
  // The same images, other logits.
  expect(points.map(({ linf, l1 }) => [linf, l1])).toEqual(white.points.map(({ linf, l1 }) => [linf, l1]));
  expect(points.map(({ margin }) => margin)).not.toEqual(white.points.map(({ margin }) => margin));
});
