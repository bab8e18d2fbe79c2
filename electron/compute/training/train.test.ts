import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { speedSummary } from '../../../shared/domain/speed.ts';
import { trainConfig, type TrainConfigInput, type TrainResult } from '../../../shared/domain/training.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { mapDistance } from '../defences/terms.ts';
import { loadEngine } from '../engines/load.ts';
import { readExamples } from '../data/examples.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { createControl } from '../jobs/control.ts';
import { runTrain } from '../jobs/train.ts';
import { buildNetwork, forward } from '../models/network.ts';
import { loadWeights } from '../models/weights.ts';
import { createInnerAttacker } from './inner-attack.ts';
import { METRICS_FILE, readPoints } from './metrics.ts';
import { train, WEIGHTS_FILE } from './train.ts';

let scratch: string;
let dataset: PackedDataset;
beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-train-'));
  await writeBars(join(scratch, 'data'));
  dataset = await openPacked(join(scratch, 'data'));
});
afterAll(async () => {
  dataset.close();
  await rm(scratch, { recursive: true, force: true });
});

const { context } = createControl(() => undefined);

function config(values: Partial<TrainConfigInput>): ReturnType<typeof trainConfig.parse> {
  return trainConfig.parse({
    dataset: BARS_ID,
    architecture: 'small-cnn',
    defence: 'at-alp',
    trainer: { epochs: 5, batchSize: 16, validationSteps: 3, learningRate: 0.002 },
    engine: 'wasm',
    ...values,
  });
}

async function trained(values: Partial<TrainConfigInput>): Promise<{ folder: string; result: TrainResult }> {
  const folder = await mkdtemp(join(scratch, 'run-'));
  return { folder, result: await train({ config: config(values), dataset, folder, resume: false, context }) };
}

describe('training', () => {
  it.each([
    ['natural', {}, ['clean']],
    ['at', { attackSteps: 2, epsilon: 0.1 }, ['adversarial']],
    ['m-pgd', { attackSteps: 2, epsilon: 0.1 }, ['clean', 'adversarial']],
    ['alp', { attackSteps: 2, epsilon: 0.1 }, ['clean', 'adversarial', 'logits']],
    ['at-alp', { attackSteps: 2, epsilon: 0.1 }, ['clean', 'adversarial', 'logits', 'attention']],
  ])('with %s learns, reports its terms and leaks no tensors', async (defence, defenceSettings, terms) => {
    const before = tf.memory().numTensors;
    const { folder, result } = await trained({ defence, defenceSettings });
    expect(tf.memory().numTensors).toBe(before);
    expect(result).toMatchObject({ steps: 30, epochs: 5 });
    expect(result.cleanAccuracy).toBeGreaterThan(0.9);
    const points = await readPoints(join(folder, METRICS_FILE));
    const steps = points.filter((point) => point.type === 'step');
    expect(steps.map((point) => point.step)).toEqual(Array.from({ length: 30 }, (_, step) => step + 1));
    for (const point of steps) {
      expect(Object.keys(point.terms)).toEqual([...terms, 'total']);
      const sum = terms.reduce((total, term) => total + point.terms[term]!, 0);
      expect(point.terms['total']).toBeCloseTo(sum, 6);
      expect(point.adversarialAccuracy === null).toBe(defence === 'natural');
      expect(point.epsilon === null).toBe(defence === 'natural');
      // Clean images that the loss does not use are looked at in each tenth step.
      expect(point.cleanAccuracy === null).toBe(defence === 'at' && point.step % 10 !== 0);
    }
    expect(steps.at(-1)?.cleanAccuracy).toBeGreaterThan(0.8);
    expect(points.filter((point) => point.type === 'validation').map((point) => point.step)).toEqual([
      3, 6, 9, 12, 15, 18, 21, 24, 27, 30,
    ]);
  });

  it('with attention pairing brings the maps of held-out pairs closer', async () => {
    const network = buildNetwork('small-cnn', dataset.manifest.shape, 2);
    const attack = { epsilon: 0.15, steps: 5, stepSize: 0.05, randomStart: true };
    const examples = readExamples(dataset, dataset.positions('validation'));
    const distances: number[] = [];
    for (const beta of [0, 10]) {
      const { folder } = await trained({ defenceSettings: { attackSteps: 3, epsilon: 0.15, alpha: 0, beta } });
      const weights = await loadWeights(network, join(folder, WEIGHTS_FILE));
      const attacker = createInnerAttacker(network, attack, 9);
      const adversarial = await attacker.run(weights, examples, 1, 0, () => Promise.resolve());
      const distance = tf.tidy(() => {
        const maps = (images: tf.Tensor4D): tf.Tensor4D =>
          forward(network, weights, images, ['conv2']).activations['conv2']!;
        return tf.mean(mapDistance(maps(imageTensor(examples.images, examples.shape)), maps(adversarial), 2));
      });
      distances.push(distance.dataSync()[0]!);
      tf.dispose([adversarial, distance, ...Object.values(weights)]);
    }
    console.log(`map distance of held-out pairs: ${distances[0]} with β 0, ${distances[1]} with β 10`);
    expect(distances[1]).toBeLessThan(0.8 * distances[0]!);
  });

  it('keeps the inner attack inside its ball and inside [0, 1], the same for each example in any batch', async () => {
    const network = buildNetwork('small-cnn', dataset.manifest.shape, 2);
    const { folder } = await trained({ defence: 'natural' });
    const weights = await loadWeights(network, join(folder, WEIGHTS_FILE));
    const attack = { epsilon: 0.2, steps: 4, stepSize: 0.07, randomStart: true };
    const attacker = createInnerAttacker(network, attack, 1);
    const positions = dataset.positions('validation');
    const made = async (part: Uint32Array): Promise<Float32Array> => {
      const tensor = await attacker.run(weights, readExamples(dataset, part), 0.5, 3, () => Promise.resolve());
      const values = tensor.dataSync<'float32'>().slice();
      tensor.dispose();
      return values;
    };
    const all = await made(positions);
    const clean = dataset.readImages(positions);
    all.forEach((value, at) => {
      expect(value >= 0 && value <= 1 && Math.abs(value - clean[at]!) <= 0.1 + 1.2e-7).toBe(true);
    });
    expect(Math.max(...all.map((value, at) => Math.abs(value - clean[at]!)))).toBeCloseTo(0.1, 5);
    const alone = await made(positions.slice(5, 6));
    const row = all.subarray(5 * 144, 6 * 144);
    expect(alone.filter((value, at) => Math.abs(value - row[at]!) > 1e-6).length).toBeLessThan(3);
    tf.dispose(Object.values(weights));
  });

  it('rests after each ten iterations of the inner attack, which gives the same bits however long it rests', async () => {
    const network = buildNetwork('small-cnn', dataset.manifest.shape, 2);
    const { folder } = await trained({ defence: 'natural' });
    const weights = await loadWeights(network, join(folder, WEIGHTS_FILE));
    const examples = readExamples(dataset, dataset.positions('validation'));
    const attacker = createInnerAttacker(network, { epsilon: 0.2, steps: 23, stepSize: 0.02, randomStart: true }, 1);
    const made = async (rest: () => Promise<void>): Promise<Buffer> => {
      const tensor = await attacker.run(weights, examples, 1, 0, rest);
      const values = Buffer.from(tensor.dataSync<'float32'>().slice().buffer);
      tensor.dispose();
      return values;
    };
    let rests = 0;
    const slow = await made(async () => {
      rests += 1;
      await new Promise((resolve) => setTimeout(resolve, 30));
    });
    expect(rests).toBe(2);
    expect(Buffer.compare(await made(() => Promise.resolve()), slow)).toBe(0);
    const { numTensors } = tf.memory();
    await expect(made(() => Promise.reject(new Error('cancelled')))).rejects.toThrow('cancelled');
    expect(tf.memory().numTensors).toBe(numTensors);
    tf.dispose(Object.values(weights));
  });

  it('can be cancelled within a step, and then gives the same weights as a run that was not', async () => {
    const values = {
      defence: 'at',
      defenceSettings: { attackSteps: 25, epsilon: 0.1 },
      trainer: { epochs: 1, batchSize: 16, trainLimit: 32, validationSteps: 1 },
      deterministic: true,
    };
    const whole = await trained(values);
    const folder = await mkdtemp(join(scratch, 'run-'));
    let turns = 0;
    const impatient = {
      ...context,
      // One turn before each step and two within it: the fifth is the first within the second.
      checkpoint: async (beforeStop?: () => Promise<void>) => {
        if ((turns += 1) !== 5) return;
        await beforeStop?.();
        throw new AppError('cancelled', 'Cancelled.');
      },
    };
    const options = { config: config(values), dataset, folder };
    await expect(train({ ...options, resume: false, context: impatient })).rejects.toMatchObject({ code: 'cancelled' });
    await train({ ...options, resume: true, context });
    const [expected, resumed] = await Promise.all(
      [whole.folder, folder].map((each) => readFile(join(each, WEIGHTS_FILE))),
    );
    expect(Buffer.compare(resumed!, expected!)).toBe(0);
  });

  it('keeps everything that made its numbers in config.yaml, and each stretch that an engine computed', async () => {
    const folder = await mkdtemp(join(scratch, 'run-'));
    const job = {
      kind: 'train' as const,
      id: 'run-0123456789',
      folder,
      enginePack: null,
      threads: 1,
      dataset: { folder: join(scratch, 'data') },
      config: config({ defence: 'natural', trainer: { epochs: 1, batchSize: 32 } }),
    };
    const kept = async (): Promise<unknown> => parse(await readFile(join(folder, 'config.yaml'), 'utf8'));
    let steps = 0;
    const impatient = {
      ...context,
      checkpoint: async (beforeStop?: () => Promise<void>) => {
        if (steps < 1) return;
        await beforeStop?.();
        throw new AppError('cancelled', 'Cancelled.');
      },
      progress: () => {
        steps += 1;
      },
    };
    await expect(runTrain({ ...job, resume: false }, impatient)).rejects.toMatchObject({ code: 'cancelled' });
    expect(await kept()).toMatchObject({ computedBy: [{ name: 'wasm', fromStep: 0, microBatches: 1 }] });
    const inParts = { ...job.config, partChanges: [{ after: 1, parts: 2 }] };
    await runTrain({ ...job, config: inParts, resume: true }, context);
    expect(await kept()).toMatchObject({
      run: 'run-0123456789',
      defence: 'natural',
      defenceSettings: { epsilon: 0.25 },
      trainer: { epochs: 1, batchSize: 32, optimizer: 'adam' },
      seed: 0,
      data: { name: 'bars', hash: dataset.manifest.hash },
      computedBy: [
        { name: 'wasm', fromStep: 0, microBatches: 1 },
        { name: 'wasm', fromStep: 1, microBatches: 2 },
      ],
    });
    await runTrain({ ...job, resume: false }, context);
    expect(await kept()).toMatchObject({ computedBy: [{ fromStep: 0 }] });
  });

  it('goes on without the thread that makes its batches: the same weights, and a note', async () => {
    const values = {
      defence: 'at',
      defenceSettings: { attackSteps: 1 },
      trainer: { epochs: 1, flip: true, cropPadding: 2 },
    };
    const weights: Buffer[] = [];
    const notes: string[] = [];
    for (const thread of [{}, { batchThread: null }]) {
      const folder = await mkdtemp(join(scratch, 'run-'));
      const onNote = (note: string): void => void notes.push(note);
      await train({ config: config(values), dataset, folder, resume: false, context, onNote, ...thread });
      weights.push(await readFile(join(folder, WEIGHTS_FILE)));
    }
    expect(Buffer.compare(weights[0]!, weights[1]!)).toBe(0);
    expect(notes).toEqual([expect.stringContaining('between the steps')]);
  });

  it('says where its time went: every step and example is in one stretch, and no more time than there was', async () => {
    const started = performance.now();
    const { folder, result } = await trained({ defenceSettings: { attackSteps: 2 } });
    const wall = performance.now() - started;
    const points = await readPoints(join(folder, METRICS_FILE));
    const stretches = points.filter((point) => point.type === 'speed');
    expect(points.at(-1)).toMatchObject({ type: 'speed', step: result.steps });
    const summary = speedSummary(stretches)!;
    expect(summary).toMatchObject({ steps: 30, examples: 5 * dataset.positions('train').length });
    const parts = Object.values(summary.time).reduce((sum, part) => sum + part, 0);
    expect(parts).toBeLessThan(wall);
    expect(parts).toBeGreaterThan(0.5 * wall);
    for (const part of ['data', 'attack', 'update', 'report', 'validation', 'checkpoint'] as const) {
      expect(summary.time[part]).toBeGreaterThan(0);
    }
    expect(summary.peakMemory).toBeGreaterThan(1e6);
  });

  it('needs a training image', async () => {
    const none = { ...dataset, positions: () => new Uint32Array() };
    const folder = await mkdtemp(join(scratch, 'run-'));
    await expect(train({ config: config({}), dataset: none, folder, resume: false, context })).rejects.toMatchObject({
      code: 'invalid-input',
    });
  });
});
