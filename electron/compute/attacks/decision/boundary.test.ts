import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { LINEAR_SIDE, inquireLinear, linearExamples, linearModel, planeDistance } from '../../fixtures/linear.ts';
import { firstExamples } from '../../fixtures/peers.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import { boundary } from './boundary.ts';
import { boundaryInquiry } from './boundary-method.ts';
import type { BoundaryPlan } from './boundary-method.ts';
import type { AttackOptions } from '../options.ts';
import { attackWhiteBox } from '../base/white-box.ts';

function optionsFor(
  examples: AttackOptions['examples'],
  settings: Readonly<Record<string, number>>,
  more: Partial<AttackOptions> = {},
): AttackOptions<BoundaryPlan> {
  return attackOptions(examples, boundary.resolve(settings).plan as BoundaryPlan, more);
}

describe('the boundary attack on a linear classifier', () => {
  const model = linearModel(3);
  const examples = linearExamples(model, 6, 4);
  const size = LINEAR_SIDE ** 2;
  const attack = (queries: number) => {
    const options = optionsFor(examples, { queries });
    return inquireLinear(model, options, (row) => boundaryInquiry(options, row, 0));
  };

  it('comes within 2 % of the smallest perturbation', async () => {
    for (const { row, distance } of await attack(8000)) {
      const least = planeDistance(model, examples.images.subarray(row * size, (row + 1) * size), 'l2');
      expect(distance).toBeGreaterThanOrEqual(least * (1 - 1e-5));
      expect(distance).toBeLessThanOrEqual(least * 1.02);
    }
  });

  it('never comes out farther for more queries, and makes no more than it may', async () => {
    const runs = [];
    for (const queries of [100, 400, 1600]) runs.push(await attack(queries));
    for (const row of examples.labels.keys()) {
      const distances = runs.map((found) => found[row]!.distance);
      expect(distances).toEqual(distances.toSorted((a, b) => b - a));
      expect(distances[2]).toBeLessThan(distances[0]!);
    }
    expect(runs.map(([first]) => first!.asked)).toEqual([600, 2400, 9600]);
  });
});

describe('the boundary attack on a network', () => {
  const peers = useSmallPeers();

  it('batch size changes nothing, every x′ is valid, and no tensor is left behind', async () => {
    const before = tf.memory().numTensors;
    const examples = firstExamples(peers.nat.examples, 7);
    const whole = await attackWhiteBox(peers.nat, optionsFor(examples, { queries: 300 }));
    const pieces = await attackWhiteBox(peers.nat, optionsFor(examples, { queries: 300 }, { batchSize: 3 }));
    expect(pieces.adversarial).toEqual(whole.adversarial);
    expect(pieces.iteration).toEqual(whole.iteration);
    expect(whole.violations).toBe(0);
    expect(whole.adversarial.every((pixel) => pixel >= 0 && pixel <= 1)).toBe(true);
    expect(whole.distance.every((distance) => distance > 0 && distance < 15)).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
  });
});
