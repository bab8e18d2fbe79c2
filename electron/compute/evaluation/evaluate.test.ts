import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../shared/domain/errors.ts';
import { evaluationResult, exampleRecord } from '../../../shared/domain/evaluation.ts';
import type { EvaluationRequestInput, ExampleRecord, TargetResult } from '../../../shared/domain/evaluation.ts';
import { readNpyRows } from '../arrays/npy.ts';
import { buildNetwork, initialWeights } from '../models/network.ts';
import type { EvaluatedModel } from './check-models.ts';
import { evaluatedModel, openEvaluationBench } from './evaluation-bench.ts';
import type { EvaluationBench, Given } from './evaluation-bench.ts';
import { EVALUATION_FILES } from './files.ts';
import { KEPT_FOLDER } from './kept.ts';

let bench: EvaluationBench;
let nat: EvaluatedModel;
let adv: EvaluatedModel;
let lenet: EvaluatedModel;
let folder: string;

beforeAll(async () => {
  bench = await openEvaluationBench();
  ({ nat, adv, lenet } = bench);
});
beforeEach(async () => {
  folder = await bench.folder();
});
afterAll(() => bench.dispose());

function run(request: Partial<EvaluationRequestInput>, given: Omit<Given, 'folder'> = {}) {
  return bench.run(request, { folder, ...given });
}

async function recordsOf(id: string): Promise<ExampleRecord[]> {
  const text = await readFile(join(folder, id, EVALUATION_FILES.examples), 'utf8');
  return exampleRecord.array().parse(JSON.parse(text));
}

describe('white-box', () => {
  it('gives the contract’s result, and files that bear it out', async () => {
    const partial: TargetResult[][] = [];
    const result = await run(
      { attack: { name: 'pgd', settings: { epsilon: 0.25, steps: 6, restarts: 2 } }, examples: { count: 60 } },
      { onPartial: (targets) => partial.push([...targets]) },
    );
    expect(evaluationResult.parse(result)).toEqual(result);
    const [target] = result.targets;
    expect(target).toMatchObject({ model: adv.model.id, threat: 'white-box', examples: 60, constraintViolations: 0 });
    expect(result.indices).toEqual(Array.from({ length: 60 }, (_, index) => index));
    expect(result.settings).toMatchObject({ steps: 6, restarts: 2, stepSize: (2.5 * 0.25) / 6 });
    expect(partial.map(([entry]) => entry?.byRestart.length)).toEqual([1, 2]);
    expect(partial.at(-1)?.[0]?.robustAccuracy).toBe(target!.robustAccuracy);

    const records = await recordsOf(adv.model.id);
    expect(records.map(({ row }) => row)).toEqual(result.indices);
    expect(records.filter(({ broken }) => !broken).length / 60).toBeCloseTo(target!.robustAccuracy, 12);
    expect(records.filter((record) => record.cleanPrediction === record.label).length / 60).toBeCloseTo(
      target!.cleanAccuracy,
      12,
    );
    for (const record of records) {
      expect(record.broken).toBe(record.adversarialPrediction !== record.label);
      expect(record.linf).toBeLessThanOrEqual(0.25 + 1.2e-7);
      expect(record.firstSuccessIteration === null).toBe(!(record.attacked && record.broken));
    }
    const images = await readNpyRows(join(folder, adv.model.id, EVALUATION_FILES.adversarial));
    expect(images.shape).toEqual([60, 28, 28, 1]);
    const logits = await readNpyRows(join(folder, adv.model.id, EVALUATION_FILES.logitsClean));
    const stored = (bench.peers.adv.array('logits_clean').data as Float32Array).subarray(0, 600);
    expect(Math.max(...stored.map((value, i) => Math.abs(value - Number(logits.data[i]))))).toBeLessThan(2e-5);
  });

  it('attacks several targets one after the other', async () => {
    const work: { done: number; total: number }[] = [];
    const control = {
      checkpoint: () => Promise.resolve(),
      progress: (now: { done: number; total: number }) => void work.push(now),
    };
    const result = await run({}, { targets: [nat, adv], control });
    expect(result.targets.map(({ model }) => model)).toEqual([nat.model.id, adv.model.id]);
    expect(result.targets[0]!.robustAccuracy).toBeLessThan(result.targets[1]!.robustAccuracy);
    expect(work.at(-1)!.done).toBe(work.at(-1)!.total);
    expect(work.every(({ done, total }) => done <= total)).toBe(true);
  });

  it('noise breaks far less than PGD', async () => {
    const noise = await run({ attack: { name: 'noise', settings: { epsilon: 0.2, trials: 3 } } }, { targets: [nat] });
    const pgd = await run({}, { targets: [nat] });
    expect(noise.targets[0]!.robustAccuracy).toBeGreaterThan(pgd.targets[0]!.robustAccuracy + 0.3);
    expect(noise.targets[0]!.byRestart).toHaveLength(3);
  });

  it('takes a seeded sample, ascending and the same each time', async () => {
    const attack = { name: 'fgsm', settings: {} };
    const one = await run({ attack, examples: { count: 12, sample: true, seed: 4, split: 'validation' } });
    const two = await run({ attack, examples: { count: 12, sample: true, seed: 4, split: 'validation' } });
    const other = await run({ attack, examples: { count: 12, sample: true, seed: 5, split: 'validation' } });
    expect(two.indices).toEqual(one.indices);
    expect(other.indices).not.toEqual(one.indices);
    expect(one.indices).toEqual([...new Set(one.indices)].sort((a, b) => a - b));
    expect(Math.min(...one.indices)).toBeGreaterThanOrEqual(200);
  });

  it('attacks misclassified images only if asked to, and says so', async () => {
    const without = await run({ examples: { count: null } });
    const attack = { name: 'fgsm', settings: {} };
    const withThem = await run({ examples: { count: null }, includeMisclassified: true, attack });
    expect(without.notes.join()).not.toMatch(/attacked too/);
    expect(withThem.notes.join()).toMatch(/attacked too/);
    expect((await recordsOf(adv.model.id)).every(({ attacked }) => attacked)).toBe(true);
  });
});

describe('transfer', () => {
  it('is gray-box from the same architecture, and weaker than white-box', async () => {
    const gray = await run({ attack: { name: 'pgd', settings: { epsilon: 0.25, steps: 8 } } }, { source: nat });
    const white = await run({ attack: { name: 'pgd', settings: { epsilon: 0.25, steps: 8 } } });
    expect(gray.targets[0]!.threat).toBe('gray-box');
    expect(gray.targets[0]!.robustAccuracy).toBeGreaterThanOrEqual(white.targets[0]!.robustAccuracy);
    expect(gray.targets[0]!.finalIterateAccuracy).toBe(gray.targets[0]!.robustAccuracy);
  });

  it('is black-box from another architecture, for every target at once', async () => {
    const defended = { ...lenet, model: { ...lenet.model, defence: 'at' } };
    const result = await run({}, { source: defended, targets: [nat, adv] });
    expect(result.notes.filter((note) => /untrained is defended \(at\)/.test(note))).toHaveLength(1);
    expect(result.targets.map(({ threat }) => threat)).toEqual(['black-box', 'black-box']);
    const [a, b] = await Promise.all(
      [nat, adv].map(async ({ model }) => readNpyRows(join(folder, model.id, 'adversarial.npy'))),
    );
    const records = [await recordsOf(nat.model.id), await recordsOf(adv.model.id)] as const;
    const both = records[0].filter((record, row) => record.attacked && records[1][row]!.attacked).map(({ row }) => row);
    for (const row of both) {
      const [from, to] = [row * 784, (row + 1) * 784];
      expect(a!.data.subarray(from, to)).toEqual(b!.data.subarray(from, to));
    }
  });

  it.each([
    ['under the same id', () => ({ source: adv, targets: [adv] })],
    [
      'as a copy of its weights',
      () => ({ source: evaluatedModel('run-copycopy', 'copy', bench.peers.adv), targets: [nat, adv] }),
    ],
  ])('from the target itself, %s, is refused', async (_, given) => {
    await expect(run({}, given())).rejects.toMatchObject({ code: 'source-is-target' });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('what cannot be evaluated', () => {
  it.each([
    ['an unknown attack', { attack: { name: 'magic', settings: {} } }, {}, 'invalid-input', /no attack "magic"/],
    [
      'a bad setting',
      { attack: { name: 'pgd', settings: { epsilon: -1 } } },
      {},
      'invalid-input',
      /epsilon: must be at least 0/,
    ],
  ] as const)('%s is refused by name', async (_, request, given, code, message) => {
    await expect(run(request, given)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('a target named twice, or of another image size, is refused', async () => {
    await expect(run({}, { targets: [adv, adv] })).rejects.toMatchObject({ code: 'invalid-input' });
    const network = buildNetwork('small-cnn', [32, 32, 3], 10);
    const colour = evaluatedModel('run-colourco', 'colour', { network, weights: initialWeights(network, 0) });
    await expect(run({}, { targets: [colour] })).rejects.toMatchObject({
      code: 'wrong-architecture',
      message: expect.stringMatching(/32×32×3.*digits has 28×28×1/) as string,
    });
    tf.dispose(Object.values(colour.weights));
  });
});

describe('a cancelled evaluation', () => {
  it('that had found nothing yet leaves no file and no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const control = {
      checkpoint: () => Promise.reject(new AppError('cancelled', 'Cancelled.')),
      progress: () => undefined,
    };
    await expect(run({}, { control })).rejects.toMatchObject({ code: 'cancelled' });
    expect(await readdir(folder)).toEqual([]);
    expect(tf.memory().numTensors).toBe(before);
  });

  /** Every file of the evaluation's folder, by name. */
  async function filesOf(): Promise<Map<string, Buffer>> {
    const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort();
    return new Map(
      await Promise.all(paths.map(async (path) => [path.slice(folder.length), await readFile(path)] as const)),
    );
  }

  const stochastic = { attack: { name: 'pgd', settings: { epsilon: 0.2, steps: 4, restarts: 3 } }, batchSize: 10 };
  it.each<[string, Partial<EvaluationRequestInput>, { readonly partBytes: number; readonly transfer?: boolean }]>([
    ['white-box on two models, in several parts', stochastic, { partBytes: 20 * 784 * 4 }],
    ['a transfer', { ...stochastic, examples: { count: 30 } }, { partBytes: 10 * 784 * 4, transfer: true }],
    [
      'a search whose rows leave the batch',
      { attack: { name: 'square', settings: { epsilon: 0.2, queries: 40, restarts: 2 } }, batchSize: 10 },
      { partBytes: 20 * 784 * 4 },
    ],
  ])('goes on from wherever it was stopped, to the same bytes: %s', async (_, request, { transfer, ...given }) => {
    const models = transfer ? { source: lenet, targets: [nat, adv] } : { targets: [nat, adv] };
    const whole = await run(request, { ...models, ...given });
    const expected = await filesOf();
    expect([...expected.keys()].filter((name) => !name.includes(KEPT_FOLDER))).toHaveLength(8);
    await rm(folder, { recursive: true });
    await mkdir(folder);
    // Each process dies after a few steps more than the one before: at other places each time.
    let stops = 0;
    for (let patience = 3; ; patience += 2) {
      let left = patience;
      const control = {
        checkpoint: async (beforeStop?: () => Promise<void>) => {
          left -= 1;
          if (left > 0) return;
          await beforeStop?.();
          throw new AppError('cancelled', 'Cancelled.');
        },
        progress: () => undefined,
      };
      const result = await run(request, { ...models, ...given, control }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'cancelled' });
        stops += 1;
        return null;
      });
      if (!result) continue;
      expect({ ...result, seconds: 0, speed: null }).toEqual({ ...whole, seconds: 0, speed: null });
      break;
    }
    expect(stops).toBeGreaterThan(3);
    const found = await filesOf();
    expect([...found.keys()]).toEqual([...expected.keys()]);
    for (const [name, bytes] of found) expect(bytes.equals(expected.get(name)!), name).toBe(true);
  });

  it('does not go on from the state of another request', async () => {
    let finished = 0;
    const control = {
      checkpoint: () => (finished > 0 ? Promise.reject(new AppError('cancelled', 'Cancelled.')) : Promise.resolve()),
      progress: () => undefined,
    };
    const interrupted = run({}, { targets: [nat, adv], control, onPartial: () => (finished += 1) });
    await expect(interrupted).rejects.toMatchObject({ code: 'cancelled' });
    expect(await readdir(folder)).toContain('state');
    const other = await run({ seed: 1 }, { targets: [nat, adv] });
    const state = await readdir(folder);
    expect(state).not.toContain('state');
    await rm(folder, { recursive: true });
    await mkdir(folder);
    const fresh = await run({ seed: 1 }, { targets: [nat, adv] });
    expect(fresh.targets).toEqual(other.targets);
    const told = [other, fresh].map(({ notes }) => notes.some((note) => note.startsWith('This evaluation began anew')));
    expect(told).toEqual([true, false]);
  });
});

describe('in survivors of earlier evaluations', () => {
  it('what they broke is not attacked again, counts as broken, and has the x’ of then', async () => {
    const attack = { name: 'pgd', settings: { epsilon: 0.2, steps: 8, restarts: 2 } };
    await run({ attack: { name: 'fgsm', settings: { epsilon: 0.2 } } });
    const first = folder;
    const earlier = await recordsOf(adv.model.id);
    folder = await bench.folder();
    const carry = [{ evaluation: 'evaluation-00000001', folder: first, models: [adv.model.id] }];
    const result = await run({ attack }, { carry });
    const records = await recordsOf(adv.model.id);
    const broken = earlier.filter((record) => record.broken && record.cleanPrediction === record.label);
    expect(broken.length).toBeGreaterThan(0);
    expect(result.targets[0]!.carried).toBe(broken.length);
    expect(evaluationResult.parse(result)).toEqual(result);
    const images = await readNpyRows(join(folder, adv.model.id, EVALUATION_FILES.adversarial));
    const before = await readNpyRows(join(first, adv.model.id, EVALUATION_FILES.adversarial));
    for (const { row } of broken) {
      expect(records[row]).toEqual({ ...earlier[row], attacked: false, carriedFrom: 'evaluation-00000001' });
      const own = images.data.subarray(row * 784, (row + 1) * 784);
      expect(own).toEqual(before.data.subarray(row * 784, (row + 1) * 784));
    }
    folder = await bench.folder();
    await run({ attack });
    const alone = await recordsOf(adv.model.id);
    const union = alone.map((record, row) => record.broken || earlier[row]!.broken);
    expect(records.map((record) => record.broken)).toEqual(union);
  });
});
