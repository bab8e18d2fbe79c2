import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { LINEAR_SIDE, inquireLinear, linearExamples, linearModel } from '../../fixtures/linear.ts';
import { firstExamples } from '../../fixtures/peers.ts';
import { forward } from '../../models/network.ts';
import { stream } from '../../random/stream.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import type { AttackOptions } from '../options.ts';
import { countRobust, predictionOf } from '../base/outcome.ts';
import { spsa } from './spsa.ts';
import { queriesOf, spsaInquiry } from './spsa-method.ts';
import type { SpsaPlan } from './spsa-method.ts';
import { attackWhiteBox } from '../base/white-box.ts';

function optionsFor(
  examples: AttackOptions['examples'],
  settings: Readonly<Record<string, number | string>>,
  more: Partial<AttackOptions> = {},
): AttackOptions<SpsaPlan> {
  return attackOptions(examples, spsa.resolve(settings).plan as SpsaPlan, more);
}

describe('SPSA on a linear classifier', () => {
  const model = linearModel(3);
  const examples = linearExamples(model, 6, 4);
  // A margin that no perturbation of this size closes: every example runs to its last iterate.
  const shifted = { ...model, score: (image: Float32Array) => model.score(image) + 100 };
  const upright = { ...examples, labels: examples.labels.map(() => 1) };

  it.each([
    ['linf', 0.1, 0.97],
    ['l2', 0.4, 0.95],
  ] as const)('goes to the point of the %s ball where the margin is least', async (norm, epsilon, share) => {
    const options = optionsFor(upright, { norm, epsilon, iterations: 120, samples: 64, rate: 0.01 });
    const found = await inquireLinear(shifted, options, (row) => spsaInquiry(options, row, 0));
    const dual = norm === 'linf' ? model.slope.reduce((sum, w) => sum + Math.abs(w), 0) : Math.hypot(...model.slope);
    for (const { row, image, iteration, distance } of found) {
      const x = examples.images.slice(row * LINEAR_SIDE ** 2, (row + 1) * LINEAR_SIDE ** 2);
      const fallen = model.score(x) - model.score(image);
      expect(fallen).toBeLessThanOrEqual(epsilon * dual * (1 + 1e-5));
      expect(fallen).toBeGreaterThan(share * epsilon * dual);
      expect(distance).toBeLessThanOrEqual(epsilon + 1e-6);
      expect(iteration).toBe(-1);
    }
    expect(found[0]!.asked).toBe(6 * queriesOf(options.plan));
  });
});

describe('SPSA on a network', () => {
  const peers = useSmallPeers();

  /** Algorithm 1 written down again as plainly as possible: one image at a time. */
  function attackPlainly({ examples, plan, seed }: AttackOptions<SpsaPlan>, row: number) {
    const size = 784;
    const x = examples.images.slice(row * size, (row + 1) * size);
    const label = examples.labels[row]!;
    const random = stream(seed, 'spsa', row, 0);
    const logitsOf = (image: Float32Array) =>
      tf.tidy(() =>
        forward(peers.adv.network, peers.adv.weights, tf.tensor4d(image, [1, 28, 28, 1])).logits.dataSync<'float32'>(),
      );
    const marginOf = (image: Float32Array) => {
      const logits = logitsOf(image);
      return logits[label]! - Math.max(...logits.filter((_, k) => k !== label));
    };
    const cut = (image: Float32Array) =>
      image.map((pixel, i) =>
        Math.min(Math.min(1, x[i]! + plan.epsilon), Math.max(Math.max(0, x[i]! - plan.epsilon), pixel)),
      );
    const noise = new Float32Array(size);
    random.fillUniform(noise, 0, size, -plan.epsilon, plan.epsilon);
    let image = cut(noise.map((value, i) => x[i]! + value));
    const moments = Array.from({ length: size }, () => [0, 0] as [number, number]);
    for (let iteration = 0; ; iteration += 1) {
      if (predictionOf(logitsOf(image), 0, 10) !== label) return { iteration, image };
      if (iteration === plan.iterations) return { iteration: -1, image };
      const gradient = new Float64Array(size);
      for (let pair = 0; pair < plan.samples / 2; pair += 1) {
        const signs = Array.from({ length: size }, () => (random.integer(2) === 1 ? 1 : -1));
        const step = (side: number) =>
          image.map((pixel, i) => Math.min(1, Math.max(0, pixel + side * signs[i]! * plan.delta)));
        const rise = marginOf(step(1)) - marginOf(step(-1));
        signs.forEach((sign, i) => (gradient[i]! += (rise / (2 * plan.delta * (plan.samples / 2))) * sign));
      }
      image = cut(
        image.map((pixel, i) => {
          const [m, v] = moments[i]!;
          moments[i] = [0.9 * m + (1 - 0.9) * gradient[i]!, 0.999 * v + (1 - 0.999) * gradient[i]! * gradient[i]!];
          const turn = iteration + 1;
          const mean = moments[i][0] / (1 - 0.9 ** turn);
          return pixel - (plan.rate * mean) / (Math.sqrt(moments[i][1] / (1 - 0.999 ** turn)) + 1e-9);
        }),
      );
    }
  }

  it('does what a plain loop over single images does', async () => {
    const options = optionsFor(firstExamples(peers.adv.examples, 10), {
      epsilon: 0.3,
      iterations: 6,
      samples: 8,
      rate: 0.1,
      delta: 0.05,
    });
    const outcome = await attackWhiteBox(peers.adv, options);
    const rows = [...outcome.attacked.keys()].filter((row) => outcome.attacked[row]);
    const plain = rows.map((row) => attackPlainly(options, row));
    expect(rows.map((row) => outcome.iteration[row])).toEqual(plain.map(({ iteration }) => iteration));
    rows.forEach((row, at) => {
      const image = outcome.adversarial.subarray(row * 784, (row + 1) * 784);
      expect(Math.max(...image.map((pixel, i) => Math.abs(pixel - plain[at]!.image[i]!)))).toBeLessThan(1e-5);
    });
  });

  it.each(['linf', 'l2'] as const)(
    'in %s batch size changes nothing, all x′ are valid, no tensor is left',
    async (norm) => {
      const before = tf.memory().numTensors;
      const settings = { norm, epsilon: norm === 'linf' ? 0.25 : 3, iterations: 5, samples: 8, rate: 0.05 };
      const examples = firstExamples(peers.adv.examples, 16);
      const whole = await attackWhiteBox(peers.adv, optionsFor(examples, settings));
      const pieces = await attackWhiteBox(peers.adv, optionsFor(examples, settings, { batchSize: 5 }));
      expect(pieces.adversarial).toEqual(whole.adversarial);
      expect(pieces.iteration).toEqual(whole.iteration);
      expect(whole.violations).toBe(0);
      expect(countRobust(whole)).toBeLessThan(16);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('asks for an even number of samples', () => {
    expect(() => spsa.resolve({ samples: 7 })).toThrow(/must be even/);
    expect(() => spsa.resolve({ norm: 'linf', epsilon: 1.5 })).toThrow(/at most 1 in L∞/);
    expect(spsa.resolve({ norm: 'l2', epsilon: 1.5 }).plan.epsilon).toBe(1.5);
  });
});
