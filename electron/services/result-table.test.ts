import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import type { EvaluationRequestInput, ExampleRecord, Threat } from '../../shared/domain/evaluation.ts';
import { openStore } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { resultTable } from './result-table.ts';

const DATASET = 'dataset-00000000';
const MODEL = 'model-00000001';
const OTHER = 'model-00000003';
const NOTHING_STRONG = expect.stringMatching(/^Neither an attack with gradients/) as string;
let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-table-'));
  store = openStore(root);
  store.datasets.add(
    {
      format: 1,
      id: DATASET,
      name: 'digits',
      images: 100,
      shape: [2, 2, 1],
      classes: ['0', '1'],
      splits: { train: 60, validation: 20, test: 20 },
      classCounts: [50, 50],
      source: { kind: 'idx', paths: [], attribution: null },
      splitSeed: 0,
      hash: 'a'.repeat(64),
      skipped: [],
      created: '2026-01-01T00:00:00.000Z',
    },
    1,
  );
  for (const id of [MODEL, 'model-00000002', OTHER]) {
    store.models.put(
      {
        id,
        name: id === 'model-00000002' ? 'surrogate' : id === MODEL ? 'target' : 'other',
        origin: 'imported',
        architecture: 'small-cnn',
        defence: null,
        dataset: DATASET,
        inputShape: [2, 2, 1],
        classes: 2,
        parameters: 1,
        seed: null,
        colour: 0,
        created: '2026-01-01T00:00:00.000Z',
      },
      'x.npz',
    );
  }
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true });
});

let number = 0;
/** A finished evaluation on positions 0, 1, …; `stands` tells for each whether it withstood. */
function add(
  stands: readonly boolean[],
  settings: Record<string, number | string>,
  given: {
    readonly attack?: string;
    readonly goal?: EvaluationRequestInput['goal'];
    readonly threat?: Threat;
    readonly first?: number;
    readonly model?: string;
    readonly clean?: number;
    readonly seed?: number;
    readonly examples?: EvaluationRequestInput['examples'];
  } = {},
): void {
  const { threat = 'white-box', first = 0, model = MODEL } = given;
  number += 1;
  const id = `evaluation-${String(number).padStart(8, '0')}`;
  const request = evaluationRequest.parse({
    dataset: DATASET,
    targets: [model],
    source: threat === 'white-box' ? null : 'model-00000002',
    attack: { name: given.attack ?? 'pgd', settings },
    ...(given.goal && { goal: given.goal }),
    ...(given.seed !== undefined && { seed: given.seed }),
    ...(given.examples && { examples: given.examples }),
  });
  const created = new Date(Date.UTC(2026, 0, 1, 0, 0, number)).toISOString();
  store.jobs.add({ id, kind: 'evaluate', title: id, creator: 'me' });
  store.evaluations.add({ id, name: id, request, created });
  const accuracy = stands.filter((one) => one).length / stands.length;
  const records = stands.map((one, row): ExampleRecord => ({
    index: first + row,
    row,
    label: 0,
    cleanPrediction: 0,
    adversarialPrediction: one ? 0 : 1,
    broken: !one,
    attacked: true,
    firstSuccessIteration: one ? null : 1,
    queries: null,
    restart: one ? null : 0,
    linf: 0,
    l2: 0,
    l1: 0,
    distance: null,
    survives8Bit: null,
    carriedFrom: null,
    cleanConfidence: 1,
    adversarialConfidence: 1,
  }));
  const target = {
    model,
    threat,
    examples: stands.length,
    cleanAccuracy: given.clean ?? 1,
    cleanInterval: [0.5, 1] as [number, number],
    robustAccuracy: accuracy,
    robustInterval: [0, 1] as [number, number],
    finalIterateAccuracy: accuracy,
    byRestart: [accuracy],
    perturbation: { linfMax: 0.1, l2Mean: 0, l2Median: 0 },
    nonFiniteGradients: 0,
    constraintViolations: 0,
  };
  store.evaluations.setResult(
    id,
    {
      targets: [target],
      indices: records.map((record) => record.index),
      settings: {},
      notes: [],
      engine: { name: 'wasm', version: '', device: '', threads: 1, deterministic: false },
      seconds: 1,
    },
    new Map([[model, records]]),
  );
}
const table = () => resultTable(store, store.datasets.get(DATASET)!);
const T = true;
const F = false;

test('the worst case is per example over all attacks, also transfers, never the smallest average', async () => {
  add([T, T, F, F], { epsilon: 0.25, steps: 40 });
  add([F, T, T, F], { epsilon: 0.25, steps: 10 });
  add([T, F, T, T], { epsilon: 0.25, steps: 40 }, { threat: 'gray-box' });
  const { worstCase, cells, columns } = await table();
  expect(Object.values(cells[MODEL] ?? {}).map((cell) => cell.robustAccuracy)).toEqual([0.5, 0.5, 0.75]);
  expect(worstCase[MODEL]).toMatchObject({ accuracy: 0, examples: 4 });
  expect(columns.map((column) => column.label)).toEqual([
    'PGD-10, ε 0.25',
    'PGD-40, ε 0.25',
    'PGD-40, ε 0.25 from surrogate',
  ]);
});

test('a success at a smaller ε counts at the larger one, not the other way round', async () => {
  add([T, T, T, F], { epsilon: 0.1, steps: 40 });
  add([F, F, T, T], { epsilon: 0.25, steps: 40 });
  add([F, F, T, T], { epsilon: 0.25, steps: 50 });
  add([F, F, F, F], { epsilon: 0.5, steps: 40 });
  expect((await table()).worstCase[MODEL]).toMatchObject({ accuracy: 0.25, examples: 4 });
});

test('one ε and one set of images hold for all models; other numbers are not counted', async () => {
  add([T, T, T, F], { epsilon: 0.25, steps: 40 });
  add([T, T, F, F], { epsilon: 0.25, steps: 40 }, { model: OTHER });
  add([F, F], { epsilon: 0.25, steps: 10 }, { first: 2 });
  add([F, F, F, F], { epsilon: 0.5, steps: 40 }, { model: OTHER });
  const { worstBasis, worstCase, columns } = await table();
  expect(worstBasis).toEqual({ norm: 'linf', epsilon: 0.25, examples: 4, split: 'test' });
  expect(worstCase).toMatchObject({
    [MODEL]: { accuracy: 0.75, examples: 4, epsilon: 0.25, attacks: 1, weak: NOTHING_STRONG },
    [OTHER]: { accuracy: 0.5, examples: 4, epsilon: 0.25, attacks: 1, weak: NOTHING_STRONG },
  });
  expect(columns.map((column) => column.label)).toEqual([
    'PGD-10, ε 0.25, 2 images',
    'PGD-40, ε 0.25, 4 images',
    'PGD-40, ε 0.5, 4 images',
  ]);
});

test('balls of other norms, what no ball bounds, and attacks after one class are no part of a worst case’s ball', async () => {
  add([T, T, T, F], { epsilon: 0.25, steps: 40 });
  add([T, T, T, F], { epsilon: 0.25, steps: 10 });
  add([F, F, F, F], { epsilon: 0.2, steps: 40, norm: 'l2' });
  add([F, F, T, T], {}, { attack: 'spatial' });
  // An x' that reaches the class is a success all the same.
  add([F, T, T, T], { epsilon: 0.25, steps: 20 }, { goal: 'least-likely' });
  const { worstBasis, worstCase } = await table();
  expect(worstBasis).toMatchObject({ norm: 'linf', epsilon: 0.25 });
  expect(worstCase[MODEL]).toMatchObject({ accuracy: 0.5, attacks: 3 });
});

test('an attack after one class alone is no ground for a worst case', async () => {
  add([T, T, T, F], { epsilon: 0.25, steps: 40 }, { goal: 'random' });
  expect(await table()).toMatchObject({ worstBasis: null, worstCase: {} });
});

test('of two values of ε that are as common the larger one is taken; a model without it has no worst case', async () => {
  add([T, T], { epsilon: 0.1, steps: 40 });
  add([T, F], { epsilon: 0.3, steps: 40 }, { model: OTHER });
  const { worstBasis, worstCase } = await table();
  expect(worstBasis?.epsilon).toBe(0.3);
  expect(Object.keys(worstCase)).toEqual([OTHER]);
});

test('clean accuracy is that of the images of the worst case, else of the most images, with their number', async () => {
  add([T, T, T, T], { epsilon: 0.25, steps: 40 }, { clean: 0.75 });
  add([T, T], { epsilon: 0.25, steps: 40 }, { threat: 'gray-box', clean: 0.5 });
  add([T, T, T], { epsilon: 0.25, steps: 40 }, { model: OTHER, threat: 'black-box', clean: 0.9 });
  add([T], { epsilon: 0.25, steps: 40 }, { model: OTHER, threat: 'black-box', clean: 1 });
  const { clean, cleanExamples } = await table();
  expect(clean).toEqual({ [MODEL]: 0.75, [OTHER]: 0.9 });
  expect(cleanExamples).toEqual({ [MODEL]: 4, [OTHER]: 3 });
});

test('columns name the part of the data set where it is not the test part', async () => {
  add([T, T], { epsilon: 0.25, steps: 40 }, { examples: { split: 'validation', sample: true, seed: 7 } });
  expect((await table()).columns[0]?.label).toBe('PGD-40, ε 0.25, validation images');
  add([T, T, T], { epsilon: 0.25, steps: 40 });
  const { columns, cells } = await table();
  expect(columns.map((column) => column.label)).toEqual([
    'PGD-40, ε 0.25, 2 validation images (sample 7)',
    'PGD-40, ε 0.25, 3 images',
  ]);
  expect(Object.values(cells[MODEL] ?? {}).map((cell) => cell.split)).toEqual(['validation', 'test']);
});

test('a success is carried to a larger ε of the same attack, step rule and images, and to no other', async () => {
  add([F, T, T, T], { epsilon: 0.1, steps: 40 });
  add([T, T, T, F], { epsilon: 0.2, steps: 40 });
  add([T, T, T, T], { epsilon: 0.3, steps: 40 });
  add([T, T, T, T], { epsilon: 0.3, steps: 10 });
  add([T, T, T, T], { epsilon: 0.3, steps: 40, stepSize: 0.2 });
  add([T, T, T, T], { epsilon: 0.3, steps: 40 }, { first: 4 });
  const { cells, columns, findings } = await table();
  const shown = columns.map(({ key, epsilon }) => [
    epsilon,
    cells[MODEL]?.[key]?.robustAccuracy,
    cells[MODEL]?.[key]?.carried,
  ]);
  expect(shown.toSorted()).toEqual(
    [
      [0.1, 0.75, 0],
      [0.2, 0.5, 1],
      [0.3, 0.5, 2],
      [0.3, 1, 0],
      [0.3, 1, 0],
      [0.3, 1, 0],
    ].toSorted(),
  );
  expect(findings).toEqual([]);
});

test('columns of one absolute or one relative step size are a family', async () => {
  add([T], { epsilon: 0.1, steps: 40, stepSize: 0.01 });
  add([T], { epsilon: 0.2, steps: 40, stepSize: 0.01 });
  add([T], { epsilon: 0.2, steps: 40, stepSize: 0.02 });
  const [first, ...others] = (await table()).columns;
  const shared = others.map(({ families }) => families.filter((family) => first?.families.includes(family)).length);
  expect(shared).toEqual([1, 1]);
});

test('a cell names all that it rests on, with the step size that was used', async () => {
  add([T], { epsilon: 0.2 }, { seed: 5 });
  expect(Object.values((await table()).cells[MODEL] ?? {})).toEqual([
    expect.objectContaining({
      attack: { name: 'pgd', settings: { epsilon: 0.2 } },
      settings: expect.objectContaining({ epsilon: 0.2, steps: 40, stepSize: 0.0125, restarts: 1 }) as unknown,
      seed: 5,
      split: 'test',
      engine: expect.objectContaining({ name: 'wasm' }) as unknown,
      notes: [],
    }),
  ]);
});

test('a cell says that its source is of unknown training', async () => {
  add([T], { epsilon: 0.2 }, { threat: 'gray-box' });
  expect(Object.values((await table()).cells[MODEL] ?? {})[0]?.notes).toEqual([
    expect.stringMatching(/How the source surrogate was trained is not known/),
  ]);
});

test('the newest of equal evaluations counts; a model without a white-box evaluation has no worst case', async () => {
  add([T, T, T, T], { epsilon: 0.25, steps: 40 }, { threat: 'black-box' });
  add([T, F, F, F], { epsilon: 0.25, steps: 40 }, { threat: 'black-box' });
  const { cells, worstCase } = await table();
  expect(Object.values(cells[MODEL] ?? {}).map((cell) => cell.robustAccuracy)).toEqual([0.25]);
  expect(worstCase).toEqual({});
});

test('a transfer that breaks far more than the white-box attack is a finding', async () => {
  add(
    Array.from({ length: 40 }, () => T),
    { epsilon: 0.25, steps: 40 },
  );
  add(
    Array.from({ length: 40 }, () => F),
    { epsilon: 0.25, steps: 40 },
    { threat: 'gray-box' },
  );
  const { findings } = await table();
  expect(findings).toEqual([{ severity: 'warning', text: expect.stringMatching(/target: .*gradient masking/s) }]);
});

test('deleted models are not shown', async () => {
  add([T, F], { epsilon: 0.25, steps: 40 });
  store.bin.delete([store.bin.find(MODEL)!]);
  expect(await table()).toMatchObject({ models: [], columns: [], cells: {}, worstCase: {}, worstBasis: null });
});
