import * as tf from '@tensorflow/tfjs-core';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckItem, CheckItemName, Verdict } from '../../../../shared/domain/check.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import { CHECK_ITEMS, checkItem } from '../../../../shared/domain/check.ts';
import type { Examples, Subject } from '../../attacks/base/examples.ts';
import { resolveAttack } from '../../attacks/registry.ts';
import { loadEngine } from '../../engines/load.ts';
import { linearControl, noisyControl, quadrantExamples, quantisedControl } from '../../fixtures/controls.ts';
import type { Control } from '../../fixtures/controls.ts';
import { firstExamples, loadFixture } from '../../fixtures/peers.ts';
import type { CheckBudget } from './budget.ts';
import { checkMasking } from './check.ts';
import type { CheckOutcome } from './check.ts';
import type { CheckSource } from './probe.ts';
import { openRecord } from './record.ts';

/** Less than a quick check: the controls are small. */
const BUDGET: CheckBudget = {
  iterations: 80,
  startIterations: 20,
  restarts: 4,
  stepSizeIterations: 20,
  largeEpsilonIterations: 20,
  apgdIterations: 20,
  apgdTargets: 3,
  squareQueries: 150,
  transferIterations: 20,
  noiseTrials: 10,
  surfaceSide: 5,
};
const EPSILON = 0.1;

// In one thread: others would not know the controls' architectures.
beforeAll(() => loadEngine('wasm', { enginePack: null, threads: 1, deterministic: true }));

const root = mkdtempSync(join(tmpdir(), 'pairlight-masking-'));
afterAll(() => rmSync(root, { recursive: true }));
const newFolder = (): string => mkdtempSync(join(root, 'check-'));

interface Change {
  readonly sources?: readonly CheckSource[];
  readonly epsilon?: number;
  readonly folder?: string;
  readonly checkpoint?: () => Promise<void>;
  readonly onPartial?: (items: readonly CheckItem[]) => void;
}

async function check(subject: Subject, examples: Examples, change: Change = {}): Promise<CheckOutcome> {
  const { sources = [], epsilon = EPSILON, folder = newFolder(), onPartial = () => undefined } = change;
  const checkpoint = change.checkpoint ?? (() => Promise.resolve());
  return checkMasking({
    subject,
    sources,
    examples,
    epsilon,
    budget: BUDGET,
    seed: 0,
    batchSize: 64,
    control: { checkpoint, progress: () => undefined },
    record: await openRecord(folder, [epsilon, BUDGET], { checkpoint }),
    onPartial,
  });
}

async function checkControl({ subject, dispose }: Control, sources?: readonly CheckSource[]): Promise<CheckOutcome> {
  try {
    const outcome = await check(subject, quadrantExamples(64), sources && { sources });
    // What is asked for next can be run: resolving checks the attack's settings.
    for (const { attack, next } of outcome.items.filter((item) => item.attack)) {
      expect(next).not.toBeNull();
      expect(resolveAttack(attack!).plan.epsilon).toBeGreaterThanOrEqual(EPSILON);
    }
    return outcome;
  } finally {
    dispose();
  }
}

function itemOf({ items }: CheckOutcome, name: CheckItemName): CheckItem {
  return items.find(({ item }) => item === name)!;
}

const verdictOf = (outcome: CheckOutcome, name: CheckItemName): Verdict => itemOf(outcome, name).verdict;

describe('the gradient-masking check', () => {
  it('is green on a linear model whose robustness is real, and finds just that robustness', async () => {
    const examples = quadrantExamples(64);
    const outcome = await checkControl(linearControl());
    expect(outcome.items.map(({ item }) => item)).toEqual(CHECK_ITEMS);
    expect(outcome.items.map(({ verdict }) => verdict)).toEqual(CHECK_ITEMS.map(() => 'green'));
    expect(outcome.verdict).toBe('green');
    expect(outcome.cleanAccuracy).toBe(1);
    // Robust are those whose quadrant is brighter than every other one by more than 2 ε.
    const robust = [...examples.labels.keys()].filter((row) => contrastOf(examples, row) > 2 * EPSILON).length;
    expect(robust).toBeGreaterThan(32);
    expect(robust).toBeLessThan(64);
    expect(outcome.worstAccuracy).toBe(robust / 64);
    for (const item of outcome.items) expect(checkItem.parse(item)).toEqual(item);
  });

  it('is red on the same model with logits × 10⁴: its cross-entropy is saturated, and it says so', async () => {
    const outcome = await checkControl(linearControl(1e4));
    expect(outcome.verdict).toBe('red');
    expect(itemOf(outcome, 'gradients')).toMatchObject({
      verdict: 'red',
      finding: expect.stringContaining('saturated') as string,
      next: expect.stringContaining('DLR') as string,
      attack: { name: 'apgd', settings: { loss: 'dlr' } },
    });
  });

  it('is red on the same model with quantised inputs: no loss has a gradient', async () => {
    const outcome = await checkControl(quantisedControl());
    expect(outcome.verdict).toBe('red');
    expect(itemOf(outcome, 'gradients')).toMatchObject({
      verdict: 'red',
      finding: expect.stringContaining('no loss has a usable gradient') as string,
      next: expect.stringContaining('BPDA') as string,
      attack: { name: 'square' },
    });
    expect(verdictOf(outcome, 'surface')).toBe('red');
    // Square needs no gradient: it breaks what APGD could not.
    expect(verdictOf(outcome, 'gradient-free')).toBe('red');
  });

  it('finds with a source what a model without gradients hides from every other attack', async () => {
    const source = linearControl();
    try {
      const outcome = await checkControl(quantisedControl(), [
        { ...source.subject, id: 'model-linear', name: 'linear' },
      ]);
      const { finding } = itemOf(outcome, 'gradient-free');
      expect(finding).toMatch(/Transfer from linear: [1-9]/);
    } finally {
      source.dispose();
    }
  });

  it('is red on the same model with random noise on its inputs: it does not repeat itself', async () => {
    const outcome = await checkControl(noisyControl(0.3));
    expect(outcome.verdict).toBe('red');
    expect(verdictOf(outcome, 'repeatable')).toBe('red');
    expect(itemOf(outcome, 'repeatable').next).toContain('expectation over transformations');
  });

  it('is not red on a network after PGD adversarial training', async () => {
    const peers = await loadFixture('small-adv');
    try {
      const outcome = await check(peers, firstExamples(peers.examples, 26));
      expect(['green', 'amber']).toContain(outcome.verdict);
      expect(outcome.worstAccuracy).toBeGreaterThan(0.1);
      expect(outcome.worstAccuracy).toBeLessThan(outcome.cleanAccuracy);
    } finally {
      peers.dispose();
    }
  });

  it('is not red on an undefended network: there is nothing that it could hide', async () => {
    const peers = await loadFixture('small-nat');
    try {
      const outcome = await check(peers, firstExamples(peers.examples, 32), { epsilon: 0.2 });
      expect(outcome.verdict).toBe('green');
      expect(outcome.worstAccuracy).toBe(0);
      expect(outcome.summary).toContain('break it on every image');
    } finally {
      peers.dispose();
    }
  });

  it('does not judge a model that hardly classifies anything', async () => {
    const { subject, dispose } = linearControl();
    const { labels, ...examples } = quadrantExamples(64);
    const outcome = await check(subject, { ...examples, labels: labels.map((label) => (label + 1) % 4) });
    dispose();
    expect(outcome.verdict).toBe('unknown');
    expect(itemOf(outcome, 'iterations').finding).toContain('0 of the 64 images');
    expect(outcome.summary).toBe(itemOf(outcome, 'iterations').finding);
  });

  it('goes on after it was stopped at any place, and ends at the same report', async () => {
    const { subject, dispose } = quantisedControl();
    const examples = quadrantExamples(24);
    try {
      let calls = 0;
      const whole = await check(subject, examples, {
        checkpoint: () => {
          calls += 1;
          return Promise.resolve();
        },
      });
      const folder = newFolder();
      const partials: number[] = [];
      let outcome: CheckOutcome | null = null;
      let starts = 0;
      while (!outcome) {
        starts += 1;
        let left = Math.ceil(calls / 5);
        const stop = (): Promise<void> =>
          (left -= 1) < 0 ? Promise.reject(new AppError('cancelled', 'stopped')) : Promise.resolve();
        const onPartial = (items: readonly CheckItem[]): unknown => partials.push(items.length);
        outcome = await check(subject, examples, { folder, checkpoint: stop, onPartial }).catch((error: unknown) => {
          if (error instanceof AppError && error.code === 'cancelled') return null;
          throw error;
        });
        expect(starts).toBeLessThan(50);
      }
      expect(starts).toBeGreaterThan(2);
      expect({ ...outcome, seconds: 0 }).toEqual({ ...whole, seconds: 0 });
      // It never began anew, and told every part.
      expect(partials).toEqual([...partials].sort((a, b) => a - b));
      expect(new Set(partials)).toEqual(new Set(Array.from({ length: CHECK_ITEMS.length + 1 }, (_, n) => n)));
      expect(await readdir(folder)).toEqual([]);
    } finally {
      dispose();
    }
  });

  it('disposes of all tensors that it makes', async () => {
    const { subject, dispose } = linearControl();
    const before = tf.memory().numTensors;
    await check(subject, quadrantExamples(24));
    expect(tf.memory().numTensors).toBe(before);
    dispose();
  });
});

/** Mean of the label's quadrant − the largest mean of another one. */
function contrastOf({ images, labels }: Examples, row: number): number {
  const sums = [0, 0, 0, 0];
  for (let at = 0; at < 64; at += 1) {
    const quadrant = 2 * Number(at >= 32) + Number(at % 8 >= 4);
    sums[quadrant]! += images[row * 64 + at]! / 16;
  }
  const label = labels[row]!;
  return sums[label]! - Math.max(...sums.filter((_, quadrant) => quadrant !== label));
}
