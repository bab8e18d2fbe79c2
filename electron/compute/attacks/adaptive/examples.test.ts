import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttackSpec } from '../../../../shared/domain/evaluation.ts';
import { loadEngine } from '../../engines/load.ts';
import { firstExamples, loadFixture } from '../../fixtures/peers.ts';
import type { PeerFixture } from '../../fixtures/peers.ts';
import { loadModules } from '../../modules/load.ts';
import { moduleAttack, moduleDefence } from '../../modules/loaded.ts';
import { attackTransfer } from '../base/transfer.ts';
import { attackWhiteBox } from '../base/white-box.ts';
import type { AttackOptions } from '../options.ts';

const DOCS = resolve(import.meta.dirname, '../../../../docs');

let nat: PeerFixture;
let adv: PeerFixture;
/** Hashes of the files. */
const modules = new Map<string, string>();
beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  [nat, adv] = [await loadFixture('small-nat'), await loadFixture('small-adv')];
  for (const file of await readdir(`${DOCS}/examples`)) {
    const path = `${DOCS}/examples/${file}`;
    const hash = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    await loadModules([{ file, path, hash }]);
    modules.set(file, hash);
  }
});
afterAll(() => {
  nat.dispose();
  adv.dispose();
});

function optionsFor(file: string, name: string, settings: AttackSpec['settings'], count = 16): AttackOptions {
  const attack = moduleAttack(modules.get(file)!, name)!;
  return {
    examples: firstExamples(nat.examples, count),
    plan: attack.resolve(attack.schema.parse(settings)).plan,
    seed: 4,
    batchSize: 40,
    includeMisclassified: false,
    control: { checkpoint: () => Promise.resolve() },
  };
}

describe('the examples of the documentation', () => {
  it('are shown there as they are', async () => {
    const page = await readFile(`${DOCS}/own-attacks.md`, 'utf8');
    for (const file of modules.keys()) {
      const text = await readFile(`${DOCS}/examples/${file}`, 'utf8');
      expect(page.includes(`\`\`\`ts\n${text}\`\`\``), file).toBe(true);
    }
  });

  it.each([
    { file: 'adam-pgd.ts', name: 'adam-pgd', settings: { epsilon: 0.25, steps: 15, loss: 'margin' }, atLeast: 12 },
    {
      file: 'adam-pgd.ts',
      name: 'adam-pgd',
      settings: { epsilon: 0.25, steps: 15, loss: 'cross-entropy', restarts: 2 },
      atLeast: 12,
    },
    { file: 'patch-search.ts', name: 'patch-search', settings: { epsilon: 0.3, queries: 400 }, atLeast: 3 },
    { file: 'flat-logits.ts', name: 'flat-pgd', settings: { epsilon: 0.25, steps: 15 }, atLeast: 12 },
    {
      file: 'seen-through.ts',
      name: 'seen-through',
      settings: { epsilon: 0.25, steps: 10, samples: 3, shift: 1 },
      atLeast: 10,
    },
  ])('$file breaks examples of a real model with $settings', async ({ file, name, settings, atLeast }) => {
    const before = tf.memory().numTensors;
    const options = optionsFor(file, name, settings);
    const outcome = await attackWhiteBox(nat, options);
    expect(tf.memory().numTensors).toBe(before);
    expect([outcome.violations, outcome.nonFinite, outcome.notes]).toEqual([0, 0, []]);
    expect(outcome.succeeded.filter(Boolean).length).toBeGreaterThanOrEqual(atLeast);
  });

  it.each([
    ['adam-pgd.ts', 'adam-pgd', { epsilon: 0.15, steps: 6 }],
    ['seen-through.ts', 'seen-through', { epsilon: 0.2, steps: 4, samples: 2 }],
  ])('%s: neither a batch that threads share nor its size changes what is found', async (file, name, settings) => {
    const options = optionsFor(file, name, settings, 40);
    const shared = await attackWhiteBox(nat, options);
    const alone = await attackWhiteBox(nat, { ...options, batchSize: 13 });
    expect(shared.notes).toEqual([]);
    expect(shared.succeeded).toEqual(alone.succeeded);
    expect(shared.iteration).toEqual(alone.iteration);
  });

  it.each([
    ['adam-pgd.ts', 'adam-pgd', { epsilon: 0.3, steps: 8 }],
    ['flat-logits.ts', 'flat-pgd', { epsilon: 0.3, steps: 8 }],
    ['seen-through.ts', 'seen-through', { epsilon: 0.3, steps: 4, samples: 2 }],
  ])('%s makes images for another model', async (file, name, settings) => {
    const options = { ...optionsFor(file, name, settings), goal: 'next' as const };
    const [outcome] = await attackTransfer(nat, [adv], options);
    expect(outcome!.violations).toBe(0);
    const moved = outcome!.adversarial.some((pixel, i) => pixel !== options.examples.images[i]);
    expect(moved).toBe(true);
  });

  it('flat-logits.ts adds a defence whose term has a gradient of its own', () => {
    const { loss } = moduleDefence('flat-logits')!.configure({ lambda: 2 });
    tf.tidy(() => {
      const labels = tf.tensor1d([0, 1], 'int32');
      const termsOf = (logits: tf.Tensor) => {
        const seen = { logits: logits as tf.Tensor2D, activations: {} };
        return loss({ clean: seen, adversarial: seen, labels, labelSmoothing: 0 });
      };
      const logits = tf.tensor2d([1, 2, 6, -1, 0, 4], [2, 3]);
      // Variances over three classes: 14/3 and 14/3.
      expect(termsOf(logits)['flatness']!.dataSync()[0]).toBeCloseTo((2 * 14) / 3, 4);
      const gradient = tf.grad((x) => termsOf(x)['flatness']!)(logits);
      const expected = [1, 2, 6, -1, 0, 4].map((value, i) => (2 * 2 * (value - (i < 3 ? 3 : 1))) / 6);
      gradient.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
    });
  });
});
