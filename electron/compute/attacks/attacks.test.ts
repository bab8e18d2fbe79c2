import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/load.ts';
import { firstExamples, loadFixture } from '../fixtures/peers.ts';
import type { PeerFixture } from '../fixtures/peers.ts';
import { inputGradient } from '../models/classifier.ts';
import { forward } from '../models/network.ts';
import type { Weights } from '../models/network.ts';
import { startingPoints } from './base/batch.ts';
import { boundsOf } from './base/budget.ts';
import { batchesOf, padRows } from './base/examples.ts';
import type { Subject } from './base/examples.ts';
import type { AttackOptions } from './options.ts';
import { countRobust, countRobustLast, predictionOf } from './base/outcome.ts';
import type { Outcome } from './base/outcome.ts';
import type { AscentPlan } from './ascent/ascent.ts';
import { resolveAttack } from './registry.ts';
import { attackTransfer } from './base/transfer.ts';
import { attackWhiteBox } from './base/white-box.ts';

let nat: PeerFixture;
let adv: PeerFixture;
beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  nat = await loadFixture('small-nat');
  adv = await loadFixture('small-adv');
});
afterAll(() => {
  nat.dispose();
  adv.dispose();
});

function optionsFor(
  peers: PeerFixture,
  settings: Record<string, number | boolean>,
  count = 48,
): AttackOptions<AscentPlan> {
  return {
    examples: firstExamples(peers.examples, count),
    plan: resolveAttack({ name: 'pgd', settings }).plan as AscentPlan,
    seed: 7,
    batchSize: 48,
    includeMisclassified: false,
    control: { checkpoint: () => Promise.resolve() },
  };
}

/** The attack written down again as plainly as possible: one example at a time, every iterate looked at on the host. */
function attackPlainly(
  { network, weights }: Subject,
  { examples, plan, seed }: AttackOptions<AscentPlan>,
  row: number,
) {
  const size = 784;
  const x = examples.images.slice(row * size, (row + 1) * size);
  const label = examples.labels[row]!;
  const { lower, upper } = boundsOf(x, plan.epsilon);
  const evaluate = (image: Float32Array) =>
    tf.tidy(() => {
      const input = tf.tensor4d(image, [1, 28, 28, 1]);
      const { logits, gradient } = inputGradient(network, weights, input, tf.tensor1d([label], 'int32'));
      return { logits: logits.dataSync<'float32'>(), gradient: gradient.dataSync<'float32'>() };
    });
  if (predictionOf(evaluate(x).logits, 0, 10) !== label)
    return { attacked: false, broken: true, iteration: -1, restart: -1 };
  for (let restart = 0; restart < plan.restarts; restart += 1) {
    let image = startingPoints(examples, [row], plan, seed, restart).start;
    for (let iteration = 0; iteration <= plan.steps; iteration += 1) {
      const { logits, gradient } = evaluate(image);
      if (predictionOf(logits, 0, 10) !== label) return { attacked: true, broken: true, iteration, restart };
      image = image.map((pixel, i) => {
        const moved = Math.fround(pixel + Math.fround(Math.fround(plan.stepSize) * Math.sign(gradient[i]!)));
        return Math.max(lower[i]!, Math.min(upper[i]!, moved));
      });
    }
  }
  return { attacked: true, broken: false, iteration: -1, restart: -1 };
}

function verdictOf(outcome: Outcome, row: number) {
  return {
    attacked: outcome.attacked[row] === 1,
    broken: outcome.succeeded[row] === 1 || outcome.cleanWrong[row] === 1,
    iteration: outcome.iteration[row],
    restart: outcome.restart[row],
  };
}

describe('white-box PGD', () => {
  it('finds the same first success of the same restart as a plain loop over single examples', async () => {
    const options = optionsFor(adv, { epsilon: 0.28, steps: 3, restarts: 4 }, 40);
    const outcome = await attackWhiteBox(adv, options);
    const plain = Array.from({ length: 40 }, (_, row) => attackPlainly(adv, options, row));
    expect(Array.from({ length: 40 }, (_, row) => verdictOf(outcome, row))).toEqual(plain);
    expect(new Set(plain.map(({ restart }) => restart)).size).toBeGreaterThan(2);
  });

  it('given up at the first success, examples are broken at the same iteration, with that iterate kept', async () => {
    const full = await attackWhiteBox(adv, optionsFor(adv, { epsilon: 0.3, steps: 20, restarts: 2 }));
    const options = optionsFor(adv, { epsilon: 0.3, steps: 20, restarts: 2, stopAtSuccess: true });
    const stopped = await attackWhiteBox(adv, options);
    const inSmallBatches = await attackWhiteBox(adv, { ...options, batchSize: 7 });
    expect(stopped.succeeded).toEqual(full.succeeded);
    expect(stopped.iteration).toEqual(full.iteration);
    expect(countRobustLast(stopped)).toBe(countRobust(stopped));
    expect(inSmallBatches.iteration).toEqual(stopped.iteration);
    expect(inSmallBatches.adversarial).toEqual(stopped.adversarial);
  });

  it('does not attack what is misclassified already, and counts it as a failure', async () => {
    const outcome = await attackWhiteBox(adv, optionsFor(adv, { steps: 3 }, 256));
    const wrong = [...outcome.cleanWrong.keys()].filter((row) => outcome.cleanWrong[row]);
    expect(wrong).toHaveLength(18); // 92.97 % of 256, as the peers have it.
    for (const row of wrong) {
      expect(outcome.attacked[row]).toBe(0);
      const [from, to] = [row * 784, (row + 1) * 784];
      expect(outcome.adversarial.subarray(from, to)).toEqual(adv.examples.images.subarray(from, to));
    }
    expect(countRobust(outcome)).toBeLessThanOrEqual(256 - 18);
  });

  it('every start after the first runs on the survivors only, and accuracy never rises', async () => {
    let work = 0;
    const options = optionsFor(adv, { epsilon: 0.25, steps: 6, restarts: 3 });
    const attacked: number[] = [];
    const outcome = await attackWhiteBox(adv, {
      ...options,
      onWork: (done) => (work += done),
      onRestart: ([sofar]) => attacked.push(countRobustLast(sofar!)),
    });
    const first = outcome.attacked.reduce((sum, value) => sum + value, 0);
    const clean = outcome.cleanWrong.length - outcome.cleanWrong.reduce((sum, value) => sum + value, 0);
    expect(first).toBe(clean);
    expect(work).toBe(6 * (first + attacked[0]! + attacked[1]!));
    const [a, b, c] = outcome.robustAfter as [number, number, number];
    expect(a).toBeGreaterThanOrEqual(b);
    expect(b).toBeGreaterThanOrEqual(c);
    expect(countRobust(outcome)).toBe(c);
    expect(countRobustLast(outcome)).toBeGreaterThanOrEqual(c);
  });

  it('what is kept of a broken example is misclassified and valid', async () => {
    const options = optionsFor(nat, { epsilon: 0.12, steps: 10 });
    const outcome = await attackWhiteBox(nat, options);
    const logits = tf.tidy(() =>
      forward(nat.network, nat.weights, tf.tensor4d(outcome.adversarial, [48, 28, 28, 1])).logits.dataSync<'float32'>(),
    );
    const broken = [...outcome.succeeded.keys()].filter((row) => outcome.succeeded[row]);
    expect(broken.length).toBeGreaterThan(5);
    const { lower, upper } = boundsOf(options.examples.images, 0.12);
    for (const row of broken) expect(predictionOf(logits, row * 10, 10)).not.toBe(options.examples.labels[row]);
    expect(outcome.adversarial.every((pixel, i) => pixel >= lower[i]! && pixel <= upper[i]!)).toBe(true);
    expect(outcome.violations).toBe(0);
  });

  it('saturated logits still have a gradient to follow', async () => {
    const confident = scaled(nat.weights, 'fc2', 3);
    const outcome = await attackWhiteBox(
      { network: nat.network, weights: confident },
      optionsFor(nat, { epsilon: 0.2, steps: 10, randomStart: false }),
    );
    expect(outcome.nonFinite).toBe(0);
    expect(countRobust(outcome)).toBeLessThan(24);
    disposeAll(confident);
  });

  it('logits and gradients that are not finite are counted, and never taken for a success', async () => {
    const overflowing = scaled(nat.weights, 'fc2', 1e38);
    const outcome = await attackWhiteBox(
      { network: nat.network, weights: overflowing },
      {
        ...optionsFor(nat, { steps: 4 }, 8),
        includeMisclassified: true,
      },
    );
    expect(outcome.nonFinite).toBeGreaterThan(0);
    expect(outcome.adversarial.every((pixel) => pixel >= 0 && pixel <= 1)).toBe(true);
    const finite = [...outcome.succeeded.keys()].filter((row) => outcome.succeeded[row]);
    for (const row of finite) expect(predictionOf(outcome.logits, row * 10, 10)).toBeGreaterThanOrEqual(0);
    disposeAll(overflowing);
  });
});

describe('transfer', () => {
  it('does not stop at the first success on the source', async () => {
    const plan = { epsilon: 0.25, steps: 12, randomStart: false };
    const [outcome] = await attackTransfer(nat, [adv], optionsFor(nat, plan));
    const early = await attackWhiteBox(nat, optionsFor(nat, { ...plan, stopAtSuccess: true }));
    const rows = [...early.succeeded.keys()].filter((row) => early.succeeded[row] && outcome!.attacked[row]);
    expect(rows.length).toBeGreaterThan(20);
    const reach = (array: Float32Array, row: number): number =>
      array
        .subarray(row * 784, (row + 1) * 784)
        .reduce((sum, pixel, i) => sum + Math.abs(pixel - nat.examples.images[row * 784 + i]!), 0);
    for (const row of rows) expect(reach(outcome!.adversarial, row)).toBeGreaterThan(reach(early.adversarial, row));
  });

  it('makes x′ once for all targets, and one target changes nothing for another', async () => {
    const options = optionsFor(nat, { epsilon: 0.3, steps: 10, restarts: 2 });
    const other = { network: adv.network, weights: scaled(adv.weights, 'conv1', 0.7) };
    const [alone] = await attackTransfer(nat, [adv], options);
    let gradients = 0;
    const both = await attackTransfer(nat, [adv, other], { ...options, onWork: (done) => (gradients += done) });
    expect(both[0]!.succeeded).toEqual(alone!.succeeded);
    expect(both[0]!.adversarial).toEqual(alone!.adversarial);
    expect(gradients).toBeLessThanOrEqual(48 * 10 * 2);
    expect(gradients).toBeGreaterThan(48 * 10);
    disposeAll(other.weights);
  });

  it('counts a success on any restart', async () => {
    const options = optionsFor(nat, { epsilon: 0.3, steps: 10, restarts: 3 });
    const [outcome] = await attackTransfer(nat, [adv], options);
    expect(outcome!.robustAfter).toHaveLength(3);
    expect(outcome!.robustAfter[2]).toBeLessThanOrEqual(outcome!.robustAfter[0]!);
    const broken = [...outcome!.succeeded.keys()].filter((row) => outcome!.succeeded[row]);
    for (const row of broken) {
      expect(outcome!.iteration[row]).toBe(10);
      expect(predictionOf(outcome!.logits, row * 10, 10)).not.toBe(options.examples.labels[row]);
    }
  });
});

describe('limits', () => {
  it('of work end an attack after whole starts, with the numbers of an attack of that many', async () => {
    const given = optionsFor(adv, { epsilon: 0.2, steps: 4, restarts: 5 });
    const limited = await attackWhiteBox(adv, { ...given, limits: { seconds: null, work: 8 } });
    const short = await attackWhiteBox(adv, optionsFor(adv, { epsilon: 0.2, steps: 4, restarts: 2 }));
    expect(limited.robustAfter).toEqual(short.robustAfter);
    expect(limited.adversarial).toEqual(short.adversarial);
    expect(limited.notes.join()).toMatch(/limit of 8 gradients for each example: 2 of 5 starts/);
    expect(short.notes).toEqual([]);
  });

  it('of time end it in the middle of a start, with what was found so far, and leave no tensor behind', async () => {
    const given = optionsFor(adv, { epsilon: 0.2, steps: 400, restarts: 5 });
    const before = tf.memory().numTensors;
    for (const stopAtSuccess of [false, true]) {
      const options = { ...given, plan: { ...given.plan, stopAtSuccess }, limits: { seconds: 0.2, work: null } };
      const outcome = await attackWhiteBox(adv, options);
      expect(outcome.notes.join()).toMatch(/limit of 0\.2 s: 0 of 5 starts/);
      expect(outcome.robustAfter).toHaveLength(1);
      const [transferred] = await attackTransfer(nat, [adv], options);
      expect(transferred!.notes.join()).toMatch(/limit of 0\.2 s/);
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('averaged gradients', () => {
  it('of a model without randomness change nothing but the work', async () => {
    let work = 0;
    const options = { ...optionsFor(adv, { epsilon: 0.2, steps: 5 }, 12), onWork: (done: number) => (work += done) };
    const one = await attackWhiteBox(adv, options);
    const single = work;
    const plan: AscentPlan = { ...options.plan, samples: 3 };
    const three = await attackWhiteBox(adv, { ...options, plan });
    expect(three.succeeded).toEqual(one.succeeded);
    expect(work - single).toBe(3 * single);
  });
});

describe('random starts', () => {
  it('depend on seed, example and restart alone', () => {
    const { examples, plan } = optionsFor(nat, { epsilon: 0.2 });
    const whole = startingPoints(examples, [3, 4, 5], plan, 7, 1).start;
    expect(startingPoints(examples, [4], plan, 7, 1).start).toEqual(whole.slice(784, 2 * 784));
    expect(startingPoints(examples, [4], plan, 7, 2).start).not.toEqual(whole.slice(784, 2 * 784));
    expect(startingPoints(examples, [4], plan, 8, 1).start).not.toEqual(whole.slice(784, 2 * 784));
  });

  it('lie within the bounds and use the whole of them', () => {
    const { examples, plan } = optionsFor(nat, { epsilon: 0.2 });
    const start = startingPoints(examples, [0, 1, 2, 3], plan, 7, 0).start;
    const changes = start.map((pixel, i) => pixel - examples.images[i]!);
    expect(Math.max(...changes)).toBeGreaterThan(0.199);
    expect(Math.max(...changes.map(Math.abs))).toBeLessThan(0.2 + 1.2e-7);
    expect(start.every((pixel) => pixel >= 0 && pixel <= 1)).toBe(true);
  });
});

describe('batches', () => {
  it('hold every row once, and are padded to at most 16 sizes', () => {
    const rows = Array.from({ length: 103 }, (_, row) => row);
    expect(batchesOf(rows, 25).flat()).toEqual(rows);
    const sizes = new Set(rows.slice(1).map((count) => padRows(rows.slice(0, count), 100).length));
    expect(sizes.size).toBeLessThanOrEqual(17);
    expect(padRows([4, 9], 500)).toHaveLength(32);
    expect(padRows([4, 9, 2], 3)).toEqual([4, 9, 2]);
  });
});

/** The weights with one layer multiplied by a factor; tensors of their own. */
function scaled(weights: Weights, layer: string, factor: number): Weights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, tensor]) => [name, tf.mul(tensor, name.startsWith(layer) ? factor : 1)]),
  );
}

function disposeAll(weights: Weights): void {
  tf.dispose(Object.values(weights));
}
