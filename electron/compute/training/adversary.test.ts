import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../shared/domain/errors.ts';
import { trainConfig, type TrainConfigInput } from '../../../shared/domain/training.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import type { Subject } from '../attacks/base/examples.ts';
import { startPoints } from '../attacks/base/start.ts';
import { readExamples } from '../data/examples.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { divergence } from '../defences/divergence.ts';
import { findDefence } from '../defences/registry.ts';
import { mapDistance } from '../defences/terms.ts';
import { loadEngine } from '../engines/load.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { createControl, type JobContext } from '../jobs/control.ts';
import { buildNetwork, forward, initialWeights, type Network, type Weights } from '../models/network.ts';
import { loadWeights } from '../models/weights.ts';
import { createAdversary, type Adversary, type AttackedPart } from './adversary.ts';
import { createInnerAttacker } from './inner-attack.ts';
import { METRICS_FILE, readPoints } from './metrics.ts';
import { train, WEIGHTS_FILE } from './train.ts';

let scratch: string;
let dataset: PackedDataset;
let network: Network;
let members: readonly Subject[];
beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-adversary-'));
  await writeBars(join(scratch, 'data'));
  dataset = await openPacked(join(scratch, 'data'));
  network = buildNetwork('small-cnn', dataset.manifest.shape, 2);
  const other = buildNetwork('lenet', dataset.manifest.shape, 2);
  members = [{ network: other, weights: initialWeights(other, 8) }];
});
afterAll(async () => {
  for (const { weights } of members) tf.dispose(Object.values(weights));
  dataset.close();
  await rm(scratch, { recursive: true, force: true });
});

const { context } = createControl(() => undefined);
const rest = (): Promise<void> => Promise.resolve();

interface Run {
  readonly defence: string;
  readonly defenceSettings?: TrainConfigInput['defenceSettings'];
  readonly trainer?: TrainConfigInput['trainer'];
}

async function trained(run: Run, own: JobContext = context, folder?: string): Promise<string> {
  const into = folder ?? (await mkdtemp(join(scratch, 'run-')));
  const config = trainConfig.parse({
    dataset: BARS_ID,
    architecture: 'small-cnn',
    engine: 'wasm',
    deterministic: true,
    ...run,
    trainer: { epochs: 5, batchSize: 16, validationSteps: 3, learningRate: 0.002, ...run.trainer },
  });
  const ensemble = run.defence === 'ensemble-at' ? { members } : {};
  await train({ config, dataset, folder: into, resume: folder !== undefined, context: own, ...ensemble });
  return into;
}

/** A context that cancels a run at its `turn`-th chance. */
function impatient(turn: number): JobContext {
  let turns = 0;
  return {
    ...context,
    checkpoint: async (beforeStop) => {
      if ((turns += 1) !== turn) return;
      await beforeStop?.();
      throw new AppError('cancelled', 'Cancelled.');
    },
  };
}

/** A part of the data, as a training would hand it over. */
function part(from: number, rows: number, epsilon: number): AttackedPart {
  const examples = readExamples(dataset, dataset.positions('train').slice(from, from + rows));
  const points = startPoints(examples.images, examples.indices, { epsilon, randomStart: true }, 3, 0);
  return { images: imageTensor(examples.images, examples.shape), examples, points, from };
}

const SMALL = { epsilon: 0.1, attackSteps: 2 };
/** Every defence that makes examples in a way of its own. */
const RUNS: readonly (readonly [string, Run, readonly string[]])[] = [
  [
    'attention pairing',
    { defence: 'attention-pairing', defenceSettings: SMALL },
    ['clean', 'adversarial', 'attention'],
  ],
  ['TRADES', { defence: 'trades', defenceSettings: SMALL }, ['clean', 'divergence']],
  ['MART', { defence: 'mart', defenceSettings: SMALL }, ['adversarial', 'divergence']],
  ['Fast AT', { defence: 'fast-at', defenceSettings: { epsilon: 0.1, guardEvery: 10 } }, ['adversarial']],
  ['Free AT', { defence: 'free-at', defenceSettings: { epsilon: 0.1, replays: 3 } }, ['adversarial']],
  [
    'ensemble AT',
    { defence: 'ensemble-at', defenceSettings: { ...SMALL, members: ['other'] } },
    ['clean', 'adversarial'],
  ],
  [
    'AT with weight perturbation',
    { defence: 'at', defenceSettings: { ...SMALL, awp: 0.01, awpWarmup: 0.2 } },
    ['adversarial', 'awp'],
  ],
  [
    'Free AT with weight perturbation',
    { defence: 'free-at', defenceSettings: { epsilon: 0.1, replays: 2, awp: 0.005 } },
    ['adversarial', 'awp'],
  ],
];

describe('training', () => {
  it.each(RUNS)('with %s learns, reports its terms and leaks no tensors', async (_, run, terms) => {
    const before = tf.memory().numTensors;
    const folder = await trained(run);
    expect(tf.memory().numTensors).toBe(before);
    const points = await readPoints(join(folder, METRICS_FILE));
    const steps = points.filter((point) => point.type === 'step');
    expect(steps).toHaveLength(30);
    for (const point of steps) {
      expect(Object.keys(point.terms)).toEqual([...terms, 'total']);
      expect(point.adversarialAccuracy).not.toBeNull();
    }
    expect(steps.at(-1)!.epsilon).toBeCloseTo(0.1, 10);
    const validations = points.filter((point) => point.type === 'validation');
    expect(validations.at(-1)!.cleanAccuracy).toBeGreaterThan(0.9);
    expect(validations.at(-1)!.adversarialAccuracy).toBeGreaterThan(0.8);
  });

  it.each(RUNS.slice(3))('with %s interrupted and resumed gives the same weights to the last bit', async (_, run) => {
    const short = { ...run, trainer: { epochs: 3, trainLimit: 40, checkpointEvery: 4, validationEvery: 3 } };
    const whole = await trained(short);
    const broken = await mkdtemp(join(scratch, 'broken-'));
    await expect(trained(short, impatient(6), broken)).rejects.toMatchObject({ code: 'cancelled' });
    const stopped = (await readPoints(join(broken, METRICS_FILE))).filter((point) => point.type === 'step').at(-1)!;
    expect(stopped.step).toBeLessThan(9);
    await trained(short, context, broken);
    const [first, second] = await Promise.all([whole, broken].map((folder) => readFile(join(folder, WEIGHTS_FILE))));
    expect(Buffer.compare(second!, first!)).toBe(0);
  });

  it('raises the weight of a term over its warm-up, and leaves the others as they are', async () => {
    const settings = { ...SMALL, beta: 2 };
    const run = (more: object): Run => ({
      defence: 'attention-pairing',
      defenceSettings: { ...settings, ...more },
      trainer: { epochs: 1, epsilonWarmup: 0 },
    });
    const stepsOf = async (folder: string) =>
      (await readPoints(join(folder, METRICS_FILE))).filter((point) => point.type === 'step');
    const [full, warmed] = [
      await stepsOf(await trained(run({}))),
      await stepsOf(await trained(run({ betaWarmup: 1 }))),
    ];
    expect(warmed[0]!.terms['attention']! / full[0]!.terms['attention']!).toBeCloseTo(1 / 6, 5);
    expect(warmed[0]!.terms['clean']).toBe(full[0]!.terms['clean']);
    expect(warmed[1]!.terms['clean']).not.toBe(full[1]!.terms['clean']);
  });

  it('names the term whose weight is too large', async () => {
    const folder = mkdtemp(join(scratch, 'run-'));
    const run: Run = {
      defence: 'attention-pairing',
      defenceSettings: { ...SMALL, beta: 1000 },
      trainer: { optimizer: 'sgd', learningRate: 0.1 },
    };
    await expect(trained(run, context, await folder)).rejects.toMatchObject({
      code: 'non-finite',
      message: expect.stringMatching(/“attention” was nearly all of the loss/) as string,
      details: { heaviest: 'attention' },
    });
  });

  it('with attention pairing brings the maps of held-out pairs closer, whatever their distance', async () => {
    const distances: Record<string, number> = {};
    for (const [name, settings] of [
      ['without', { beta: 0 }],
      ['l2', { beta: 10 }],
      ['mean-square', { beta: 1000, distance: 'mean-square' }],
      ['cosine', { beta: 20, distance: 'cosine' }],
    ] as const) {
      const attack = { epsilon: 0.15, steps: 5, stepSize: 0.05, randomStart: true };
      const folder = await trained({
        defence: 'attention-pairing',
        defenceSettings: { ...SMALL, epsilon: 0.15, ...settings },
      });
      const weights = await loadWeights(network, join(folder, WEIGHTS_FILE));
      const examples = readExamples(dataset, dataset.positions('validation'));
      const attacker = createInnerAttacker(network, attack, 9);
      const adversarial = await attacker.run(weights, examples, 1, 0, rest);
      const x = imageTensor(examples.images, examples.shape);
      const distance = tf.tidy(() => {
        const mapsOf = (images: tf.Tensor4D): tf.Tensor4D =>
          forward(network, weights, images, ['conv2']).activations['conv2']!;
        return tf.mean(mapDistance(mapsOf(x), mapsOf(adversarial), 2));
      });
      distances[name] = distance.dataSync()[0]!;
      attacker.dispose();
      tf.dispose([x, adversarial, distance, ...Object.values(weights)]);
    }
    for (const name of ['l2', 'mean-square', 'cosine']) {
      expect(distances[name], name).toBeLessThan(0.85 * distances['without']!);
    }
  });
});

describe('the inner attack of TRADES', () => {
  const epsilon = 0.2;
  const examplesOf = () => readExamples(dataset, dataset.positions('validation'));
  const attacked = async (weights: Weights, steps: number): Promise<tf.Tensor4D> => {
    const { inner } = findDefence('trades').configure({ epsilon, attackSteps: 3 });
    const attacker = createInnerAttacker(network, { ...inner!, steps }, 4);
    const made = await attacker.run(weights, examplesOf(), 1, 0, rest);
    attacker.dispose();
    return made;
  };

  it('starts at x plus normal noise of 0.001 within the ball, the same for each example in any batch', async () => {
    const weights = initialWeights(network, 2);
    const { images } = examplesOf();
    const start = await attacked(weights, 0);
    const moved = Array.from(start.dataSync(), (value, at) => value - images[at]!);
    // At the edges of [0, 1] half of the noise is cut off.
    const inside = moved.filter((_, at) => images[at]! > 0.01 && images[at]! < 0.99);
    const deviation = Math.sqrt(inside.reduce((sum, each) => sum + each * each, 0) / inside.length);
    expect(inside.length).toBeGreaterThan(2000);
    expect(deviation).toBeCloseTo(0.001, 4);
    expect(Math.max(...moved.map(Math.abs))).toBeLessThan(0.006);
    tf.dispose([start, ...Object.values(weights)]);
  });

  it('takes steps along the sign of the gradient of KL(p(x) ‖ p(x′)), p(x) a constant', async () => {
    const weights = initialWeights(network, 2);
    const { images, shape } = examplesOf();
    const before = tf.memory().numTensors;
    const [start, found] = [await attacked(weights, 0), await attacked(weights, 3)];
    expect(tf.memory().numTensors).toBe(before + 2);
    const x = imageTensor(images, shape);
    const expected = tf.tidy(() => {
      const p = forward(network, weights, x).logits;
      const klAt = (at: tf.Tensor): tf.Scalar =>
        tf.sum(divergence(p, forward(network, weights, at as tf.Tensor4D).logits));
      let at: tf.Tensor = start;
      for (let step = 0; step < 3; step += 1) {
        const moved = tf.add(at, tf.mul(epsilon / 4, tf.sign(tf.mul(tf.grad(klAt)(at), 1e6))));
        at = tf.clipByValue(tf.minimum(tf.maximum(moved, tf.sub(x, epsilon)), tf.add(x, epsilon)), 0, 1);
      }
      return at;
    });
    const [own, other] = [found.dataSync(), expected.dataSync()];
    // A gradient next to 0 may have either sign.
    expect(own.filter((value, at) => Math.abs(value - other[at]!) > 1e-5).length).toBeLessThan(0.01 * own.length);
    const mean = (at: tf.Tensor4D): number =>
      tf
        .tidy(() => tf.mean(divergence(forward(network, weights, x).logits, forward(network, weights, at).logits)))
        .dataSync()[0]!;
    expect(mean(found)).toBeGreaterThan(1000 * mean(start));
    tf.dispose([start, found, expected, x, ...Object.values(weights)]);
  });
});

describe('the perturbation of Free AT', () => {
  const [epsilon, capacity] = [0.2, 6];
  const open = (saved = {}): Adversary =>
    createAdversary({
      network,
      defence: findDefence('free-at').configure({ epsilon }),
      seed: 1,
      capacity,
      members: [],
      saved,
    });
  const moment = { step: 0, epoch: 0, share: 1 };
  const weights: Weights = {};

  it('starts at 0, moves by ε along the direction, is cut to ±ε, and lives on in rows that a small batch leaves out', async () => {
    const adversary = open();
    const first = part(0, capacity, epsilon);
    const x = await adversary.make(weights, first, moment, rest);
    expect(x!.dataSync()).toEqual(first.images.dataSync());
    const direction = tf.tensor4d(
      Float32Array.from({ length: first.images.size }, (_, at) => (at % 3) - 1),
      first.images.shape,
    );
    adversary.learn(tf.clone(direction), moment);
    adversary.learn(tf.clone(direction), moment);
    const opposite = tf.tidy(() => tf.neg(tf.slice4d(direction, [0, 0, 0, 0], [2, -1, -1, -1])));
    adversary.learn(opposite, { ...moment, share: 0.5 });
    const { perturbation } = await adversary.save();
    const [found, by] = [perturbation!.data as Float32Array, direction.dataSync()];
    found.forEach((value, at) => {
      const small = at < (2 * by.length) / capacity;
      expect(value).toBeCloseTo(small ? 0.1 * by[at]! : 0.2 * by[at]!, 6);
    });

    const [resumed, again] = [open({ perturbation: perturbation! }), part(0, capacity, epsilon)];
    const attacked = await resumed.make(weights, again, moment, rest);
    attacked!.dataSync().forEach((value, at) => {
      const wanted = Math.min(1, Math.max(0, again.examples.images[at]! + found[at]!));
      expect(value).toBeCloseTo(wanted, 6);
    });
    const later = await resumed.make(weights, { ...part(2, 2, epsilon), from: 2 }, moment, rest);
    expect(later!.dataSync()).toEqual(attacked!.dataSync().slice(2 * 144, 4 * 144));
    adversary.dispose();
    resumed.dispose();
  });

  it('of another size is refused', () => {
    const saved = { perturbation: { dtype: 'f32' as const, shape: [4], data: new Float32Array(4) } };
    expect(() => open(saved)).toThrow(expect.objectContaining({ code: 'bad-data' }));
  });

  it('needs as many epochs as a batch is used for', async () => {
    const run: Run = { defence: 'free-at', defenceSettings: { replays: 8 }, trainer: { epochs: 6 } };
    await expect(trained(run)).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringMatching(/epochs.*at least 8/) as string,
    });
  });
});

describe('the sources of ensemble training', () => {
  it('are drawn anew for each step, the same for the same seed, and each is used', async () => {
    const defence = findDefence('ensemble-at').configure({ ...SMALL, members: ['other'] });
    const adversary = createAdversary({ network, defence, seed: 5, capacity: 4, members, saved: {} });
    const weights = initialWeights(network, 0);
    const given = part(0, 4, 0.1);
    const from = async (subject: Subject): Promise<string> => {
      const attacker = createInnerAttacker(subject.network, defence.inner!, 5);
      const x = await attacker.run(subject.weights, given.examples, 1, 0, rest, given.points!);
      return Array.from(x.dataSync()).join();
    };
    const [own, other] = [await from({ network, weights }), await from(members[0]!)];
    const drawn: number[] = [];
    for (let step = 0; step < 12; step += 1) {
      const x = await adversary.make(weights, given, { step, epoch: 0, share: 1 }, rest);
      const values = Array.from(x!.dataSync()).join();
      drawn.push([own, other].indexOf(values));
    }
    expect(new Set(drawn)).toEqual(new Set([0, 1]));
    const again = createAdversary({ network, defence, seed: 5, capacity: 4, members, saved: {} });
    const x = await again.make(weights, given, { step: 11, epoch: 0, share: 1 }, rest);
    expect([own, other].indexOf(Array.from(x!.dataSync()).join())).toBe(drawn[11]);
  });

  it('must take the images that are trained on', () => {
    const defence = findDefence('ensemble-at').configure({ members: ['other'] });
    const large = buildNetwork('lenet', [28, 28, 1], 10);
    const wrong = [{ network: large, weights: {} }];
    expect(() => createAdversary({ network, defence, seed: 0, capacity: 4, members: wrong, saved: {} })).toThrow(
      expect.objectContaining({
        code: 'wrong-architecture',
        message: expect.stringMatching(/12×12×1, 2 classes.*28×28×1, 10 classes/) as string,
      }),
    );
  });
});
