import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadEngine } from '../../engines/load.ts';
import { firstExamples, loadFixture, type PeerFixture } from '../../fixtures/peers.ts';
import { forward } from '../../models/network.ts';
import { opaqueNetwork, type Predictor } from '../../models/predictor.ts';
import type { Subject } from './examples.ts';
import type { AttackOptions } from '../options.ts';
import { resolveAttack } from '../registry.ts';
import { attackWhiteBox } from './white-box.ts';

let nat: PeerFixture;
beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  nat = await loadFixture('small-nat');
});
afterAll(() => nat.dispose());

/** The fixture's network behind a forward pass, and how many images it was asked for. */
function answering(): { readonly subject: Subject; readonly asked: () => number } {
  let asked = 0;
  const predictor: Predictor = {
    logits: (images, count) => {
      asked += count;
      const { network, weights } = nat;
      return Promise.resolve(
        tf.tidy(() => forward(network, weights, tf.tensor4d(images, [count, 28, 28, 1])).logits.dataSync<'float32'>()),
      );
    },
    dispose: () => Promise.resolve(),
  };
  return { subject: { network: opaqueNetwork('onnx', [28, 28, 1], 10), weights: {}, predictor }, asked: () => asked };
}

function optionsFor(name: string, settings: object, count: number, batchSize = 8): AttackOptions {
  return {
    examples: firstExamples(nat.examples, count),
    plan: resolveAttack({ name, settings: { ...settings } }).plan,
    seed: 3,
    batchSize,
    includeMisclassified: false,
    control: { checkpoint: () => Promise.resolve() },
  };
}

it('Square on a model that only answers does what it does on the network', async () => {
  const { subject, asked } = answering();
  const options = optionsFor('square', { epsilon: 0.15, queries: 30 }, 6);
  const before = tf.memory().numTensors;
  const blind = await attackWhiteBox(subject, options);
  expect(tf.memory().numTensors).toBe(before);
  const seeing = await attackWhiteBox(nat, options);
  expect(Array.from(blind.iteration)).toEqual(Array.from(seeing.iteration));
  expect(Array.from(blind.adversarial)).toEqual(Array.from(seeing.adversarial));
  const queries = blind.iteration.reduce((sum, at, row) => sum + (blind.attacked[row] ? (at < 0 ? 30 : at + 1) : 0), 0);
  // The clean images and the judgement of what was found are asked for too.
  expect(asked()).toBeLessThanOrEqual(queries + 12);
  expect(asked()).toBeGreaterThanOrEqual(queries + 6);
});

it('noise needs nothing of a model but its answers', async () => {
  const { subject } = answering();
  const options = optionsFor('noise', { epsilon: 0.3, trials: 2 }, 6);
  const [blind, seeing] = [await attackWhiteBox(subject, options), await attackWhiteBox(nat, options)];
  expect(Array.from(blind.succeeded)).toEqual(Array.from(seeing.succeeded));
});

it('an attack that needs gradients is refused with what to take instead', async () => {
  const { requireAccess } = await import('./access.ts');
  const { plan } = resolveAttack({ name: 'pgd', settings: {} });
  const foreign = {
    format: 'onnx',
    reading: { layout: 'nchw', range: 'unit', normalisation: null, output: 'logits' },
  } as const;
  expect(() => requireAccess({ name: 'theirs', foreign }, plan)).toThrow(/theirs \(onnx\).*forward pass alone.*Square/);
  expect(() => requireAccess({ name: 'ours' }, plan)).not.toThrow();
  expect(() =>
    requireAccess({ name: 'theirs', foreign }, resolveAttack({ name: 'square', settings: {} }).plan),
  ).not.toThrow();
});
