import { writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainConfig } from '../../../shared/domain/training.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { readNpz } from '../arrays/npz.ts';
import { loadEngine } from '../engines/load.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { createControl } from '../jobs/control.ts';
import { buildNetwork, initialWeights } from '../models/network.ts';
import { loadWeights } from '../models/weights.ts';
import { CHECKPOINTS, checkpointName, GOOD_CHECKPOINT } from './checkpoint.ts';
import { collapseNote, createGuard, hasCollapsed, meanCosine, type Probe } from './guard.ts';
import { METRICS_FILE, readPoints } from './metrics.ts';
import { train, WEIGHTS_FILE } from './train.ts';
import { createValidator } from './validate.ts';

let scratch: string;
let dataset: PackedDataset;
beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-guard-'));
  await writeBars(join(scratch, 'data'));
  dataset = await openPacked(join(scratch, 'data'));
});
afterAll(async () => {
  dataset.close();
  await rm(scratch, { recursive: true, force: true });
});

const probe = (pgdAccuracy: number, singleStepAccuracy: number, examples = 128): Probe => ({
  pgdAccuracy,
  singleStepAccuracy,
  gradientCosine: 0.5,
  examples,
});

describe('a collapse', () => {
  it('is robustness lost to all but single steps', () => {
    expect(hasCollapsed([probe(0.4, 0.5)], probe(0, 0.95), 0.1)).toBe(true);
    expect(hasCollapsed([probe(0.1, 0.2), probe(0.3, 0.4), probe(0.2, 0.4)], probe(0.05, 0.6), 0.1)).toBe(true);
    expect(hasCollapsed([probe(0.9, 0.95)], probe(0.5, 1), 0.5)).toBe(true);
  });

  it('is none where accuracy rises, falls a little, falls under any attack, or was never above chance', () => {
    expect(hasCollapsed([], probe(0, 0.9), 0.1)).toBe(false);
    expect(hasCollapsed([probe(0.3, 0.4)], probe(0.4, 0.5), 0.1)).toBe(false);
    expect(hasCollapsed([probe(0.5, 0.6)], probe(0.4, 0.7), 0.1)).toBe(false);
    expect(hasCollapsed([probe(0.4, 0.5)], probe(0.1, 0.12), 0.1)).toBe(false);
    expect(hasCollapsed([probe(0.5, 0.5)], probe(0.04, 0.54), 0.5)).toBe(false);
    expect(hasCollapsed([probe(0.15, 0.5)], probe(0, 0.9), 0.1)).toBe(false);
  });

  it('is told with what fell, and which weights are kept', () => {
    const note = collapseNote(75, { ...probe(0.4, 0.5), gradientCosine: 0.8 }, probe(0.01, 0.97), 50);
    expect(note).toContain('step 75: accuracy under PGD fell from 40.0 % to 1.0 %');
    expect(note).toContain('97.0 % under the training’s own single step; gradient cosine 0.80 → 0.50');
    expect(note).toContain('weights of step 50');
    const stuck = collapseNote(75, probe(0.4, 0.5), probe(0.01, 0.97), 75);
    expect(stuck).toContain('No checkpoint from before could be read: the run ended with the collapsed weights.');
  });
});

describe('the gradient cosine', () => {
  it('is the mean over rows of the cosine between two rows', () => {
    const a = Float32Array.of(1, 0, 0, 2, 3, 4);
    const b = Float32Array.of(0, 5, 0, 1, -3, -4);
    expect(meanCosine(a, b, 2)).toBeCloseTo((0 + 1 - 1) / 3, 6);
    expect(meanCosine(a, a, 2)).toBeCloseTo(1, 6);
    expect(meanCosine(new Float32Array(4), Float32Array.of(1, 1, 1, 1), 2)).toBe(0);
  });
});

describe('a probe', () => {
  it('measures held-out images under PGD and one step, leaks nothing, and says the same each time', async () => {
    const network = buildNetwork('small-cnn', dataset.manifest.shape, 2);
    const weights = initialWeights(network, 1);
    const attack = { epsilon: 0.1, steps: 1, stepSize: 0.125, randomStart: true };
    const guard = createGuard(network, dataset, attack, { every: 1, attackSteps: 5 }, 3);
    const control = { checkpoint: () => Promise.resolve() };
    const before = tf.memory().numTensors;
    const [first, second] = [await guard.probe(weights, control), await guard.probe(weights, control)];
    expect(tf.memory().numTensors).toBe(before);
    expect(first).toEqual(second);
    expect(first).toMatchObject({ examples: 24 });
    expect(first!.pgdAccuracy).toBeLessThanOrEqual(first!.singleStepAccuracy);
    // Fresh weights make a loss that is close to linear.
    expect(first!.gradientCosine).toBeGreaterThan(0.5);
    guard.dispose();
    tf.dispose(Object.values(weights));
  });

  it('is null without held-out images', async () => {
    const network = buildNetwork('small-cnn', dataset.manifest.shape, 2);
    const none = { ...dataset, positions: () => new Uint32Array() };
    const attack = { epsilon: 0.1, steps: 1, stepSize: 0.125, randomStart: true };
    const guard = createGuard(network, none, attack, { every: 1, attackSteps: 5 }, 3);
    expect(await guard.probe({}, { checkpoint: () => Promise.resolve() })).toBeNull();
    guard.dispose();
  });
});

describe('a training that collapses', () => {
  // Looked at every 12 steps, validated every 15.
  const config = trainConfig.parse({
    dataset: BARS_ID,
    architecture: 'small-cnn',
    defence: 'fast-at',
    engine: 'wasm',
    deterministic: true,
    defenceSettings: { epsilon: 0.25, guardEvery: 12 },
    trainer: {
      epochs: 24,
      batchSize: 16,
      learningRate: 0.02,
      schedule: 'constant',
      epsilonWarmup: 0,
      checkpointEvery: 5,
      validationEvery: 2.5,
      validationSteps: 3,
    },
  });

  it('goes back to the weights of the last probe in good health, measures them, says so, and ends', async () => {
    const folder = await mkdtemp(join(scratch, 'run-'));
    const notes: string[] = [];
    const { context } = createControl(() => undefined);
    const onNote = (note: string): void => void notes.push(note);
    const before = tf.memory().numTensors;
    const result = await train({ config, dataset, folder, resume: false, context, onNote });
    expect(tf.memory().numTensors).toBe(before);
    const points = await readPoints(join(folder, METRICS_FILE));
    const probes = points.filter((point) => point.type === 'probe');
    expect(probes.map(({ step, collapsed }) => [step, collapsed])).toEqual(
      [12, 24, 36, 48, 60, 72, 84, 96].map((step) => [step, step === 96]),
    );
    // In step 36 it fell once, and came back.
    const [good, ...bad] = probes.slice(-3);
    for (const { pgdAccuracy, singleStepAccuracy } of bad) {
      expect(pgdAccuracy).toBeLessThan(good!.pgdAccuracy - 0.3);
      expect(singleStepAccuracy).toBeGreaterThan(0.9);
    }
    expect(result).toMatchObject({ steps: 72, stoppedEarly: true, collapsedAt: 96 });
    expect(notes.join()).toMatch(/Catastrophic overfitting at step 96.*weights of step 72/);

    const kept = await readNpz(join(folder, WEIGHTS_FILE));
    const healthy = await readNpz(join(folder, CHECKPOINTS, GOOD_CHECKPOINT));
    for (const [name, { data }] of Object.entries(kept)) expect(healthy[`weights/${name}`]!.data, name).toEqual(data);
    const numbered = (await readdir(join(folder, CHECKPOINTS))).filter((name) => name.startsWith('step-'));
    expect(numbered.at(-1)).toBe(checkpointName(72));
    // The collapse itself stays in the log.
    expect(points.findLast((point) => point.type === 'step')!.step).toBe(96);

    expect(points.flatMap((point) => (point.type === 'validation' ? [point.step] : []))).toEqual([
      15, 30, 45, 60, 75, 90,
    ]);
    const network = buildNetwork('small-cnn', dataset.manifest.shape, dataset.manifest.classes.length);
    const weights = await loadWeights(network, join(folder, WEIGHTS_FILE));
    const attack = { epsilon: 0.25, steps: 3, stepSize: (2.5 * 0.25) / 3, randomStart: true };
    const validator = createValidator(network, dataset, attack, config.seed);
    const { cleanAccuracy, adversarialAccuracy } = (await validator.run(weights, context))!;
    expect(result).toMatchObject({ cleanAccuracy, adversarialAccuracy });
    validator.dispose();
    tf.dispose(weights);
  });

  it('says so where no weights from before can be read', async () => {
    const folder = await mkdtemp(join(scratch, 'run-'));
    const notes: string[] = [];
    const { context } = createControl((message) => {
      const lost = message.type === 'point' && message.point.type === 'probe' && message.point.collapsed;
      if (lost) writeFileSync(join(folder, CHECKPOINTS, GOOD_CHECKPOINT), 'damaged');
    });
    const onNote = (note: string): void => void notes.push(note);
    const result = await train({ config, dataset, folder, resume: false, context, onNote });
    expect(result).toMatchObject({ steps: 96, collapsedAt: 96, kept: { weights: 'last', step: 96 } });
    expect(notes.join()).toMatch(
      /Catastrophic overfitting at step 96.*could be read: the run ended with the collapsed/,
    );
  });
});
