import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { linearClassifier } from '../../fixtures/linear-classes.ts';
import { firstExamples } from '../../fixtures/peers.ts';
import { marginFromLogits } from '../../losses.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import { hingeModel, nextOfSearch, searchStart } from './constant-search.ts';
import { cwIteration, cwStart } from './cw-steps.ts';
import { eadIteration, eadStart } from './ead-steps.ts';
import type { AttackOptions } from '../options.ts';
import { predictionOf } from '../base/outcome.ts';
import { resolveAttack } from '../registry.ts';
import { attackWhiteBox } from '../base/white-box.ts';

const peers = useSmallPeers();

function optionsFor(name: string, settings: Readonly<Record<string, number | string>>, count: number): AttackOptions {
  return attackOptions(firstExamples(peers.adv.examples, count), resolveAttack({ name, settings }).plan, { seed: 3 });
}

const RULE = { searches: 6, steps: 300, rate: 0.01, confidence: 0, abortEarly: true };
const linear = linearClassifier(6, 8, 4, 11, 0.25);

/** The smallest sizes that an optimiser finds on the linear classifier. */
function sizesOnLinear<S extends { readonly over: tf.Tensor; readonly size: tf.Tensor }>(
  start: (clean: tf.Tensor) => S,
  iterate: (model: ReturnType<typeof hingeModel>, state: S, clean: tf.Tensor) => S,
): number[] {
  return tf.tidy(() => {
    const clean = tf.tensor4d(linear.images, [6, 8, 8, 1]);
    const labels = tf.tensor1d(linear.labels, 'int32');
    const gradientOf = (images: tf.Tensor) => ({
      logits: linear.logits(images),
      gradient: tf.grad((x) => tf.sum(marginFromLogits(linear.logits(x), labels)))(images),
    });
    const model = hingeModel(gradientOf, labels, false, 0);
    let state = start(clean);
    for (let step = 0; step < RULE.searches * RULE.steps; step += 1) {
      const next = tf.tidy(() => ({ ...iterate(model, state, clean) }));
      if (step > 0) tf.dispose(Object.values(state).filter((tensor) => tensor !== clean));
      state = next;
    }
    expect(Math.min(...state.over.dataSync())).toBeGreaterThan(0);
    return [...state.size.dataSync()];
  });
}

describe('the search for c', () => {
  it('goes up tenfold until a success, then halves the interval, and ends after its last c', () => {
    tf.tidy(() => {
      const clean = tf.zeros([1, 2, 2, 1]);
      let state = searchStart(clean, 0.01);
      const tried: number[] = [];
      const rule = { ...RULE, searches: 5, steps: 1 };
      for (let step = 0; step < 7; step += 1) {
        const [c, over] = [state.c.dataSync()[0]!, state.over.dataSync()[0]!];
        if (over < 0) tried.push(c);
        const isHit = tf.tensor1d([c > 0.3 ? 1 : 0]);
        const look = { image: clean, size: tf.tensor1d([c]), isHit, loss: tf.tensor1d([1]), failed: tf.zeros([1]) };
        state = nextOfSearch(state, look, rule).state;
      }
      const expected = [0.01, 0.1, 1, 0.55, 0.325];
      expect(tried).toHaveLength(expected.length);
      tried.forEach((c, at) => expect(c).toBeCloseTo(expected[at]!, 5));
      expect(state.size.dataSync()[0]).toBeCloseTo(0.325, 5);
      expect(state.over.dataSync()[0]).toBe(3);
    });
  });

  it('gives a c up at the tenth of its iterations in which the loss has not fallen, unless told not to', () => {
    tf.tidy(() => {
      const clean = tf.zeros([1, 2, 2, 1]);
      const count = (abortEarly: boolean): number => {
        let state = searchStart(clean, 0.01);
        let made = 0;
        for (; state.search.dataSync()[0] === 0; made += 1) {
          const none = tf.zeros([1]);
          const loss = tf.tensor1d([made < 35 ? 100 - made : 65]);
          const look = { image: clean, size: none, isHit: none, loss, failed: none };
          state = nextOfSearch(state, look, { ...RULE, steps: 100, abortEarly }).state;
        }
        return made;
      };
      expect(count(true)).toBe(51);
      expect(count(false)).toBe(100);
    });
  });
});

describe('C&W', () => {
  it('finds the smallest L2 perturbation of a linear classifier', () => {
    const sizes = sizesOnLinear(
      (clean) => cwStart(clean, 0.1),
      (model, state, clean) => cwIteration(model, state, clean, RULE),
    );
    linear.smallest('l2').forEach((least, row) => {
      expect(sizes[row]!).toBeGreaterThan(0.9999 * least);
      expect(sizes[row]!).toBeLessThan(1.01 * least + 5e-5);
    });
  });

  it('with a goal leads to that class; with κ the class leads by so much', async () => {
    const options = optionsFor('cw', { searches: 2, steps: 80, initial: 10, rate: 0.05, confidence: 1 }, 8);
    const targets = options.examples.labels.map((label) => (label + 3) % 10);
    const outcome = await attackWhiteBox(peers.adv, { ...options, targets });
    let hits = 0;
    outcome.distance.forEach((distance, row) => {
      if (Number.isNaN(distance)) return;
      hits += 1;
      expect(predictionOf(outcome.logits, row * 10, 10)).toBe(targets[row]);
      const own = [...outcome.logits.subarray(row * 10, row * 10 + 10)].toSorted((a, b) => b - a);
      expect(own[0]! - own[1]!).toBeGreaterThan(1 - 1e-4);
    });
    expect(hits).toBeGreaterThan(3);
  });
});

describe('EAD', () => {
  it('comes close to the smallest L1 perturbation of a linear classifier', () => {
    const rule = { ...RULE, beta: 0.01, decision: 'l1' } as const;
    const sizes = sizesOnLinear(
      (clean) => eadStart(clean, 0.1),
      (model, state, clean) => eadIteration({ ...model, logits: linear.logits }, state, clean, rule),
    );
    linear.smallest('l1').forEach((least, row) => {
      expect(sizes[row]!).toBeGreaterThan(0.9999 * least);
      expect(sizes[row]!).toBeLessThan(1.12 * least);
    });
  });

  it('changes fewer pixels than C&W, and its decisions keep what they promise', async () => {
    const settings = { searches: 4, steps: 60, initial: 0.1 };
    const run = (name: string, more: Readonly<Record<string, string>> = {}) =>
      attackWhiteBox(peers.adv, optionsFor(name, { ...settings, ...more }, 8));
    const [l1, net] = [await run('ead'), await run('ead', { decision: 'elastic-net' })];
    const { examples } = optionsFor('ead', {}, 8);
    const changed = ({ adversarial }: typeof l1): number =>
      adversarial.reduce((sum, pixel, i) => sum + (Math.abs(pixel - examples.images[i]!) > 1e-6 ? 1 : 0), 0);
    expect(changed(l1)).toBeLessThan(0.2 * examples.images.length);
    let found = 0;
    l1.distance.forEach((distance, row) => {
      if (Number.isNaN(distance)) return;
      found += 1;
      expect(distance).toBeLessThanOrEqual(net.distance[row]! + 1e-4);
    });
    expect(found).toBeGreaterThan(5);
    expect(l1.violations + net.violations + l1.nonFinite).toBe(0);
  });
});

it.each(['cw', 'ead'])('%s: the size of its batches changes nothing, and no tensor is left behind', async (name) => {
  const before = tf.memory().numTensors;
  const options = optionsFor(name, { searches: 2, steps: 15, initial: 1 }, 10);
  const whole = await attackWhiteBox(peers.adv, options);
  const pieces = await attackWhiteBox(peers.adv, { ...options, batchSize: 3 });
  expect(pieces.distance).toEqual(whole.distance);
  let turns = 0;
  const control = { checkpoint: () => (++turns === 3 ? Promise.reject(new Error('stop')) : Promise.resolve()) };
  await expect(attackWhiteBox(peers.adv, { ...options, control })).rejects.toThrow('stop');
  expect(tf.memory().numTensors).toBe(before);
});
