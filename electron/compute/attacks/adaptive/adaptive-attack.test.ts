import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AttackSpec } from '../../../../shared/domain/evaluation.ts';
import type { ImageShape } from '../../../../shared/domain/shape.ts';
import { describeSettings } from '../../../../shared/domain/settings.ts';
import { loadEngine } from '../../engines/load.ts';
import { linearControl, quadrantExamples, quantisedControl } from '../../fixtures/controls.ts';
import { firstExamples, loadFixture } from '../../fixtures/peers.ts';
import { moduleApi } from '../../modules/api.ts';
import { stream } from '../../random/stream.ts';
import type { AnyAttack } from '../attack.ts';
import type { Examples, Subject } from '../base/examples.ts';
import { attackTransfer } from '../base/transfer.ts';
import { attackWhiteBox } from '../base/white-box.ts';
import { resolveAttack } from '../registry.ts';
import type { AdaptiveDefinition } from './adaptive-attack.ts';
import { stepModel } from './step-model.ts';
import { noiseOf, resizingOf, roundingTo, seenThrough, shiftsOf } from './transformation.ts';
import type { Transformation } from './transformation.ts';

const { adaptiveAttack, losses, z } = moduleApi;

beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
});

const [SIDE, CLASSES] = [8, 4];
const PIXELS = SIDE * SIDE;

type Definition = Partial<AdaptiveDefinition<Record<never, never>>>;

const own = (definition: Definition): AnyAttack =>
  adaptiveAttack({
    name: 'own',
    label: 'Own',
    summary: 'A test.',
    source: 'A test.',
    help: 'A test.',
    loss: ({ logits }, labels) => losses.crossEntropy(logits, labels),
    ...definition,
  });

// Batches of more rows go to threads, which know no controls.
const optionsFor = (
  attack: AnyAttack | string,
  values: AttackSpec['settings'],
  examples: Examples,
  batchSize = 32,
) => ({
  examples,
  plan:
    typeof attack === 'string'
      ? resolveAttack({ name: attack, settings: values }).plan
      : attack.resolve(attack.schema.parse(values)).plan,
  seed: 5,
  batchSize,
  includeMisclassified: false,
  control: { checkpoint: () => Promise.resolve() },
});

/**
 * How far the brightest quadrant's sum but the label's leads over the label's, with all pixels moved by ε against the label:
 * nothing in L∞ does more. In quantised levels if there are any.
 */
function leadsOf({ images, labels }: Examples, epsilon: number, levels: number | null): number[] {
  return Array.from(labels, (label, row) => {
    const sums = new Array<number>(CLASSES).fill(0);
    for (let at = 0; at < PIXELS; at += 1) {
      const quadrant = 2 * Number(at >= PIXELS / 2) + Number(at % SIDE >= SIDE / 2);
      const pixel = images[row * PIXELS + at]!;
      const moved = Math.min(1, Math.max(0, pixel + (quadrant === label ? -epsilon : epsilon)));
      sums[quadrant]! += levels === null ? moved : Math.round(moved * levels);
    }
    return Math.max(...sums.filter((_, quadrant) => quadrant !== label)) - sums[label]!;
  });
}

/** Rows that are classified rightly without an attack, and whether they can be broken: the closed form, without ties. */
function breakable(examples: Examples, epsilon: number, levels: number | null): Map<number, boolean> {
  const [clean, moved] = [leadsOf(examples, 0, levels), leadsOf(examples, epsilon, levels)];
  const rows = [...clean.keys()].filter((row) => clean[row]! < -1e-4 && Math.abs(moved[row]!) > 1e-4);
  return new Map(rows.map((row) => [row, moved[row]! > 0]));
}

const atRows = (marks: Uint8Array, rows: Map<number, boolean>) =>
  new Map([...rows.keys()].map((row) => [row, marks[row] === 1]));
const broken = (rows: Map<number, boolean>): number => [...rows.values()].filter(Boolean).length;

describe('a substitute backward pass', () => {
  it('breaks on a quantised classifier all that can be broken, where plain gradients are 0 and break nothing', async () => {
    const [linear, quantised] = [linearControl(), quantisedControl()];
    const examples = quadrantExamples(64);
    const values = { epsilon: 0.2, steps: 20, randomStart: false };
    const possible = breakable(examples, 0.2, 8);

    const plain = await attackWhiteBox(quantised.subject, optionsFor('pgd', values, examples));
    expect(plain.succeeded.some(Boolean)).toBe(false);

    // The quantised model judges; the gradient is that of what follows the quantiser, seen through it.
    const bpda = own({ transformation: () => roundingTo(9) });
    const [made] = await attackTransfer(linear.subject, [quantised.subject], optionsFor(bpda, values, examples));
    expect(atRows(made!.succeeded, possible)).toEqual(possible);
    expect(possible.size).toBeGreaterThan(35);
    expect(broken(possible)).toBeGreaterThan(10);
    expect(broken(possible)).toBeLessThan(possible.size - 5);
    expect(made!.violations).toBe(0);
    linear.dispose();
    quantised.dispose();
  });

  it('has the value of the one function, to the last bit, and the gradient of the other', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([0.1, 0.26, 0.49, 0.74]);
      const rounded = moduleApi.gradients.withSubstitute((v: tf.Tensor) => tf.round(tf.mul(v, 10)), tf.square);
      expect([...rounded(x).dataSync()]).toEqual([1, 3, 5, 7]);
      const gradient = tf.grad((v) => tf.sum(tf.mul(rounded(v), [1, 2, 3, 4])))(x);
      const expected = [0.2, 1.04, 2.94, 5.92];
      gradient.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    });
  });
});

/** The mean gradient of logit differences of the linear control under so many hundred draws. */
function averaged(subject: Subject, transformation: Transformation, hundreds: number): Float32Array {
  const model = stepModel(subject.network, subject.weights);
  const sum = new Float64Array(PIXELS);
  const count = transformation.numbers([SIDE, SIDE, 1]);
  for (let part = 0; part < hundreds; part += 1) {
    const values = new Float32Array(100 * count);
    for (let at = 0; at < 100; at += 1) {
      const random = stream(9, 'draws', part, at);
      transformation.draw?.(values.subarray(at * count, (at + 1) * count), random, [SIDE, SIDE, 1]);
    }
    const gradient = tf.tidy(() => {
      const images = tf.fill<tf.Rank.R4>([100, SIDE, SIDE, 1], 0.5);
      const view = (x: tf.Tensor4D) => seenThrough(transformation, x, tf.tensor2d(values, [100, count]));
      const loss = ({ logits }: { logits: tf.Tensor2D }) => tf.sum(tf.mul(logits, [[1, 0, 0, -1]]), 1);
      return tf
        .mean(model.gradient(images, loss, { view }).gradient, 0)
        .dataSync<'float32'>()
        .slice();
    });
    gradient.forEach((value, i) => (sum[i]! += value));
  }
  return Float32Array.from(sum, (value) => value / hundreds);
}

describe('expectation over transformations', () => {
  it('averages to the gradient of the expectation: of shifts, the weights smoothed by the density of shifts', () => {
    const { subject, dispose } = linearControl();
    const before = tf.memory().numTensors;
    const most = 2;
    const mean = averaged(subject, shiftsOf(most), 15);
    expect(tf.memory().numTensors).toBe(before);
    // A pixel reaches places up to 3 away: the mean weight of one shift is the integral of max(0, 1 − |k − s|) over s.
    const density = (k: number): number => {
      const cells = 4000;
      let integral = 0;
      for (let i = 0; i < cells; i += 1) {
        const shift = -most + ((i + 0.5) / cells) * 2 * most;
        integral += Math.max(0, 1 - Math.abs(k - shift)) / cells;
      }
      return integral;
    };
    const slope = tf.tidy(() =>
      tf
        .sub(
          tf.slice(subject.weights['fc_w']!, [0, 0], [PIXELS, 1]),
          tf.slice(subject.weights['fc_w']!, [0, 3], [PIXELS, 1]),
        )
        .dataSync<'float32'>()
        .slice(),
    );
    for (let at = 0; at < PIXELS; at += 1) {
      let expected = 0;
      for (let down = -3; down <= 3; down += 1) {
        for (let right = -3; right <= 3; right += 1) {
          const [row, column] = [Math.floor(at / SIDE) + down, (at % SIDE) + right];
          if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) continue;
          expected += density(down) * density(right) * slope[row * SIDE + column]!;
        }
      }
      // The slope is 0.625; 1500 draws leave a deviation of about 0.008.
      expect(Math.abs(mean[at]! - expected)).toBeLessThan(0.035);
    }
    dispose();
  });

  it('with normal noise leaves the gradient of a linear model as it is', () => {
    const { subject, dispose } = linearControl();
    const [noisy, plain] = [averaged(subject, noiseOf(0.3), 1), averaged(subject, roundingTo(9), 1)];
    noisy.forEach((value, i) => expect(value).toBeCloseTo(plain[i]!, 5));
    expect(Math.max(...plain)).toBeCloseTo(0.625, 4);
    dispose();
  });

  it.each([
    ['shifts', shiftsOf(1.5)],
    ['resizing', resizingOf(0.6)],
    ['noise', noiseOf(0.1)],
  ] as const)('%s: the gradient is that of finite differences', (_, transformation) => {
    tf.tidy(() => {
      const shape: ImageShape = [SIDE, SIDE, 1];
      const count = transformation.numbers(shape);
      const values = new Float32Array(2 * count);
      for (const at of [0, 1]) {
        transformation.draw?.(values.subarray(at * count, (at + 1) * count), stream(3, 'draws', at), shape);
      }
      const draws = tf.tensor2d(values, [2, count]);
      const images = tf.randomUniform<tf.Rank.R4>([2, ...shape], 0.2, 0.8, 'float32', 7);
      const weights = tf.randomNormal([2, ...shape], 0, 1, 'float32', 8);
      const value = (x: tf.Tensor) => tf.sum(tf.mul(seenThrough(transformation, x as tf.Tensor4D, draws), weights));
      const gradient = tf.grad(value)(images);
      const direction = tf.randomNormal(images.shape, 0, 1, 'float32', 9);
      const [slope] = tf.sum(tf.mul(gradient, direction)).dataSync();
      const at = (step: number) => value(tf.add(images, tf.mul(direction, step))).dataSync()[0]!;
      expect((at(0.05) - at(-0.05)) / 0.1).toBeCloseTo(slope!, 2);
    });
  });

  it('makes images that hold under noise more often than those of plain PGD, whatever the batch size', async () => {
    const nat = await loadFixture('small-nat');
    const examples = firstExamples(nat.examples, 32);
    const noise = noiseOf(0.4);
    const eot = own({ transformation: () => noise, samples: 6 });
    const values = { epsilon: 0.12, steps: 8 };
    const before = tf.memory().numTensors;
    const robust = await attackWhiteBox(nat, optionsFor(eot, values, examples));
    const again = await attackWhiteBox(nat, optionsFor(eot, values, examples, 13));
    expect(tf.memory().numTensors).toBe(before);
    expect(again.adversarial).toEqual(robust.adversarial);
    const plain = await attackWhiteBox(nat, optionsFor('pgd', values, examples));
    /** Share that is misclassified under 20 draws of other streams than the attacks'. */
    const holding = (images: Float32Array): number => {
      let wrong = 0;
      for (let draw = 0; draw < 20; draw += 1) {
        wrong += tf.tidy(() => {
          const draws = new Float32Array(images.length);
          noise.draw?.(draws, stream(77, draw), examples.shape);
          const seen = noise.apply(tf.tensor4d(images, [32, 28, 28, 1]), tf.tensor2d(draws, [32, 784]));
          const { logits } = stepModel(nat.network, nat.weights).outputs(seen);
          return tf.sum(tf.notEqual(tf.argMax(logits, 1), tf.tensor1d(examples.labels, 'int32'))).dataSync()[0]!;
        });
      }
      return wrong / (20 * 32);
    };
    expect(holding(robust.adversarial)).toBeGreaterThan(holding(plain.adversarial) + 0.04);
    nat.dispose();
  });
});

describe('a loss of its own', () => {
  /** Logits so large that the cross-entropy of float32 is exactly 0 in the clear examples. */
  it('that no scale of the logits can flatten breaks all that can be broken, where the cross-entropy has no gradient', async () => {
    const { subject, dispose } = linearControl(1e4);
    const examples = quadrantExamples(64);
    const values = { epsilon: 0.2, steps: 10, randomStart: false };
    const scaled = own({
      loss: ({ logits }, labels) => tf.div(losses.margin(logits, labels), tf.add(tf.mean(tf.abs(logits), 1), 1e-12)),
    });
    const plain = await attackWhiteBox(subject, optionsFor('pgd', values, examples));
    const adaptive = await attackWhiteBox(subject, optionsFor(scaled, values, examples));
    const possible = breakable(examples, 0.2, null);
    expect(atRows(adaptive.succeeded, possible)).toEqual(possible);
    expect(possible.size).toBe(64);
    expect(broken(possible)).toBeGreaterThan(10);
    expect(plain.succeeded.filter(Boolean).length).toBeLessThan(broken(possible) / 4);
    dispose();
  });

  it('must be one number for each image', async () => {
    const { subject, dispose } = linearControl();
    const examples = quadrantExamples(4);
    const before = tf.memory().numTensors;
    const mean = own({ loss: ({ logits }, labels) => tf.mean(losses.margin(logits, labels)) });
    await expect(attackWhiteBox(subject, optionsFor(mean, {}, examples))).rejects.toThrow(
      /loss must be one number for each image, a tensor of shape \[4\]; it is \[\]/,
    );
    const faulty = own({ loss: ({ activations }) => tf.sum(activations['conv1']!, [1, 2, 3]) });
    await expect(attackWhiteBox(subject, optionsFor(faulty, {}, examples))).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/^A step of own failed: .*'x' passed to 'sum'.* Correct its module\.$/),
    });
    const layered = own({ layers: () => ['conv9'] });
    await expect(attackWhiteBox(subject, optionsFor(layered, {}, examples))).rejects.toThrow(
      /looks at the layer "conv9"/,
    );
    expect(tf.memory().numTensors).toBe(before);
    dispose();
  });

  it("may have settings beside PGD's, which reach it", async () => {
    const { subject, dispose } = linearControl();
    const seen = new Set<number>();
    const attack = adaptiveAttack({
      name: 'weighted',
      label: 'Weighted',
      summary: 'A test.',
      source: 'A test.',
      help: 'A test.',
      settings: { weight: z.number().min(0).default(0.5).meta({ label: 'Weight' }) },
      loss: ({ logits }, labels, { weight }) => {
        seen.add(weight);
        return tf.mul(weight, losses.margin(logits, labels));
      },
    });
    const fields = describeSettings(attack.schema).map(({ key, label }) => [key, label]);
    expect(fields).toContainEqual(['weight', 'Weight']);
    expect(fields).toContainEqual(['samples', 'Gradients per step']);
    await attackWhiteBox(subject, optionsFor(attack, { weight: 2, steps: 2 }, quadrantExamples(4)));
    expect([...seen]).toEqual([2]);
    dispose();
  });
});
