import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packFolder } from '../../../services/engine-pack/state.ts';
import { loadEngine } from '../../engines/load.ts';
import { firstExamples, loadFixture } from '../../fixtures/peers.ts';
import type { PeerFixture } from '../../fixtures/peers.ts';
import { moduleApi } from '../../modules/api.ts';
import { attackWhiteBox } from '../base/white-box.ts';
import { resolveAttack } from '../registry.ts';

const { adaptiveAttack, losses, transformations } = moduleApi;
const installed = existsSync(join(packFolder(), 'tfjs_binding.node'));

let nat: PeerFixture | null = null;
beforeAll(async () => {
  if (!installed) return;
  await loadEngine('tensorflow', { enginePack: packFolder(), deterministic: true });
  nat = await loadFixture('small-nat');
});
afterAll(() => nat?.dispose());
beforeEach(({ skip }) => {
  if (!installed) skip('the tensorflow engine pack is not installed');
});

const words = { label: 'Own', summary: 'A test.', source: 'A test.', help: 'A test.' };
const values = { epsilon: 0.2, steps: 8, restarts: 2 };

describe('attacks of modules as compiled graphs', () => {
  const CASES = [
    { name: 'plain', transformation: null, samples: 1 },
    { name: 'shifts', transformation: transformations.shifts(2), samples: 2 },
    { name: 'rounding', transformation: transformations.rounding(9), samples: 1 },
  ];
  it.each(CASES)('$name: one graph, no tensor left behind', async ({ name, transformation, samples }) => {
    const attack = adaptiveAttack({
      ...words,
      name: `own-${name}`,
      samples,
      loss: ({ logits }, labels) => losses.crossEntropy(logits, labels),
      ...(transformation && { transformation: () => transformation }),
    });
    const before = tf.memory().numTensors;
    const options = {
      examples: firstExamples(nat!.examples, 24),
      seed: 4,
      batchSize: 16,
      includeMisclassified: true,
      control: { checkpoint: () => Promise.resolve() },
    };
    for (const stopAtSuccess of [false, true]) {
      const given = { ...values, stopAtSuccess };
      const { plan } = attack.resolve(attack.schema.parse(given));
      const { notes, ...found } = await attackWhiteBox(nat!, { ...options, plan });
      expect(notes).toEqual([]);
      expect([found.nonFinite, found.violations]).toEqual([0, 0]);
      expect(found.succeeded.filter(Boolean).length).toBeGreaterThan(6);
      if (name !== 'plain') continue;
      const pgd = resolveAttack({ name: 'pgd', settings: given }).plan;
      const { notes: _, ...theirs } = await attackWhiteBox(nat!, { ...options, plan: pgd });
      expect(found).toEqual(theirs);
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});
