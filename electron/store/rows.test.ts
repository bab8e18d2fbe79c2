import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DatasetManifest } from '../../shared/domain/dataset.ts';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import type { EvaluationResult, ExampleRecord, TargetResult } from '../../shared/domain/evaluation.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import { openStore } from './store.ts';
import type { Store } from './store.ts';

let root: string;
let store: Store;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-rows-'));
  store = openStore(root);
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true });
});

const DATASET = 'dataset-00000000';
const MODELS = ['run-00000001', 'run-00000002'];

function addDataset(): void {
  const manifest: DatasetManifest = {
    format: 1,
    id: DATASET,
    name: 'digits',
    images: 10,
    shape: [2, 2, 1],
    classes: ['0', '1'],
    splits: { train: 6, validation: 2, test: 2 },
    classCounts: [5, 5],
    source: { kind: 'idx', paths: [], attribution: null },
    splitSeed: 0,
    hash: 'a'.repeat(64),
    skipped: [],
    created: '2026-01-01T00:00:00.000Z',
  };
  store.datasets.add(manifest, 70);
}

function addRun(id: string): void {
  store.jobs.add({ id, kind: 'train', title: `Train ${id}`, creator: 'me' });
  const config = trainConfig.parse({ dataset: DATASET, architecture: 'small-cnn', defence: 'natural' });
  store.runs.add({ id, name: id, config, created: `2026-01-01T00:00:0${id.at(-1)}.000Z` });
}

function addModel(id: string): void {
  addRun(id);
  store.models.put(
    {
      id,
      name: id,
      origin: 'run',
      architecture: 'small-cnn',
      defence: 'natural',
      dataset: DATASET,
      inputShape: [2, 2, 1],
      classes: 2,
      parameters: 1,
      seed: 0,
      colour: 0,
      created: '2026-01-01T00:00:00.000Z',
    },
    'runs/x/weights.npz',
  );
}

function addEvaluation(id: string, targets: readonly string[]): void {
  store.jobs.add({ id, kind: 'evaluate', title: id, creator: 'me' });
  const request = evaluationRequest.parse({ dataset: DATASET, targets, attack: { name: 'pgd' } });
  store.evaluations.add({ id, name: id, request, created: '2026-01-01T00:00:00.000Z' });
}

test('waiting jobs move among themselves; the others keep their place', () => {
  addDataset();
  for (const n of [1, 2, 3, 4]) addRun(`run-0000000${n}`);
  store.jobs.update('run-00000001', { state: 'running' });
  store.jobs.move('run-00000004', 0);
  store.jobs.move('run-00000002', 9);
  expect(store.jobs.inState('waiting').map((job) => [job.id.at(-1), job.position])).toEqual([
    ['4', 0],
    ['3', 1],
    ['2', 2],
  ]);
  expect(store.jobs.get('run-00000001')).toMatchObject({ position: -1, state: 'running' });
  store.jobs.toEnd('run-00000004');
  expect(store.jobs.inState('waiting').map((job) => job.id.at(-1))).toEqual(['3', '2', '4']);
});

test('a job is claimed by the holder of the lease only, and changes only from the stage it is in', () => {
  addDataset();
  for (const n of [1, 2]) addRun(`run-0000000${n}`);
  const [id, other] = ['run-00000001', 'run-00000002'];
  expect(store.jobs.claim(id, 'mine')).toBe(false);
  store.lease.acquire('mine');
  expect(store.jobs.claim(id, 'theirs')).toBe(false);
  expect(store.jobs.updateIf(id, 'started', { wish: 'pause' })).toBe(false);
  expect(store.jobs.claim(id, 'mine')).toBe(true);
  expect(store.jobs.claim(id, 'mine')).toBe(false);
  expect(store.jobs.updateIf(id, 'waiting', { state: 'paused' })).toBe(false);
  expect(store.jobs.updateIf(id, 'unstarted', { state: 'cancelled' })).toBe(false);
  expect(store.jobs.updateIf(id, 'resumable', { state: 'waiting' })).toBe(false);
  expect(store.jobs.updateIf(id, 'started', { state: 'paused' })).toBe(true);
  expect(store.jobs.updateIf(id, 'unstarted', { state: 'cancelled' })).toBe(false);
  expect(store.jobs.updateIf(other, 'waiting', { state: 'paused' })).toBe(true);
  expect(store.jobs.updateIf(other, 'resumable', { state: 'waiting' })).toBe(true);
  expect(store.jobs.updateIf(other, 'unstarted', { state: 'cancelled' })).toBe(true);
  expect([id, other].map((each) => store.jobs.get(each)?.state)).toEqual(['paused', 'cancelled']);
});

test('a run takes its state, engine and error from its job; colours go round', () => {
  addDataset();
  for (let n = 1; n <= 9; n += 1) addRun(`run-0000000${n}`);
  expect(store.runs.list().map((run) => run.colour)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 0]);
  const error = { code: 'job-crashed' as const, message: 'gone' };
  store.jobs.update('run-00000001', { state: 'interrupted', error, ended: '2026-01-02T00:00:00.000Z' });
  store.runs.setCheckpoint('run-00000001', 50);
  expect(store.runs.get('run-00000001')).toMatchObject({
    state: 'interrupted',
    error,
    checkpointStep: 50,
    result: null,
  });
});

const target = (model: string): TargetResult => ({
  model,
  threat: 'white-box',
  examples: 4,
  cleanAccuracy: 0.75,
  cleanInterval: [0.5, 1],
  robustAccuracy: 0.25,
  robustInterval: [0, 0.5],
  finalIterateAccuracy: 0.5,
  byRestart: [0.25],
  perturbation: { linfMax: 0.25, l2Mean: 1, l2Median: 1 },
  nonFiniteGradients: 0,
  constraintViolations: 0,
});
const record = (row: number, change: Partial<ExampleRecord> = {}): ExampleRecord => ({
  index: 100 - row,
  row,
  label: 1,
  cleanPrediction: 1,
  adversarialPrediction: 0,
  broken: true,
  attacked: true,
  firstSuccessIteration: row,
  restart: 0,
  linf: row / 10,
  l2: row,
  l1: 2 * row,
  distance: null,
  survives8Bit: null,
  carriedFrom: null,
  cleanConfidence: 0.9,
  adversarialConfidence: 0.8,
  queries: null,
  ...change,
});
const result: EvaluationResult = {
  targets: [target(MODELS[0]!)],
  indices: [100, 99, 98, 97],
  settings: {},
  notes: [],
  engine: { name: 'wasm', version: '', device: '', threads: 1, deterministic: true },
  seconds: 1,
};
const RECORDS = [
  record(0),
  record(1, { queries: 312, distance: 0.5, survives8Bit: true, carriedFrom: 'evaluation-00000009' }),
  record(2, { broken: false, firstSuccessIteration: null, restart: null, adversarialPrediction: 1 }),
  record(3, { cleanPrediction: 0, attacked: false, firstSuccessIteration: null }),
];

test('examples are filtered, sorted and paged; those without a value come last', () => {
  addDataset();
  addEvaluation('evaluation-00000000', [MODELS[0]!]);
  store.evaluations.setResult('evaluation-00000000', result, new Map([[MODELS[0]!, RECORDS]]));
  const page = (change: object) => {
    const { total, examples } = store.evaluations.examples({
      evaluation: 'evaluation-00000000',
      model: MODELS[0]!,
      show: 'all',
      sort: 'index',
      descending: false,
      offset: 0,
      limit: 10,
      ...change,
    });
    return [total, examples.map((example) => example.row)];
  };
  expect(page({})).toEqual([4, [3, 2, 1, 0]]);
  expect(page({ sort: 'linf', descending: true, limit: 2, offset: 1 })).toEqual([4, [2, 1]]);
  expect(page({ sort: 'firstSuccess', descending: true })).toEqual([4, [1, 0, 2, 3]]);
  expect(page({ sort: 'distance' })).toEqual([4, [1, 0, 2, 3]]);
  expect(page({ show: 'broken' })).toEqual([3, [3, 1, 0]]);
  expect(page({ show: 'survived' })).toEqual([1, [2]]);
  expect(page({ show: 'misclassified' })).toEqual([1, [3]]);
  const { label, adversarialPrediction } = RECORDS[0]!;
  expect(page({ label })).toEqual([4, [3, 2, 1, 0]]);
  expect(page({ label: label + 1 })).toEqual([0, []]);
  expect(page({ before: 0 })).toEqual([1, [3]]);
  expect(page({ after: adversarialPrediction, before: label })).toEqual([2, [1, 0]]);
  expect(page({ after: label, show: 'survived' })).toEqual([1, [2]]);
  expect(store.evaluations.examples({ ...query, limit: 1 }).examples).toEqual([RECORDS[3]]);
  expect(store.evaluations.records('evaluation-00000000', MODELS[0]!)).toEqual(RECORDS);
  expect([...store.evaluations.survival('evaluation-00000000', MODELS[0]!)]).toEqual([
    [100, false],
    [99, false],
    [98, true],
    [97, false],
  ]);
});
const query = {
  evaluation: 'evaluation-00000000',
  model: 'run-00000001',
  show: 'all',
  sort: 'index',
  descending: false,
  offset: 0,
  limit: 10,
} as const;

test('a result replaces the one before, whole', () => {
  addDataset();
  addEvaluation('evaluation-00000000', [MODELS[0]!]);
  store.evaluations.setResult('evaluation-00000000', result, new Map([[MODELS[0]!, RECORDS]]));
  store.evaluations.setResult('evaluation-00000000', result, new Map([[MODELS[0]!, RECORDS.slice(0, 1)]]));
  expect(store.evaluations.examples(query).total).toBe(1);
  store.evaluations.clear('evaluation-00000000');
  expect(store.evaluations.get('evaluation-00000000')).toMatchObject({ result: null, partial: [] });
  expect(store.evaluations.examples(query).total).toBe(0);
});

test('what is deleted together comes back together; shared numbers stay', () => {
  addDataset();
  for (const id of MODELS) addModel(id);
  addEvaluation('evaluation-00000001', [MODELS[0]!]);
  addEvaluation('evaluation-00000002', MODELS);
  const run = store.bin.find(MODELS[0]!)!;
  expect(store.bin.dependents(run).map((entity) => entity.id)).toEqual(['evaluation-00000001']);
  store.bin.delete([run, ...store.bin.dependents(run)]);
  expect(store.models.list().map((model) => model.id)).toEqual([MODELS[1]]);
  expect(store.evaluations.list().map((evaluation) => evaluation.id)).toEqual(['evaluation-00000002']);
  expect(store.jobs.list().map((job) => job.id)).not.toContain(MODELS[0]);
  expect(store.bin.restore('evaluation-00000001')).toBe(true);
  expect(store.models.list()).toHaveLength(2);
  expect(store.evaluations.list()).toHaveLength(2);
  expect(store.bin.restore('evaluation-00000001')).toBe(false);
});

test('restoring a run brings its data set back', () => {
  addDataset();
  addModel(MODELS[0]!);
  store.bin.delete([store.bin.find(MODELS[0]!)!]);
  store.bin.delete([store.bin.find(DATASET)!]);
  expect(store.bin.restore(MODELS[0]!)).toBe(true);
  expect(store.datasets.get(DATASET)).toBeDefined();
});

test('a name is changed wherever it is shown, and the bin can be emptied for good', () => {
  addDataset();
  addModel(MODELS[0]!);
  store.bin.rename(store.bin.find(MODELS[0]!)!, 'better');
  expect(store.runs.get(MODELS[0]!)?.name).toBe('better');
  expect(store.models.get(MODELS[0]!)?.name).toBe('better');
  store.bin.rename(store.bin.find(DATASET)!, 'figures');
  expect(store.datasets.get(DATASET)?.manifest.name).toBe('figures');
  const run = store.bin.find(MODELS[0]!)!;
  store.bin.delete([run]);
  expect(store.bin.deletedBefore('2000-01-01')).toEqual([]);
  expect(store.bin.deletedBefore('9999-01-01').map((one) => one.id)).toEqual([MODELS[0]]);
  store.bin.purge(run);
  expect(store.bin.restore(MODELS[0]!)).toBe(false);
  expect(store.jobs.get(MODELS[0]!)).toBeUndefined();
});
