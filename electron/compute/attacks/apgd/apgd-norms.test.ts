import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { firstExamples } from '../../fixtures/peers.ts';
import { lossFromLogits } from '../../losses.ts';
import { inputGradient } from '../../models/classifier.ts';
import { stream } from '../../random/stream.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import { targetedDlr } from './apgd-loss.ts';
import { fitToClasses } from './apgd-method.ts';
import type { ApgdPlan } from './apgd-method.ts';
import { sparseIteration, SPARSE_SCHEDULE } from './apgd-sparse-steps.ts';
import type { SparseTurn } from './apgd-sparse-steps.ts';
import { APGD_SCHEDULE, apgdIteration } from './apgd-steps.ts';
import type { ApgdTurn } from './apgd-steps.ts';
import { apgdCheckpoints, apgdStart, apgdTurns, sparseStart, sparseTurns } from './apgd-tasks.ts';
import { steepest } from '../base/norms.ts';
import type { AttackOptions } from '../options.ts';
import { countRobust, predictionOf } from '../base/outcome.ts';
import { resolveAttack } from '../registry.ts';
import { attackWhiteBox } from '../base/white-box.ts';

const peers = useSmallPeers();

type Settings = Readonly<Record<string, number | string>>;
const planOf = (settings: Settings): ApgdPlan => resolveAttack({ name: 'apgd', settings }).plan as ApgdPlan;
const optionsFor = (settings: Settings, count: number, seed = 7): AttackOptions<ApgdPlan> =>
  attackOptions(firstExamples(peers.adv.examples, count), planOf(settings), { seed });
const lengthOf = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
const sumOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + Math.abs(value), 0);

/** The nearest point of ball and box in float64: L2 one after the other, L1 both together. */
function keep(norm: string, x: Float32Array, image: readonly number[], epsilon: number): number[] {
  const change = image.map((pixel, i) => pixel - x[i]!);
  if (norm === 'l2') {
    const factor = Math.min(1, epsilon / Math.max(lengthOf(change), 1e-30));
    return change.map((move, i) => Math.min(1, Math.max(0, x[i]! + move * factor)));
  }
  const at = (threshold: number): number[] =>
    change.map((move, i) => {
      const room = move > 0 ? 1 - x[i]! : x[i]!;
      return Math.sign(move) * Math.min(Math.max(Math.abs(move) - threshold, 0), room);
    });
  let [low, high] = [0, 20];
  if (sumOf(at(0)) <= epsilon) high = 0;
  for (let step = 0; step < 60 && high > 0; step += 1) {
    const middle = (low + high) / 2;
    if (sumOf(at(middle)) > epsilon) low = middle;
    else high = middle;
  }
  return at(high).map((move, i) => x[i]! + move);
}

function look({ plan, examples }: AttackOptions<ApgdPlan>, row: number, image: readonly number[]) {
  const label = examples.labels[row]!;
  return tf.tidy(() => {
    const labels = tf.tensor1d([label], 'int32');
    const input = tf.tensor4d(Float32Array.from(image), [1, 28, 28, 1]);
    const loss = plan.loss as 'cross-entropy';
    const { logits, gradient } = inputGradient(peers.adv.network, peers.adv.weights, input, labels, loss);
    return {
      wrong: predictionOf(logits.dataSync<'float32'>(), 0, 10) !== label,
      loss: lossFromLogits(loss, logits, labels).dataSync()[0]!,
      gradient: Array.from(gradient.dataSync()),
    };
  });
}

/** APGD in L2 as plainly as possible, for one example. */
function plainL2(options: AttackOptions<ApgdPlan>, row: number) {
  const { plan, examples, seed } = options;
  const x = examples.images.slice(row * 784, (row + 1) * 784);
  const near = (image: readonly number[]) => keep('l2', x, image, plan.epsilon);
  const noise = new Float32Array(784);
  stream(seed, 'apgd', row, 0).fillNormal(noise, 0, 784);
  let image = near(Array.from(x, (pixel, i) => pixel + noise[i]! * plan.epsilon));
  let [previous, best, bestGradient] = [image, image, image];
  let [step, bestLoss, lastBest, last] = [2 * plan.epsilon, -Infinity, 0, Infinity];
  let [halvedLast, rises, since] = [true, 0, 0];
  for (let k = 0; k <= plan.steps; k += 1) {
    const found = look(options, row, image);
    if (found.wrong) return { iteration: k, image };
    let { gradient } = found;
    if (found.loss > bestLoss) [best, bestLoss, bestGradient] = [image, found.loss, gradient];
    if (found.loss > last) rises += 1;
    last = found.loss;
    if (k === plan.steps) break;
    if (apgdCheckpoints(plan.steps).includes(k)) {
      const halve = rises <= plan.rho * (k - since) || (!halvedLast && lastBest >= bestLoss);
      if (halve) [step, image, gradient] = [step / 2, best, bestGradient];
      [halvedLast, lastBest, rises, since] = [halve, bestLoss, 0, k];
    }
    const [from, before, length] = [image, previous, lengthOf(gradient)];
    const stepped = near(from.map((pixel, i) => pixel + (step * gradient[i]!) / length));
    const weight = k === 0 ? 1 : plan.momentum;
    previous = from;
    image = near(from.map((pixel, i) => pixel + weight * (stepped[i]! - pixel) + (1 - weight) * (pixel - before[i]!)));
  }
  return { iteration: -1, image: best };
}

/** APGD in L1 likewise: three radii, sparse steps. */
function plainL1(options: AttackOptions<ApgdPlan>, row: number) {
  const { plan, examples, seed } = options;
  const x = examples.images.slice(row * 784, (row + 1) * 784);
  const noise = new Float32Array(784);
  stream(seed, 'apgd', row, 0).fillNormal(noise, 0, 784);
  const support = (image: readonly number[]) => image.filter((pixel, i) => Math.fround(pixel) !== x[i]).length;
  const early = Math.ceil(0.3 * plan.steps);
  const phases = [[3, early], [2, early], [1, plan.steps - 2 * early]] as const; // prettier-ignore
  let best = Array.from(x, (pixel, i) => pixel + noise[i]!);
  let index = -1;
  for (const [factor, steps] of phases) {
    const radius = factor * plan.epsilon;
    let image = keep('l1', x, best, radius);
    let [share, before, step, bestLoss] = [support(image) / 784 / 1.5, support(image), radius, -Infinity];
    let bestGradient: number[] = [];
    for (let k = 0; k <= steps; k += 1) {
      index += 1;
      const found = look(options, row, image);
      if (factor === 1 && found.wrong) return { iteration: index, image };
      let { gradient } = found;
      if (found.loss > bestLoss) [best, bestLoss, bestGradient] = [image, found.loss, gradient];
      if (k === steps) break;
      if (k > 0 && k % Math.max(1, Math.floor(0.04 * steps)) === 0) {
        const now = support(best);
        const sparser = now < 0.95 * before;
        step = sparser ? radius : Math.max(step / 1.5, radius / 10);
        if (sparser) [image, gradient] = [best, bestGradient];
        [share, before] = [now / 784 / 1.5, now];
      }
      const sizes = gradient.map(Math.abs);
      const place = Math.min(783, Math.max(0, Math.floor((1 - share) * 784)));
      const least = sizes.toSorted((a, b) => a - b)[place]!;
      const signs = gradient.map((value, i) => (sizes[i]! >= least ? Math.sign(value) : 0));
      const count = Math.max(1, sumOf(signs));
      image = keep('l1', x, image.map((pixel, i) => pixel + (step * signs[i]!) / count), radius); // prettier-ignore
    }
  }
  return { iteration: -1, image: best };
}

describe.each([
  ['l2', 2, 15, plainL2],
  ['l1', 12, 15, plainL1],
] as const)('APGD in %s', (norm, epsilon, steps, plainly) => {
  it('does what a plain loop over single examples does', async () => {
    const options = optionsFor({ norm, epsilon, steps }, 14);
    const outcome = await attackWhiteBox(peers.adv, options);
    expect(outcome.violations).toBe(0);
    const rows = [...outcome.attacked.keys()].filter((row) => outcome.attacked[row]);
    const plain = rows.map((row) => plainly(options, row));
    const same = rows.filter((row, at) => outcome.iteration[row] === plain[at]!.iteration);
    const near = rows.filter((row, at) => {
      const own = outcome.adversarial.subarray(row * 784, (row + 1) * 784);
      return (
        lengthOf(own.map((pixel, i) => pixel - plain[at]!.image[i]!)) <
        0.05 * lengthOf(own.map((pixel, i) => pixel - options.examples.images[row * 784 + i]!))
      );
    });
    // A rounding may decide which of two pixels is among the largest, so few rows may go their own way.
    expect(same.length).toBeGreaterThanOrEqual(rows.length - 1);
    expect(near.length).toBeGreaterThanOrEqual(rows.length - 1);
    expect(new Set(plain.map(({ iteration }) => iteration)).size).toBeGreaterThan(2);
  });

  it('comes within 1 % of what the ball of a linear classifier allows', () => {
    const [pixels, radius] = [36, norm === 'l2' ? 0.25 : 0.3];
    const plan = planOf({ norm, epsilon: radius, steps: 60 });
    const random = stream(3, 'linear');
    const values = (count: number, low: number, high: number) =>
      Float32Array.from({ length: count }, () => random.uniform(low, high));
    // Far from 0 and 1, so that the box does not matter.
    const [images, slope] = [values(4 * pixels, 0.4, 0.6), values(pixels, -1, 1)];
    const gain = radius * (norm === 'l2' ? lengthOf(slope) : Math.max(...slope.map(Math.abs)));
    tf.tidy(() => {
      const x = tf.tensor4d(images, [4, 6, 6, 1]);
      const score = (image: tf.Tensor) =>
        tf.reshape(tf.matMul(tf.reshape<tf.Rank.R2>(image, [4, pixels]), tf.tensor2d(slope, [pixels, 1])), [4]);
      const look = (image: tf.Tensor) => ({
        wrong: tf.zeros([4]),
        loss: score(image),
        gradient: tf.grad((input) => tf.sum(score(input)))(image),
        notFinite: tf.zeros([4]),
      });
      const noise = tf.tensor4d(values(4 * pixels, -0.01, 0.01), [4, 6, 6, 1]);
      let best: tf.Tensor;
      if (norm === 'l2') {
        let state = apgdStart(tf.add(x, noise), radius);
        for (const turn of apgdTurns(plan)) {
          const columns = APGD_SCHEDULE.map((name, at) => [name, tf.fill([4], turn[at]!)]);
          const { gradient, ...rest } = look(state.iterate);
          const found = { ...rest, direction: steepest('l2', gradient) };
          const reach = [x, tf.fill([4], radius)] as const;
          state = apgdIteration(state, Object.fromEntries(columns) as ApgdTurn, found, reach, 'l2');
        }
        best = state.best;
      } else {
        let state = sparseStart(tf.add(x, noise), x, 3 * radius);
        for (const turn of sparseTurns(plan)) {
          const columns = SPARSE_SCHEDULE.map((name, at) => [name, tf.fill([4], turn[at]!)]);
          state = sparseIteration(state, Object.fromEntries(columns) as SparseTurn, look(state.iterate), x);
        }
        best = state.best;
      }
      const gained = tf.sub(score(best), score(x)).dataSync();
      for (const value of gained) expect(value / gain).toBeGreaterThan(0.99);
      for (const value of gained) expect(value / gain).toBeLessThan(1.0001);
    });
  });
});

describe('APGD in L1', () => {
  it('has phases of 3 ε, 2 ε and ε, of which only the last one counts', () => {
    const turns = sparseTurns({ steps: 100, epsilon: 2 });
    expect(turns).toHaveLength(103);
    const column = (name: (typeof SPARSE_SCHEDULE)[number]) => turns.map((turn) => turn[SPARSE_SCHEDULE.indexOf(name)]);
    expect(column('counts').indexOf(1)).toBe(62);
    expect(column('shrink').flatMap((flag, at) => (flag ? [at] : []))).toEqual([30, 61]);
    expect([0, 30, 61, 102].map((at) => column('radius')[at])).toEqual([6, 4, 2, 2]);
    expect(sparseTurns({ steps: 2, epsilon: 1 })).toHaveLength(3);
  });
});

describe('APGD on targeted losses', () => {
  it('has the loss of eq. 7, which neither a shift nor a scale of the logits changes', () => {
    tf.tidy(() => {
      const logits = tf.tensor2d([[3, 1, 0, -1, -2]]);
      const [labels, targets] = [tf.tensor1d([0], 'int32'), tf.tensor1d([2], 'int32')];
      const loss = (values: tf.Tensor2D) => targetedDlr(values, labels, targets);
      expect(loss(logits).dataSync()[0]).toBeCloseTo(-3 / 3.5, 6);
      expect(loss(tf.add(tf.mul(logits, 1000), 7)).dataSync()[0]).toBeCloseTo(-3 / 3.5, 5);
      const slope = tf
        .grad((values) => tf.sum(loss(values as tf.Tensor2D)))(logits)
        .dataSync();
      const at = (change: number, place: number) =>
        loss(tf.add(logits, tf.tensor2d([[0, 1, 2, 3, 4].map((k) => (k === place ? change : 0))]))).dataSync()[0]!;
      for (let place = 0; place < 5; place += 1)
        expect(slope[place]).toBeCloseTo((at(0.01, place) - at(-0.01, place)) / 0.02, 3);
    });
  });

  it('tries fewer targets where there are fewer classes, and says so; of three classes by the cross-entropy', () => {
    expect(fitToClasses({ loss: 'targeted-dlr', targets: 9 }, 10)).toEqual({ loss: 'targeted-dlr', targets: 9, notes: [] }); // prettier-ignore
    const five = fitToClasses({ loss: 'targeted-dlr', targets: 9 }, 5);
    expect(five).toMatchObject({
      loss: 'targeted-dlr',
      targets: 4,
      notes: [expect.stringMatching(/4 target classes, not 9/)],
    });
    const three = fitToClasses({ loss: 'targeted-dlr', targets: 2 }, 3);
    expect(three).toMatchObject({ loss: 'targeted-cross-entropy', targets: 2, notes: [expect.stringMatching(/3/)] });
  });

  it('leads to one class after the other: more of them break at least the same examples, which keep their success', async () => {
    const settings = { epsilon: 0.2, steps: 8, loss: 'targeted-dlr' };
    const one = await attackWhiteBox(peers.adv, optionsFor({ ...settings, targets: 1 }, 40));
    const three = await attackWhiteBox(peers.adv, optionsFor({ ...settings, targets: 3 }, 40));
    expect(countRobust(three)).toBeLessThanOrEqual(countRobust(one));
    expect(one.succeeded.some((hit) => hit === 1)).toBe(true);
    expect(three.violations).toBe(0);
  });

  it('with a class of choice only that class is a success', async () => {
    const options = optionsFor({ epsilon: 0.35, steps: 12 }, 24);
    const targets = options.examples.labels.map((label) => (label + 1) % 10);
    const outcome = await attackWhiteBox(peers.adv, { ...options, targets });
    const hits = [...outcome.succeeded.keys()].filter((row) => outcome.succeeded[row]);
    expect(hits.length).toBeGreaterThan(0);
    for (const row of hits) expect(predictionOf(outcome.logits, row * 10, 10)).toBe(targets[row]);
  });
});

it('APGD with several passes for each gradient does the same on a model that is not random', async () => {
  const tensors = tf.memory().numTensors;
  const once = await attackWhiteBox(peers.adv, optionsFor({ epsilon: 0.2, steps: 6 }, 12));
  const thrice = await attackWhiteBox(peers.adv, optionsFor({ epsilon: 0.2, steps: 6, samples: 3 }, 12));
  expect(thrice.iteration).toEqual(once.iteration);
  expect(tf.memory().numTensors).toBe(tensors);
});
