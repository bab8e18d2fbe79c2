import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { linearClassifier } from '../../fixtures/linear-classes.ts';
import { firstExamples } from '../../fixtures/peers.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import { measurePerturbation } from '../base/budget.ts';
import type { Norm } from '../base/budget.ts';
import { fabStart } from './fab-method.ts';
import { fabIteration, NO_DISTANCE } from './fab-steps.ts';
import type { FabState } from './fab-steps.ts';
import type { AttackOptions } from '../options.ts';
import { predictionOf } from '../base/outcome.ts';
import { resolveAttack } from '../registry.ts';
import { attackWhiteBox } from '../base/white-box.ts';

const peers = useSmallPeers();

const NORMS: readonly Norm[] = ['linf', 'l2', 'l1'];

function optionsFor(settings: Readonly<Record<string, number | string | boolean>>, count: number): AttackOptions {
  return attackOptions(firstExamples(peers.adv.examples, count), resolveAttack({ name: 'fab', settings }).plan, {
    seed: 3,
  });
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
};

describe('FAB', () => {
  it.each(NORMS)('finds the smallest perturbation of a linear classifier in %s', (norm) => {
    const linear = linearClassifier(6, 8, 4, 11);
    const others = Array.from(linear.labels, (label) => [0, 1, 2, 3].filter((k) => k !== label));
    const rule = { norm, steps: 40, alphaMax: 0.1, eta: 1.05, beta: 0.9 };
    const distances = tf.tidy(() => {
      const clean = tf.tensor4d(linear.images, [6, 8, 8, 1]);
      const fill = (value: number): tf.Tensor => tf.fill([6], value);
      const model = {
        logits: linear.logits,
        planes: (images: tf.Tensor) => linear.planes(images, others),
        isHit: linear.wrong,
        isClear: linear.wrong,
      };
      let state: FabState = [clean, fill(-1), fill(0), clean, fill(NO_DISTANCE), fill(-1), fill(0)];
      for (let step = 0; step < 40; step += 1) state = fabIteration(model, state, clean, rule);
      expect(Math.min(...state[1].dataSync())).toBeGreaterThan(0);
      return [...state[4].dataSync()];
    });
    linear.smallest(norm).forEach((least, row) => {
      expect(distances[row]!).toBeGreaterThan(0.9999 * least);
      expect(distances[row]!).toBeLessThan(1.01 * least);
    });
  });

  // pyautoattack 0.2.0 with 20 iterations, medians over the 14 of the first 16 images that are classified rightly.
  it.each([
    ['linf', 0.23487],
    ['l2', 2.34956],
    ['l1', 15.7959],
  ] as const)('in %s is as close to the boundary as pyautoattack (median %d)', async (norm, theirs) => {
    const outcome = await attackWhiteBox(peers.adv, optionsFor({ norm, steps: 20 }, 16));
    const distances = [...outcome.distance].filter((_, row) => outcome.attacked[row]);
    expect(median(distances)).toBeLessThanOrEqual(1.02 * theirs);
    expect(outcome.violations).toBe(0);
    expect(outcome.nonFinite).toBe(0);
  });

  it('FAB-T keeps the smallest of all targets, or stops at the first one within ε', async () => {
    const settings = { mode: 'targeted', targets: 4, steps: 10, epsilon: 0.25 };
    const thorough = await attackWhiteBox(peers.adv, optionsFor(settings, 20));
    const single = await attackWhiteBox(peers.adv, optionsFor({ ...settings, targets: 1 }, 20));
    const quick = await attackWhiteBox(peers.adv, optionsFor({ ...settings, thorough: false }, 20));
    expect(quick.succeeded).toEqual(thorough.succeeded);
    expect(thorough.notes).toEqual([]);
    let smaller = 0;
    thorough.attacked.forEach((attacked, row) => {
      if (!attacked) return;
      const [all, one, some] = [thorough, single, quick].map(({ distance }) => distance[row]!) as [
        number,
        number,
        number,
      ];
      if (!Number.isNaN(one)) expect(all).toBeLessThanOrEqual(one);
      if (!Number.isNaN(some)) expect(all).toBeLessThanOrEqual(some);
      if (all < one) smaller += 1;
    });
    expect(smaller).toBeGreaterThan(0);
  });

  it('says so where a model has fewer classes than FAB-T has targets', async () => {
    const outcome = await attackWhiteBox(peers.adv, optionsFor({ mode: 'targeted', targets: 12, steps: 1 }, 2));
    expect(outcome.notes.join()).toMatch(/aimed at 9 classes in turn.*not 12/);
  });

  it('with a goal leads to that class, and counts nothing else', async () => {
    const options = optionsFor({ steps: 20, epsilon: 1 }, 10);
    const targets = options.examples.labels.map((label) => (label + 3) % 10);
    const outcome = await attackWhiteBox(peers.adv, { ...options, targets });
    const free = await attackWhiteBox(peers.adv, options);
    let hits = 0;
    outcome.distance.forEach((distance, row) => {
      if (Number.isNaN(distance)) return;
      hits += 1;
      expect(predictionOf(outcome.logits, row * 10, 10)).toBe(targets[row]);
      expect(distance).toBeGreaterThanOrEqual(0.95 * free.distance[row]!);
    });
    expect(hits).toBeGreaterThan(6);
  });

  it('later starts lie at norm ε / 2 or less, in [0, 1], each example with noise of its own', () => {
    for (const norm of NORMS) {
      const ball = { norm, epsilon: norm === 'linf' ? 0.4 : 6 };
      const { examples } = optionsFor({}, 3);
      const start = fabStart(examples, [0, 1, 2], ball, 5, 1, 0);
      for (const row of [0, 1, 2]) {
        const found = measurePerturbation(examples.images, row * 784, start, row * 784, 784, ball);
        expect(found.inRange).toBe(true);
        expect(found[norm]).toBeLessThanOrEqual(ball.epsilon / 2 + 1e-5);
        expect(found[norm]).toBeGreaterThan(ball.epsilon / 8);
      }
      expect(fabStart(examples, [2], ball, 5, 1, 0)).toEqual(start.slice(2 * 784));
      expect(fabStart(examples, [2], ball, 5, 2, 0)).not.toEqual(start.slice(2 * 784));
    }
  });

  it('the size of its batches changes nothing, and no tensor is left behind, cancelled or not', async () => {
    const before = tf.memory().numTensors;
    const options = optionsFor({ norm: 'l2', mode: 'targeted', targets: 2, steps: 6, restarts: 2, epsilon: 1 }, 14);
    const whole = await attackWhiteBox(peers.adv, options);
    const pieces = await attackWhiteBox(peers.adv, { ...options, batchSize: 4 });
    expect(pieces.distance).toEqual(whole.distance);
    expect(pieces.adversarial).toEqual(whole.adversarial);
    let turns = 0;
    const control = { checkpoint: () => (++turns === 3 ? Promise.reject(new Error('stop')) : Promise.resolve()) };
    await expect(attackWhiteBox(peers.adv, { ...options, control })).rejects.toThrow('stop');
    expect(tf.memory().numTensors).toBe(before);
  });
});
