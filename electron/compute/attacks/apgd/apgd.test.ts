import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { firstExamples } from '../../fixtures/peers.ts';
import type { PeerFixture } from '../../fixtures/peers.ts';
import { lossFromLogits } from '../../losses.ts';
import { inputGradient } from '../../models/classifier.ts';
import { buildNetwork, initialWeights } from '../../models/network.ts';
import { stream } from '../../random/stream.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import { apgdCheckpoints, apgdStart, apgdTurns } from './apgd-tasks.ts';
import { APGD_SCHEDULE, apgdIteration } from './apgd-steps.ts';
import type { ApgdTurn } from './apgd-steps.ts';
import { startingPoints } from '../base/batch.ts';
import { boundsOf } from '../base/budget.ts';
import { ascentDirection } from '../base/direction.ts';
import type { AttackOptions } from '../options.ts';
import { countRobust, countRobustLast, predictionOf } from '../base/outcome.ts';
import type { ApgdPlan } from './apgd-method.ts';
import { resolveAttack } from '../registry.ts';
import { misclassified } from '../base/row-masks.ts';
import { attackWhiteBox } from '../base/white-box.ts';

const peers = useSmallPeers();

type Settings = Readonly<Record<string, number | string>>;

function planOf(settings: Settings): ApgdPlan {
  return resolveAttack({ name: 'apgd', settings }).plan as ApgdPlan;
}

function optionsFor(peer: PeerFixture, settings: Settings, count: number, seed = 7): AttackOptions<ApgdPlan> {
  return attackOptions(firstExamples(peer.examples, count), planOf(settings), { seed });
}

/** Algorithm 1 written down again as plainly as possible, for one example, every iterate looked at on the host. */
function attackPlainly(peer: PeerFixture, { examples, plan, seed }: AttackOptions<ApgdPlan>, row: number) {
  const label = examples.labels[row]!;
  const x = examples.images.slice(row * 784, (row + 1) * 784);
  const { lower, upper } = boundsOf(x, plan.epsilon);
  const clip = (image: Float32Array) => image.map((pixel, i) => Math.min(upper[i]!, Math.max(lower[i]!, pixel)));
  const evaluate = (image: Float32Array) =>
    tf.tidy(() => {
      const labels = tf.tensor1d([label], 'int32');
      const input = tf.tensor4d(image, [1, 28, 28, 1]);
      const { logits, gradient } = inputGradient(peer.network, peer.weights, input, labels, plan.loss as 'dlr');
      return {
        wrong: predictionOf(logits.dataSync<'float32'>(), 0, 10) !== label,
        loss: lossFromLogits(plan.loss as 'dlr', logits, labels).dataSync()[0]!,
        gradient: gradient.dataSync<'float32'>(),
      };
    });
  const checkpoints = apgdCheckpoints(plan.steps);
  let image = startingPoints(examples, [row], { epsilon: plan.epsilon, randomStart: true }, seed, 0).start;
  let [previous, best] = [image, image];
  let [step, bestLoss, lastBest, last] = [2 * plan.epsilon, -Infinity, 0, Infinity];
  let [halvedLast, rises, since] = [true, 0, 0];
  let bestGradient = image;
  for (let k = 0; k <= plan.steps; k += 1) {
    const found = evaluate(image);
    if (found.wrong) return { iteration: k, image };
    let { gradient } = found;
    if (found.loss > bestLoss) [best, bestLoss, bestGradient] = [image, found.loss, gradient];
    if (found.loss > last) rises += 1;
    last = found.loss;
    if (k === plan.steps) break;
    if (checkpoints.includes(k)) {
      const halve = rises <= plan.rho * (k - since) || (!halvedLast && lastBest >= bestLoss);
      if (halve) [step, image, gradient] = [step / 2, best, bestGradient];
      [halvedLast, lastBest, rises, since] = [halve, bestLoss, 0, k];
    }
    const [from, before] = [image, previous];
    const stepped = clip(from.map((pixel, i) => pixel + Math.fround(Math.fround(step) * Math.sign(gradient[i]!))));
    const weight = k === 0 ? 1 : plan.momentum;
    previous = from;
    image = clip(
      from.map((pixel, i) => {
        const forward = Math.fround(weight * Math.fround(stepped[i]! - pixel));
        const drift = Math.fround(Math.fround(1 - weight) * Math.fround(pixel - before[i]!));
        return pixel + Math.fround(forward + drift);
      }),
    );
  }
  return { iteration: -1, image: best };
}

describe('APGD', () => {
  it('has the checkpoints of the paper', () => {
    expect(apgdCheckpoints(100)).toEqual([22, 41, 57, 70, 80, 87, 93, 99]);
    expect(apgdCheckpoints(20)).toEqual([5, 9, 12, 14, 16, 18, 19]);
    expect(apgdCheckpoints(1)).toEqual([]);
    const thresholds = apgdTurns(planOf({})).map((turn) => turn[APGD_SCHEDULE.indexOf('threshold')]);
    expect([22, 41, 57].map((index) => thresholds[index])).toEqual([22 * 0.75, 19 * 0.75, 16 * 0.75]);
  });

  it.each(['cross-entropy', 'dlr'] as const)('on %s does what a plain loop over single examples does', async (loss) => {
    const options = optionsFor(peers.adv, { epsilon: 0.2, steps: 20, loss }, 24);
    const outcome = await attackWhiteBox(peers.adv, options);
    const rows = [...outcome.attacked.keys()].filter((row) => outcome.attacked[row]);
    const plain = rows.map((row) => attackPlainly(peers.adv, options, row));
    expect(rows.map((row) => outcome.iteration[row])).toEqual(plain.map(({ iteration }) => iteration));
    expect(plain.filter(({ iteration }) => iteration < 0).length).toBeGreaterThan(5);
    rows.forEach((row, at) => {
      const own = outcome.adversarial.subarray(row * 784, (row + 1) * 784);
      const far = own.filter((pixel, i) => Math.abs(pixel - plain[at]!.image[i]!) > 1e-4);
      expect(far.length).toBeLessThanOrEqual(4);
    });
  });

  it('reaches the smallest margin that the ball of a linear classifier holds', () => {
    const [pixels, epsilon, plan] = [36, 0.2, planOf({ epsilon: 0.2, steps: 30 })];
    const random = stream(3, 'linear');
    const values = (count: number, low: number, high: number) =>
      Float32Array.from({ length: count }, () => random.uniform(low, high));
    const [images, matrix] = [values(8 * pixels, 0, 1), values(pixels * 2, -1, 1)];
    const { lower, upper } = boundsOf(images, epsilon);
    const gap = (image: Float32Array, row: number) =>
      Array.from({ length: pixels }, (_, i) => image[row * pixels + i]! * (matrix[2 * i + 1]! - matrix[2 * i]!)).reduce(
        (sum, term) => sum + term,
      );
    const optimum = images.map(
      (_, at) => (matrix[2 * (at % pixels) + 1]! > matrix[2 * (at % pixels)]! ? upper : lower)[at]!,
    );
    tf.tidy(() => {
      const shaped = (array: Float32Array) => tf.tensor4d(array, [8, 6, 6, 1]);
      const labels = tf.zeros<tf.Rank.R1>([8], 'int32');
      // A bias keeps every example just right, so that none leaves at its first success and no loss underflows.
      const bias = Array.from({ length: 8 }, (_, row) => [gap(optimum, row) + 1, 0]);
      const logitsOf = (x: tf.Tensor) => {
        const flat = tf.reshape<tf.Rank.R2>(x, [8, pixels]);
        return tf.add<tf.Tensor2D>(tf.matMul(flat, tf.tensor2d(matrix, [pixels, 2])), tf.tensor2d(bias));
      };
      let state = apgdStart(shaped(images), epsilon);
      for (const turn of apgdTurns(plan)) {
        const columns = APGD_SCHEDULE.map((name, column) => [name, tf.fill([8], turn[column]!)]);
        const logits = logitsOf(state.iterate);
        const loss = (x: tf.Tensor) => tf.sum(lossFromLogits('cross-entropy', logitsOf(x), labels));
        const evaluation = {
          wrong: misclassified(logits, labels),
          loss: lossFromLogits('cross-entropy', logits, labels),
          direction: ascentDirection(tf.grad(loss)(state.iterate)),
          notFinite: tf.zeros([8]),
        };
        const reach = [shaped(lower), shaped(upper)] as const;
        state = apgdIteration(state, Object.fromEntries(columns) as ApgdTurn, evaluation, reach, 'linf');
      }
      const best = state.best.dataSync<'float32'>();
      for (let row = 0; row < 8; row += 1) expect(gap(best, row)).toBeCloseTo(gap(optimum, row), 4);
    });
  });

  it.each([
    ['cross-entropy', 25],
    ['dlr', 28],
  ] as const)(
    'on small-nat with %s leaves at most two more of 256 images than pyautoattack 0.2.0 (%i; medians of three seeds)',
    { timeout: 200_000 },
    async (loss, theirs) => {
      const left: number[] = [];
      for (const seed of [0, 1, 2]) {
        const outcome = await attackWhiteBox(peers.nat, optionsFor(peers.nat, { epsilon: 0.15, loss }, 256, seed));
        expect(outcome.violations).toBe(0);
        left.push(countRobust(outcome));
      }
      expect(left.toSorted((a, b) => a - b)[1]).toBeLessThanOrEqual(theirs + 2);
    },
  );

  it('batch size changes nothing, and the same seed gives the same images', async () => {
    const options = optionsFor(peers.adv, { epsilon: 0.25, steps: 15, restarts: 2 }, 40);
    const whole = await attackWhiteBox(peers.adv, options);
    const pieces = await attackWhiteBox(peers.adv, { ...options, batchSize: 7 });
    expect(pieces.iteration).toEqual(whole.iteration);
    expect(pieces.restart).toEqual(whole.restart);
    expect(pieces.adversarial).toEqual(whole.adversarial);
    const other = await attackWhiteBox(peers.adv, { ...options, seed: 8 });
    expect(other.adversarial).not.toEqual(whole.adversarial);
  });

  it('what it keeps obeys the constraint; broken examples leave at once, and restarts run on the others', async () => {
    const options = optionsFor(peers.adv, { epsilon: 0.25, steps: 15, restarts: 3 }, 64);
    const reports: number[] = [];
    const outcome = await attackWhiteBox(peers.adv, { ...options, onWork: (done) => reports.push(done) });
    const { lower, upper } = boundsOf(options.examples.images, 0.25);
    expect(outcome.adversarial.every((pixel, i) => pixel >= lower[i]! && pixel <= upper[i]!)).toBe(true);
    expect(outcome.robustAfter).toHaveLength(3);
    expect(outcome.robustAfter[2]).toBeLessThan(outcome.robustAfter[0]!);
    expect(countRobustLast(outcome)).toBe(countRobust(outcome));
    const attacked = outcome.attacked.reduce((sum, flag) => sum + flag, 0);
    const work = reports.reduce((sum, done) => sum + done, 0);
    expect(work).toBeLessThan(0.8 * attacked * 16 * 3);
    for (const row of outcome.succeeded.keys()) {
      if (outcome.succeeded[row])
        expect(predictionOf(outcome.logits, row * 10, 10)).not.toBe(options.examples.labels[row]);
    }
  });

  it('the DLR loss is refused for two classes, by name', async () => {
    const network = buildNetwork('small-cnn', [28, 28, 1], 2);
    const weights = initialWeights(network, 1);
    const options = optionsFor(peers.nat, { loss: 'dlr' }, 2);
    const examples = { ...options.examples, labels: Int32Array.of(0, 1) };
    await expect(attackWhiteBox({ network, weights }, { ...options, examples })).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringMatching(/DLR loss needs at least 3 classes, and this model has 2/) as string,
    });
    tf.dispose(Object.values(weights));
  });

  it('leaves no tensor behind, cancelled or not', async () => {
    const before = tf.memory().numTensors;
    const options = optionsFor(peers.adv, { epsilon: 0.3, steps: 9, restarts: 2 }, 20);
    await attackWhiteBox(peers.adv, { ...options, batchSize: 6 });
    let turns = 0;
    const control = { checkpoint: () => (++turns === 4 ? Promise.reject(new Error('stop')) : Promise.resolve()) };
    await expect(attackWhiteBox(peers.adv, { ...options, control })).rejects.toThrow('stop');
    expect(tf.memory().numTensors).toBe(before);
  });
});
