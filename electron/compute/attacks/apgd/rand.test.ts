import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadEngine } from '../../engines/load.ts';
import { quadrantExamples } from '../../fixtures/controls.ts';
import { randomControl } from '../../fixtures/random-control.ts';
import type { RandomControl } from '../../fixtures/random-control.ts';
import { inputGradient } from '../../models/classifier.ts';
import { attackOptions } from '../attack-bench.ts';
import { imageSize } from '../base/examples.ts';
import { attackWhiteBox } from '../base/white-box.ts';
import { resolveAttack } from '../registry.ts';
import { lookAt } from './apgd-loss.ts';
import type { ApgdPlan } from './apgd-method.ts';
import type { AutoAttackPlan } from './autoattack-method.ts';

let control: RandomControl;
beforeAll(() => loadEngine('wasm', { enginePack: null, deterministic: true, threads: 1 }));
beforeEach(() => {
  control = randomControl(2);
});
afterEach(() => control.dispose());

const SAMPLES = 20;

describe('gradients averaged over the passes of a random model', () => {
  const examples = quadrantExamples(2);
  const view = { loss: 'cross-entropy', aimed: false } as const;

  it('are of so many passes, each drawn anew, and nearer to the expected gradient by the root of their number', () => {
    const { network, weights } = control.subject;
    const [images, labels] = [tf.tensor4d(examples.images, [2, 8, 8, 1]), tf.tensor1d(examples.labels, 'int32')];
    const one = (): Float32Array =>
      tf.tidy(() => inputGradient(network, weights, images, labels).gradient.dataSync<'float32'>().slice());
    const average = (samples: number): Float32Array =>
      tf.tidy(() =>
        lookAt(network, weights, images, { ...view, samples }, labels, null)
          .gradient.dataSync<'float32'>()
          .slice(),
      );
    expect(one()).not.toEqual(one());
    const expected = new Float64Array(examples.images.length);
    const draws = 2000;
    for (let draw = 0; draw < draws; draw += 1) one().forEach((value, at) => (expected[at]! += value / draws));
    const before = control.passes();
    /** Root mean square of the error, over several averages. */
    const errorOf = (samples: number, times: number): number => {
      let sum = 0;
      for (let time = 0; time < times; time += 1)
        average(samples).forEach((value, at) => (sum += (value - expected[at]!) ** 2));
      return Math.sqrt(sum / (times * expected.length));
    };
    const ratio = errorOf(1, 40) / errorOf(SAMPLES, 20);
    expect(control.passes() - before).toBe(40 + 20 * SAMPLES);
    expect(ratio).toBeGreaterThan(0.8 * Math.sqrt(SAMPLES));
    expect(ratio).toBeLessThan(1.25 * Math.sqrt(SAMPLES));
    tf.dispose([images, labels]);
  });
});

describe('AutoAttack rand on a random model', () => {
  /** Its two parts as they are, but for fewer iterations. */
  const shortPlan = (epsilon: number, steps: number): AutoAttackPlan => {
    const { plan } = resolveAttack({ name: 'autoattack', settings: { epsilon, version: 'rand' } });
    const { parts, ...rest } = plan as AutoAttackPlan;
    return {
      ...rest,
      parts: parts.map(({ title, plan: part }) => ({ title, plan: { ...(part as ApgdPlan), steps } })),
    };
  };

  it('breaks what the model can be expected to lose, and nothing that it should hold', async () => {
    control.dispose();
    control = randomControl(0.5);
    const examples = quadrantExamples(24);
    const epsilon = 0.2;
    const outcome = await attackWhiteBox(control.subject, attackOptions(examples, shortPlan(epsilon, 10)));
    const size = imageSize(examples.shape);
    const verdicts = [...examples.labels].map((label, row) => {
      // On average a logit is ten times the mean of its quadrant, and ε moves a difference of two by 20 ε.
      const sums = [0, 0, 0, 0];
      for (let at = 0; at < size; at += 1) {
        const quadrant = 2 * Number(Math.floor(at / 8) >= 4) + Number(at % 8 >= 4);
        sums[quadrant]! += (10 / 16) * examples.images[row * size + at]!;
      }
      const margin = sums[label]! - Math.max(...sums.filter((_, k) => k !== label));
      return { slack: margin - 20 * epsilon, broken: outcome.succeeded[row] === 1 };
    });
    const sure = verdicts.filter(({ slack }) => Math.abs(slack) > 1.2);
    expect(sure.length).toBeGreaterThan(12);
    expect(new Set(sure.map(({ broken }) => broken)).size).toBe(2);
    for (const { slack, broken } of sure) expect(broken, `slack ${slack}`).toBe(slack < 0);
    expect(outcome.violations).toBe(0);
  });

  it('takes 20 passes for each gradient, and counts them', async () => {
    const examples = quadrantExamples(4);
    let work = 0;
    const options = attackOptions(examples, shortPlan(0.001, 3), { onWork: (done) => (work += done) });
    const before = control.passes();
    const outcome = await attackWhiteBox(control.subject, options);
    const attacked = outcome.attacked.reduce((sum, one) => sum + one, 0);
    // Two parts of three iterations and the start; besides the passes that judge images.
    expect(work).toBeGreaterThanOrEqual(attacked * 4 * SAMPLES);
    expect(work).toBeLessThanOrEqual(attacked * 2 * 4 * SAMPLES);
    expect(control.passes() - before).toBeGreaterThan(4 * SAMPLES);
  });
});
