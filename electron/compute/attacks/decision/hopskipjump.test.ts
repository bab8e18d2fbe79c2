import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { LINEAR_SIDE, inquireLinear, linearExamples, linearModel, planeDistance } from '../../fixtures/linear.ts';
import { firstExamples } from '../../fixtures/peers.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import { hopSkipJump } from './hopskipjump.ts';
import { hopSkipJumpInquiry } from './hopskipjump-method.ts';
import type { HopSkipJumpPlan } from './hopskipjump-method.ts';
import type { AttackOptions } from '../options.ts';
import { predictionOf } from '../base/outcome.ts';
import { attackWhiteBox } from '../base/white-box.ts';

type Settings = Readonly<Record<string, number | string>>;

function optionsFor(
  examples: AttackOptions['examples'],
  settings: Settings,
  more: Partial<AttackOptions> = {},
): AttackOptions<HopSkipJumpPlan> {
  return attackOptions(examples, hopSkipJump.resolve(settings).plan as HopSkipJumpPlan, more);
}

describe('HopSkipJump on a linear classifier', () => {
  const model = linearModel(3);
  const examples = linearExamples(model, 8, 4);
  const size = LINEAR_SIDE ** 2;
  const attack = (settings: Settings) => {
    const options = optionsFor(examples, settings);
    return inquireLinear(model, options, (row) => hopSkipJumpInquiry(options, row, 0));
  };
  const truth = (norm: 'linf' | 'l2') =>
    [...examples.labels.keys()].map((row) =>
      planeDistance(model, examples.images.subarray(row * size, (row + 1) * size), norm),
    );

  // In L∞ the sign of each pixel's slope has to be found out, also where that is nearly 0.
  it.each([
    ['l2', 1.02],
    ['linf', 1.04],
  ] as const)('comes near to the smallest perturbation in %s: at most %f times as far', async (norm, most) => {
    const found = await attack({ norm, queries: 5000 });
    const least = truth(norm);
    for (const { row, distance } of found) {
      expect(distance).toBeGreaterThanOrEqual(least[row]! * (1 - 1e-5));
      expect(distance).toBeLessThanOrEqual(least[row]! * most);
    }
  });

  it.each(['l2', 'linf'] as const)('never comes out farther for more queries in %s', async (norm) => {
    const runs = [];
    for (const queries of [50, 200, 800, 3200]) runs.push(await attack({ norm, queries }));
    for (const row of examples.labels.keys()) {
      const distances = runs.map((found) => found[row]!.distance);
      expect(distances).toEqual(distances.toSorted((a, b) => b - a));
      expect(distances[3]).toBeLessThan(distances[0]!);
    }
  });

  it('makes no more queries than it may, and uses them', async () => {
    const [first] = await attack({ norm: 'l2', queries: 333 });
    expect(first!.asked).toBe(333 * examples.labels.length);
  });

  it('notes the query at which it first was within ε, and none where it never was', async () => {
    const least = truth('l2');
    const epsilon = 1.1 * least[0]!;
    const within = await attack({ norm: 'l2', queries: 3000, epsilon });
    const before = await attack({ norm: 'l2', queries: Math.max(10, within[0]!.iteration), epsilon });
    const until = await attack({ norm: 'l2', queries: within[0]!.iteration + 1, epsilon });
    expect(within[0]!.iteration).toBeGreaterThan(10);
    expect(before[0]!.distance).toBeGreaterThan(epsilon);
    expect(until[0]!.distance).toBeLessThanOrEqual(epsilon + 1e-6);
  });
});

describe('HopSkipJump on a network', () => {
  const peers = useSmallPeers();

  // The best peers on the same 16 images: in L2 ART 1.20.1 after 1,751 queries, in L∞ foolbox 3.3.4 after 1,935.
  it.each([
    ['l2', 1000, 2.9319],
    ['linf', 1935, 0.1781],
  ] as const)(
    'on small-nat has a median %s perturbation after %i queries of at most %f',
    async (norm, queries, best) => {
      const outcome = await attackWhiteBox(
        peers.nat,
        optionsFor(firstExamples(peers.nat.examples, 16), { norm, queries }),
      );
      const distances = [...outcome.distance].toSorted((a, b) => a - b);
      expect(distances[7]!).toBeLessThanOrEqual(1.05 * best);
      expect(outcome.violations).toBe(0);
      for (let row = 0; row < 16; row += 1) {
        const within = outcome.distance[row]! <= 0.25 + (norm === 'linf' ? 1.2e-7 : 1e-6);
        expect(outcome.succeeded[row]).toBe(within ? 1 : 0);
        expect(predictionOf(outcome.logits, row * 10, 10)).not.toBe(peers.nat.examples.labels[row]);
      }
    },
  );

  it('batch size changes nothing, and the seed does', async () => {
    const examples = firstExamples(peers.nat.examples, 9);
    const whole = await attackWhiteBox(peers.nat, optionsFor(examples, { queries: 300 }));
    const pieces = await attackWhiteBox(peers.nat, optionsFor(examples, { queries: 300 }, { batchSize: 5 }));
    expect(pieces.adversarial).toEqual(whole.adversarial);
    expect(pieces.iteration).toEqual(whole.iteration);
    const other = await attackWhiteBox(peers.nat, optionsFor(examples, { queries: 300 }, { seed: 8 }));
    expect(other.adversarial).not.toEqual(whole.adversarial);
  });

  it('leads to the class that was chosen for each image, from images of that class', async () => {
    const examples = firstExamples(peers.nat.examples, 40);
    const targets = examples.labels.map((label) => (label + 1) % 10);
    const chosen = { ...examples, labels: examples.labels };
    const outcome = await attackWhiteBox(peers.nat, optionsFor(chosen, { norm: 'l2', queries: 60 }, { targets }));
    const found = [...outcome.distance.keys()].filter((row) => !Number.isNaN(outcome.distance[row]));
    expect(found.length).toBeGreaterThan(30);
    for (const row of found) expect(predictionOf(outcome.logits, row * 10, 10)).toBe(targets[row]);
  });

  it('finds nothing on a model that always names one class, and says so', async () => {
    const fixed = Object.fromEntries(
      Object.entries(peers.nat.weights).map(([name, tensor]) => [
        name,
        name.startsWith('fc2') && tensor.rank === 1 ? tf.tensor1d([9e5, 0, 0, 0, 0, 0, 0, 0, 0, 0]) : tensor.clone(),
      ]),
    );
    const examples = firstExamples(peers.nat.examples, 32);
    const only = { ...examples, labels: examples.labels.map(() => 0) };
    const outcome = await attackWhiteBox(
      { network: peers.nat.network, weights: fixed },
      optionsFor(only, { norm: 'l2', queries: 200 }),
    );
    expect(outcome.distance.every(Number.isNaN)).toBe(true);
    expect(outcome.adversarial).toEqual(examples.images);
    tf.dispose(Object.values(fixed));
  });

  it('leaves no tensor behind, cancelled or not', async () => {
    const before = tf.memory().numTensors;
    const examples = firstExamples(peers.nat.examples, 6);
    await attackWhiteBox(peers.nat, optionsFor(examples, { queries: 60 }, { batchSize: 4 }));
    let turns = 0;
    const control = { checkpoint: () => (++turns === 9 ? Promise.reject(new Error('stop')) : Promise.resolve()) };
    await expect(attackWhiteBox(peers.nat, optionsFor(examples, { queries: 60 }, { control }))).rejects.toThrow('stop');
    expect(tf.memory().numTensors).toBe(before);
  });
});
