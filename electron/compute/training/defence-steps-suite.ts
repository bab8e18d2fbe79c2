import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { EngineName } from '../../../shared/domain/engine.ts';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import { trainerSettings } from '../../../shared/domain/training.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import { readExamples } from '../data/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import { findDefence } from '../defences/registry.ts';
import { perturbedWeights } from '../defences/weight-perturbation.ts';
import { withBars } from '../fixtures/bars-bench.ts';
import { buildNetwork, initialWeights, networkSpec, weightList } from '../models/network.ts';
import { trainGradients } from './gradient.ts';
import { optimizerOf } from './optimizer.ts';
import { createTrainStep, type BatchPart, type StepReport } from './step.ts';

const ROWS = 40;
const RATE = 0.3;

/** Defences whose step is more than a loss of one pass. */
const CASES: readonly (readonly [string, SettingValues])[] = [
  ['free-at', { replays: 2 }],
  ['at', { awp: 0.02 }],
  ['free-at', { awp: 0.02, awpWarmup: 0.5 }],
  ['attention-pairing', { beta: 3, betaWarmup: 0.5 }],
  ['trades', { betaWarmup: 0.5 }],
  ['mart', {}],
];
/** Half of each warm-up. */
const PROGRESS = 0.25;

interface Outcome {
  readonly weights: Float32Array;
  readonly ascent: Float32Array;
  readonly terms: StepReport['terms'];
}

const flat = (tensors: readonly tf.Tensor[]): Float32Array =>
  Float32Array.from(tensors.flatMap((tensor) => Array.from(tensor.dataSync())));

function batch(dataset: PackedDataset): {
  readonly x: tf.Tensor4D;
  readonly other: tf.Tensor4D;
  readonly labels: tf.Tensor1D;
} {
  const examples = readExamples(dataset, dataset.positions('train').slice(0, ROWS));
  const x = imageTensor(examples.images, examples.shape);
  return { x, other: tf.tidy(() => tf.mul<tf.Tensor4D>(x, 0.8)), labels: tf.tensor1d(examples.labels, 'int32') };
}

/** One step of gradient descent on a batch that is cut after the given rows. */
function stepped(dataset: PackedDataset, name: string, settings: SettingValues, cuts: readonly number[]): Outcome {
  const network = buildNetwork('small-cnn', dataset.manifest.shape, 2);
  const defence = findDefence(name).configure(settings);
  const optimizer = optimizerOf(trainerSettings.parse({ optimizer: 'sgd', momentum: 0 }));
  const tensors = tf.memory().numTensors;
  const step = createTrainStep({ network, defence, optimizer, labelSmoothing: 0 });
  const weights = initialWeights(network, 6);
  const slots = optimizer.slots.map(() => weightList(network, weights).map((weight) => tf.zerosLike(weight)));
  const whole = batch(dataset);
  const parts = [0, ...cuts].map((start, at): BatchPart => {
    const count = (cuts[at] ?? ROWS) - start;
    const rows = <T extends tf.Tensor>(of: T): T => tf.slice(of, start, count);
    return { images: rows(whole.x), adversarial: rows(whole.other), labels: rows(whole.labels) };
  });
  const numbers = { optimizer: optimizer.numbers(RATE, 0), progress: PROGRESS };
  const { state, ascent, report } = step.run({ weights, slots, average: null }, parts, numbers);
  const outcome = {
    weights: flat(weightList(network, state.weights)),
    ascent: ascent ? flat([ascent]) : new Float32Array(),
    terms: report().terms,
  };
  step.dispose();
  tf.dispose([
    ...[weights, state.weights].flatMap((each) => Object.values(each)),
    ...[slots, state.slots].flat(2),
    ...parts.flatMap(({ images, adversarial, labels }) => [images, labels, ...(adversarial ? [adversarial] : [])]),
    ...Object.values(whole),
    ...(ascent ? [ascent] : []),
  ]);
  expect(tf.memory().numTensors).toBe(tensors);
  return outcome;
}

/** The same by its formula: w − rate · g(w + v), without any compiling or cutting. */
function byHand(dataset: PackedDataset, name: string, settings: SettingValues): Outcome {
  const network = buildNetwork('small-cnn', dataset.manifest.shape, 2);
  const defence = findDefence(name).configure(settings);
  const gradientsOf = trainGradients({
    network: networkSpec(network),
    defence: name,
    defenceSettings: defence.settings,
    labelSmoothing: 0,
  });
  const warmup = (share: number | undefined): number => (share ? Math.min(1, PROGRESS / share) : 1);
  let terms: Record<string, number> = {};
  const found = tf.tidy(() => {
    const { x, other, labels } = batch(dataset);
    const halves = defence.halves === 'both' ? [x, other] : [other];
    const shares = defence.terms.map((term) => warmup(defence.warmups?.[term]));
    const warmed = shares.some((share) => share < 1) ? [tf.tensor1d(shares)] : [];
    const at = (weights: readonly tf.Tensor[]) =>
      gradientsOf(...halves, labels, tf.scalar(ROWS), ...warmed, ...weights);
    const weights = weightList(network, initialWeights(network, 6));
    const here = at(weights);
    const { gamma = 0, warmup: share } = defence.weightPerturbation ?? {};
    const moved = perturbedWeights(weights, here.gradients, tf.scalar(gamma * warmup(share)));
    const there = gamma > 0 ? at(moved) : here;
    const sums = [here, there].map(({ report }) => Array.from(report.dataSync()).slice(0, defence.terms.length));
    terms = Object.fromEntries(defence.terms.map((term, index) => [term, sums[0]![index]!]));
    const [total, risen] = sums.map((each) => each.reduce((sum, value) => sum + value, 0)) as [number, number];
    if (gamma > 0) terms['awp'] = risen - total;
    terms['total'] = risen;
    const after = weights.map((weight, index) => tf.sub(weight, tf.mul(RATE, there.gradients[index]!)));
    return [tf.tensor1d(flat(after)), there.ascent ? tf.clone(there.ascent) : tf.zeros([0])];
  });
  const outcome = { weights: flat([found[0]!]), ascent: flat([found[1]!]), terms };
  tf.dispose(found);
  return outcome;
}

function expectSame(found: Outcome, expected: Outcome): void {
  expect(Object.keys(found.terms)).toEqual(Object.keys(expected.terms));
  for (const [term, value] of Object.entries(expected.terms)) expect(found.terms[term], term).toBeCloseTo(value, 4);
  const furthest = found.weights.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - expected.weights[at]!)),
    0,
  );
  expect(furthest).toBeLessThan(2e-5);
  expect(found.ascent).toHaveLength(expected.ascent.length);
  // A gradient next to 0 may have either sign.
  const turned = found.ascent.filter((value, at) => value !== expected.ascent[at]).length;
  expect(turned).toBeLessThanOrEqual(0.005 * expected.ascent.length);
}

/** Steps of the defences on an engine. `missing` says why the engine is not here. */
export function testDefenceSteps(engine: EngineName, enginePack: string | null, missing: string | null): void {
  describe(`a training step on ${engine}`, () => {
    const bars = withBars(engine, enginePack, missing);

    it.each(CASES)('of %s %o is that of its formula, in one piece and in parts', (name, settings) => {
      const { dataset } = bars();
      const expected = byHand(dataset, name, settings);
      expectSame(stepped(dataset, name, settings, []), expected);
      expectSame(stepped(dataset, name, settings, [13, 26]), expected);
    });
  });
}
