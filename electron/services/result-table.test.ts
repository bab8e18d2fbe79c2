import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import type { ExampleRecord, Threat } from '../../shared/domain/evaluation.ts';
import { openStore } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { resultTable } from './result-table.ts';

const DATASET = 'dataset-00000000';
const MODEL = 'model-00000001';
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
  for (const id of [MODEL, 'model-00000002']) {
    store.models.put(
      {
        id,
        name: id === MODEL ? 'target' : 'surrogate',
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
  settings: Record<string, number>,
  threat: Threat = 'white-box',
  first = 0,
): void {
  number += 1;
  const id = `evaluation-${String(number).padStart(8, '0')}`;
  const request = evaluationRequest.parse({
    dataset: DATASET,
    targets: [MODEL],
    source: threat === 'white-box' ? null : 'model-00000002',
    attack: { name: 'pgd', settings },
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
    restart: one ? null : 0,
    linf: 0,
    l2: 0,
    cleanConfidence: 1,
    adversarialConfidence: 1,
  }));
  const target = {
    model: MODEL,
    threat,
    examples: stands.length,
    cleanAccuracy: 1,
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
    new Map([[MODEL, records]]),
  );
}
const table = () => resultTable(store, store.datasets.get(DATASET)!);
const T = true;
const F = false;

test('the worst case is per example over all attacks, also transfers, never the smallest average', async () => {
  add([T, T, F, F], { epsilon: 0.25, steps: 40 });
  add([F, T, T, F], { epsilon: 0.25, steps: 10 });
  add([T, F, T, T], { epsilon: 0.25, steps: 40 }, 'gray-box');
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

test('only images that all white-box evaluations share are counted', async () => {
  add([T, T, T, T], { epsilon: 0.25, steps: 40 });
  add([F, T, T], { epsilon: 0.25, steps: 10 }, 'white-box', 2);
  const { worstCase, columns } = await table();
  expect(worstCase[MODEL]).toMatchObject({ accuracy: 0.5, examples: 2 });
  expect(columns.map((column) => column.label)).toEqual(['PGD-10, ε 0.25, 3 images', 'PGD-40, ε 0.25, 4 images']);
});

test('the newest of equal evaluations counts; a model without a white-box evaluation has no worst case', async () => {
  add([T, T, T, T], { epsilon: 0.25, steps: 40 }, 'black-box');
  add([T, F, F, F], { epsilon: 0.25, steps: 40 }, 'black-box');
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
    'gray-box',
  );
  const { findings } = await table();
  expect(findings).toEqual([{ severity: 'warning', text: expect.stringMatching(/target: .*gradient masking/s) }]);
});

test('deleted models are not shown', async () => {
  add([T, F], { epsilon: 0.25, steps: 40 });
  store.bin.delete([store.bin.find(MODEL)!]);
  expect(await table()).toMatchObject({ models: [], columns: [], cells: {}, worstCase: {} });
});
