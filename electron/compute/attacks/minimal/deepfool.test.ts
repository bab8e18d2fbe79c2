import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { linearClassifier } from '../../fixtures/linear-classes.ts';
import { firstExamples } from '../../fixtures/peers.ts';
import type { PeerFixture } from '../../fixtures/peers.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import { measurePerturbation } from '../base/budget.ts';
import type { Norm } from '../base/budget.ts';
import { deepFoolIteration } from './deepfool-steps.ts';
import type { DeepFoolState } from './deepfool-steps.ts';
import type { AttackOptions } from '../options.ts';
import { resolveAttack } from '../registry.ts';
import { attackWhiteBox } from '../base/white-box.ts';

const peers = useSmallPeers();

function optionsFor(
  peer: PeerFixture,
  settings: Readonly<Record<string, number | string>>,
  count: number,
): AttackOptions {
  return attackOptions(firstExamples(peer.examples, count), resolveAttack({ name: 'deepfool', settings }).plan, {
    seed: 0,
    includeMisclassified: true,
  });
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
};

describe('DeepFool', () => {
  it.each(['linf', 'l2'] as const)('reaches the boundary of a linear classifier in %s', (norm) => {
    const linear = linearClassifier(6, 8, 4, 11);
    const rule = { norm, steps: 10, overshoot: 0 };
    const others = Array.from(linear.labels, (label) => [0, 1, 2, 3].filter((k) => k !== label));
    tf.tidy(() => {
      const clean = tf.tensor4d(linear.images, [6, 8, 8, 1]);
      const [none, open] = [tf.zeros([6]), tf.fill([6], -1)];
      let state: DeepFoolState = [clean, open, none, tf.zerosLike(clean), none];
      for (let step = 0; step <= 10; step += 1) {
        const planes = linear.planes(state[0], others);
        state = deepFoolIteration(state, planes, clean, tf.tensor1d(linear.labels, 'int32'), rule);
      }
      const images = state[0].dataSync<'float32'>();
      expect(Math.min(...state[1].dataSync())).toBeGreaterThan(0);
      // Each step goes 1e-4 farther than to the boundary.
      linear.smallest(norm).forEach((least, row) => {
        const { [norm]: size } = measurePerturbation(linear.images, row * 64, images, row * 64, 64, {
          norm,
          epsilon: 1,
        });
        expect(size).toBeGreaterThan(least);
        expect(size).toBeLessThan(least * 1.01 + 2e-4);
      });
    });
  });

  // Foolbox 3.3.4 with 50 steps, 10 candidates and overshoot 0.02; medians over the first 64 images.
  it.each([
    ['small-nat', 'l2', 1.572],
    ['small-adv', 'l2', 2.072],
    ['small-adv', 'linf', 0.2027],
  ] as const)('on %s in %s has the distances of foolbox (median %d)', async (name, norm, theirs) => {
    const peer = name === 'small-nat' ? peers.nat : peers.adv;
    const outcome = await attackWhiteBox(peer, optionsFor(peer, { norm }, 64));
    expect(median([...outcome.distance])).toBeLessThanOrEqual(1.02 * theirs);
    expect(outcome.violations).toBe(0);
    expect(outcome.nonFinite).toBe(0);
    if (norm !== 'l2') return;
    const images = peer.array('adv_deepfool_l2').data as Float32Array;
    const { examples } = optionsFor(peer, {}, 64);
    const sizes = Array.from({ length: 64 }, (_, row) => l2(examples.images, images, row));
    sizes.forEach((size, row) => expect(outcome.distance[row]!).toBeLessThanOrEqual(1.001 * size + 1e-6));
  });

  it('the size of its batches changes nothing, and no tensor is left behind', async () => {
    const before = tf.memory().numTensors;
    const options = optionsFor(peers.nat, { norm: 'linf', steps: 8 }, 24);
    const whole = await attackWhiteBox(peers.nat, options);
    const pieces = await attackWhiteBox(peers.nat, { ...options, batchSize: 5 });
    expect(pieces.distance).toEqual(whole.distance);
    expect(pieces.iteration).toEqual(whole.iteration);
    let turns = 0;
    const control = { checkpoint: () => (++turns === 3 ? Promise.reject(new Error('stop')) : Promise.resolve()) };
    await expect(attackWhiteBox(peers.nat, { ...options, control })).rejects.toThrow('stop');
    expect(tf.memory().numTensors).toBe(before);
  });
});

function l2(clean: Float32Array, images: Float32Array, row: number): number {
  const ball = { norm: 'l2' as Norm, epsilon: 1 };
  return measurePerturbation(clean, row * 784, images, row * 784, 784, ball).l2;
}
