import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttackSpec, Goal } from '../../../../shared/domain/evaluation.ts';
import { loadEngine } from '../../engines/load.ts';
import { firstExamples, loadFixture } from '../../fixtures/peers.ts';
import type { PeerFixture } from '../../fixtures/peers.ts';
import { ensembleOf } from '../../models/ensemble.ts';
import { forward } from '../../models/network.ts';
import { targetsOf } from './goals.ts';
import type { AttackOptions } from '../options.ts';
import { countRobust, predictionOf } from './outcome.ts';
import { resolveAttack } from '../registry.ts';
import { attackTransfer } from './transfer.ts';
import { attackWhiteBox } from './white-box.ts';

const LABELS = Int32Array.from([0, 1, 2, 2]);
const INDICES = Uint32Array.from([5, 6, 7, 8]);
const LOGITS = Float32Array.from([3, 1, 2, -9, 4, 0, 0, 1, 9, Number.NaN, 2, 0]);

describe('target classes', () => {
  const of = (goal: Goal, seed = 1) =>
    targetsOf(goal, { labels: LABELS, indices: INDICES }, LOGITS, 3, seed).map((targets) => targets && [...targets]);

  it('follow from the goal', () => {
    expect(of('untargeted')).toEqual([undefined]);
    expect(of('next')).toEqual([[1, 2, 0, 0]]);
    expect(of('least-likely')).toEqual([[1, 0, 0, 1]]);
    expect(of('all')).toEqual([
      [1, 2, 0, 0],
      [2, 0, 1, 1],
    ]);
  });

  it('at random depend on seed and example alone, and are never the label', () => {
    const [drawn] = of('random');
    const alone = targetsOf('random', { labels: LABELS.slice(2), indices: INDICES.slice(2) }, LOGITS, 3, 1)[0];
    expect([...(alone ?? [])]).toEqual(drawn?.slice(2));
    const many = Array.from({ length: 40 }, (_, seed) => of('random', seed)[0] ?? []);
    for (const targets of many) targets.forEach((target, row) => expect(target).not.toBe(LABELS[row]));
    expect(new Set(many.map((targets) => targets[0])).size).toBe(2);
  });

  it('need a second class', () => {
    const one = { labels: Int32Array.from([0]), indices: Uint32Array.from([0]) };
    expect(() => targetsOf('next', one, Float32Array.from([1]), 1, 0)).toThrow(/single class/);
  });
});

describe('attacks with a goal', () => {
  let nat: PeerFixture;
  let adv: PeerFixture;
  beforeAll(async () => {
    await loadEngine('wasm', { enginePack: null, deterministic: true });
    [nat, adv] = [await loadFixture('small-nat'), await loadFixture('small-adv')];
  });
  afterAll(() => {
    nat.dispose();
    adv.dispose();
  });
  const options = (name: string, settings: AttackSpec['settings'], goal: Goal, count = 24): AttackOptions => ({
    examples: firstExamples(nat.examples, count),
    plan: resolveAttack({ name, settings }).plan,
    goal,
    seed: 3,
    batchSize: 24,
    includeMisclassified: false,
    control: { checkpoint: () => Promise.resolve() },
  });

  it('succeed only with the class that they lead to, in every norm', async () => {
    for (const settings of [
      { epsilon: 0.3, steps: 12 },
      { norm: 'l2', epsilon: 4, steps: 12, stopAtSuccess: true },
      { norm: 'l1', epsilon: 40, steps: 12 },
    ]) {
      const outcome = await attackWhiteBox(nat, options('pgd', settings, 'next'));
      const broken = [...outcome.succeeded.keys()].filter((row) => outcome.succeeded[row]);
      expect(broken.length).toBeGreaterThan(3);
      for (const row of broken) {
        expect(predictionOf(outcome.logits, row * 10, 10)).toBe(((nat.examples.labels[row] ?? 0) + 1) % 10);
      }
      expect(outcome.violations).toBe(0);
    }
  });

  it('all classes in turn break at least what the best single class breaks, and count restarts through', async () => {
    const settings = { epsilon: 0.12, steps: 5, restarts: 2 };
    const all = await attackWhiteBox(nat, options('pgd', settings, 'all', 12));
    expect(all.robustAfter).toHaveLength(18);
    const next = await attackWhiteBox(nat, options('pgd', settings, 'next', 12));
    expect(countRobust(all)).toBeLessThanOrEqual(countRobust(next));
    for (const row of [...all.succeeded.keys()].filter((at) => all.succeeded[at])) {
      const round = Math.floor((all.restart[row] ?? 0) / 2);
      const target = ((nat.examples.labels[row] ?? 0) + 1 + round) % 10;
      expect(predictionOf(all.logits, row * 10, 10)).toBe(target);
    }
  });

  it('lead other models to the class too', async () => {
    const [outcome] = await attackTransfer(adv, [nat], options('pgd', { epsilon: 0.4, steps: 10 }, 'least-likely'));
    const untargeted = await attackTransfer(adv, [nat], options('pgd', { epsilon: 0.4, steps: 10 }, 'untargeted'));
    const hits = outcome!.succeeded.reduce((sum, value) => sum + value, 0);
    expect(hits).toBeLessThanOrEqual(untargeted[0]!.succeeded.reduce((sum, value) => sum + value, 0));
    expect(outcome!.robustAfter).toEqual([countRobust(outcome!)]);
  });

  it('are refused by an attack that cannot lead anywhere', async () => {
    const given = options('square', { queries: 5 }, 'next', 2);
    const square = { ...given, plan: { ...given.plan, family: { ...given.plan.family, targeted: false } } };
    await expect(attackWhiteBox(nat, square)).rejects.toThrow(/cannot be given one/);
  });

  it('an ensemble answers with the mean of the logits, and fools its members', async () => {
    const ensemble = ensembleOf([nat, adv]);
    const { examples } = options('pgd', {}, 'untargeted', 8);
    const [mean, one, other] = [ensemble, nat, adv].map(({ network, weights }) =>
      tf.tidy(() =>
        forward(network, weights, tf.tensor4d(examples.images, [8, 28, 28, 1]))
          .logits.dataSync()
          .slice(),
      ),
    );
    mean!.forEach((value, i) => expect(value).toBeCloseTo((one![i]! + other![i]!) / 2, 4));
    const before = tf.memory().numTensors;
    const outcomes = await attackTransfer(
      ensemble,
      [nat, adv],
      options('pgd', { epsilon: 0.3, steps: 10 }, 'untargeted'),
    );
    expect(tf.memory().numTensors).toBe(before);
    expect(countRobust(outcomes[0]!)).toBeLessThan(6);
    expect(countRobust(outcomes[1]!)).toBeLessThan(12);
  });
});
