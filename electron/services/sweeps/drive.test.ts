import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluationRequest } from '../../../shared/domain/evaluation.ts';
import { sweepRequest } from '../../../shared/domain/sweep.ts';
import type { SweepRequest } from '../../../shared/domain/sweep.ts';
import { forkLauncher } from '../launch-fork.ts';
import type { Library } from '../library.ts';
import { openLibrary } from '../open-library.ts';
import { exportSweep } from './exports.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-sweeps-'));
const launcher = forkLauncher(join(import.meta.dirname, '../../compute/job-host.ts'));
let library: Library;
beforeAll(async () => {
  library = await openLibrary(root, { launcher });
});
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

const request = (): SweepRequest =>
  sweepRequest.parse({
    name: 'Mixed',
    dataset: library.datasets.list()[0]?.id ?? '',
    base: {
      architecture: 'small-cnn',
      batchSize: 16,
      trainLimit: 160,
      epochs: 1,
      validationEvery: 1,
      validationSteps: 1,
    },
    list: [{ defence: 'natural' }, { defence: 'm-pgd', attackSteps: 1 }],
    evaluate: { attacks: ['fgsm'], epsilons: [0.1], examples: { count: 20 } },
    check: { depth: 'quick', epsilon: 0.1, examples: 12 },
    engine: 'wasm',
  });

const more = { split: 'test', count: 60, sample: false, seed: 0 } as const;

/** The same with a training that diverges. */
const diverging = (): SweepRequest => {
  const { list = [], ...others } = request();
  const [natural = {}] = list;
  return {
    ...others,
    list: [natural, { defence: 'clp', lambda: 1000, learningRate: 10, learningRateWarmup: 0.9, epochs: 4 }],
  };
};

test('before anything was measured on this computer, a preview says that the time is unknown', async () => {
  const { seconds, time } = await library.sweeps.preview(request());
  expect(time).toEqual({ trainings: null, evaluations: null, galleries: 0, checks: null });
  expect(seconds).toBeNull();
});

test('what fails is named, the rest is trained, evaluated and checked; again, only what failed is tried', async () => {
  const { id, known } = await library.sweeps.create(diverging());
  expect(known).toBe(false);
  const { trainings, evaluations, checks } = await library.sweeps.progress(id);
  expect([trainings.missing, evaluations.missing, checks.missing]).toEqual([2, 1, 2]);
  const said: string[] = [];
  const { failed } = await library.sweeps.run(id, (text) => said.push(text));
  expect(said).toEqual(['2 trainings', '1 evaluations', '1 masking checks']);
  expect(failed).toEqual([
    { title: expect.stringMatching(/^Train Mixed: clp/), message: expect.stringMatching(/step/) },
  ]);

  const none = { waiting: 0, running: 0, done: 0, failed: 0, missing: 0 };
  expect(await library.sweeps.progress(id)).toEqual({
    trainings: { ...none, done: 1, failed: 1 },
    evaluations: { ...none, done: 1 },
    galleries: none,
    checks: { ...none, done: 1 },
  });

  const table = await library.sweeps.table(id);
  expect(table.columns.map(({ label }) => label)).toEqual(['clean', 'FGSM, ε 0.1', 'worst case, ε 0.1']);
  const [natural, pairing] = table.rows;
  expect(natural).toMatchObject({ label: 'natural, epochs 1', seeds: [0] });
  expect(natural?.models).toHaveLength(1);
  expect(natural?.checks).toEqual([library.checks.list()[0]?.result?.verdict]);
  expect(natural?.cells['clean']).toMatchObject({ std: null, seeds: 1, examples: 20 });
  expect(pairing).toMatchObject({ models: [], cells: {}, checks: [] });
  expect(exportSweep(table, 'markdown')).toMatch(/\n\| clp.* \| not run \| not run \| not run \| +\| – \| – \|\n/);

  const jobs = library.jobs.list().map((job) => job.id);
  expect(await library.sweeps.create(diverging())).toEqual({ id, known: true });
  expect((await library.sweeps.run(id, () => undefined)).failed).toEqual(failed);
  expect(
    library.jobs
      .list()
      .map((job) => job.id)
      .sort(),
  ).toEqual(jobs.sort());
  expect(await library.sweeps.table(id)).toEqual(table);
}, 180_000);

test('a sweep with another attack takes the trainings over that an earlier one has finished', async () => {
  const asked = { ...request(), list: [{ defence: 'natural', batchSize: 20 }], check: null };
  const before = library.snapshot().runs.length;
  const first = await library.sweeps.create(asked);
  await library.sweeps.run(first.id, () => undefined);
  const second = await library.sweeps.create({
    ...asked,
    evaluate: { attacks: [{ name: 'noise', settings: {}, epsilons: null }], epsilons: [0.1], examples: more },
  });
  const ahead = await library.sweeps.preview(library.sweeps.get(second.id).request);
  expect(ahead).toMatchObject({ trainings: 1, trainedBefore: 1, time: { trainings: 0 } });
  expect(second.known).toBe(false);
  const said: string[] = [];
  await library.sweeps.run(second.id, (text) => said.push(text));
  expect(said).toEqual(['natural, seed 0: trained before', '1 trainings', '1 evaluations']);
  const runs = library.snapshot().runs.length;
  expect(runs).toBe(before + 1);
  const models = async (id: string) => (await library.sweeps.table(id)).rows.map((row) => row.models);
  expect(await models(second.id)).toEqual(await models(first.id));

  const anew = await library.sweeps.create({ ...asked, deterministic: true });
  await library.sweeps.run(anew.id, () => undefined);
  expect(library.snapshot().runs.length).toBe(runs + 1);
}, 180_000);

test('a preview tells the time from what was measured before: in proportion to epochs, images and models', async () => {
  // Seeds of which no sweep has a training: what is there already costs nothing.
  const asked = { ...request(), seeds: [5], attention: { examples: 20, epsilon: 0.1 } };
  const { base = {}, evaluate, list = [], dataset } = asked;
  const run = library.snapshot().runs.find(({ config, result }) => result && config.defence === 'natural');
  const attack = { name: 'pgd', settings: { steps: 60, epsilon: 0.1 } };
  const measured = evaluationRequest.parse({ dataset, targets: [run?.id], attack, examples: more, engine: 'wasm' });
  await library.jobs.wait((await library.evaluations.create(measured)).id);
  const first = await library.sweeps.preview(asked);
  const { trainings, evaluations, galleries, checks } = first.time;
  expect(first.galleries).toBe(1);
  expect(first.seconds).toBeCloseTo(Number(trainings) + Number(evaluations) + Number(galleries) + Number(checks), 9);
  const { time: natural } = await library.sweeps.preview({ ...asked, list: list.slice(0, 1) });
  // A training of ten steps is mostly starting up: of its speed no more can be said.
  const took = run?.result?.seconds ?? 0;
  expect(natural.trainings).toBeGreaterThan(took / 10);
  expect(natural.trainings).toBeLessThan(took * 10);
  const longer = { ...asked, base: { ...base, epochs: 3 }, seeds: [5, 6], evaluate: { ...evaluate!, examples: more } };
  const { time } = await library.sweeps.preview(longer);
  expect(time.trainings).toBeCloseTo(6 * Number(trainings), 9);
  expect(time.evaluations).toBeCloseTo(2 * 3 * Number(evaluations), 9);
  expect(time.galleries).toBeCloseTo(2 * Number(galleries), 9);
  expect(time.checks).toBeCloseTo(2 * Number(checks), 9);
});

test('a preview says which surrogates are not the usual ones, a member of an ensemble among them', async () => {
  const asked = request();
  const { notes } = await library.sweeps.preview({ ...asked, surrogates: { plain: {}, same: { seed: 0 } } });
  expect(notes).toEqual([
    'The source surrogate same has the seed of the target m-pgd, attackSteps 1, seed 0 (0); a gray-box source is meant to be from another seed.',
  ]);
  const run = library.snapshot().runs.find(({ config, result }) => result && config.defence === 'natural');
  const list = [{ defence: 'ensemble-at', members: [run?.id ?? ''] }];
  const other = await library.sweeps.preview({
    ...asked,
    list,
    seeds: [1],
    surrogates: { plain: {}, same: { seed: 0 } },
  });
  expect(other.notes).toEqual([
    'The target ensemble-at, seed 1 was trained against this source, surrogate same; a gray-box source is meant to be new to it, so this is not the usual gray-box number.',
  ]);
});

test('a run that was deleted is made again, and the new model alone is evaluated', async () => {
  const { list = [], ...others } = request();
  const asked: SweepRequest = { ...others, name: 'Again', list: list.slice(1), check: null, seeds: [0, 1] };
  const { id } = await library.sweeps.create(asked);
  expect((await library.sweeps.run(id, () => undefined)).failed).toEqual([]);
  const [row] = (await library.sweeps.table(id)).rows;
  const [kept, gone] = row?.models ?? [];
  const evaluations = library.jobs.list().filter(({ kind }) => kind === 'evaluate').length;
  library.entities.delete(gone ?? '');
  expect((await library.sweeps.table(id)).rows[0]?.models).toEqual([kept]);
  expect((await library.sweeps.run(id, () => undefined)).failed).toEqual([]);
  const [again] = (await library.sweeps.table(id)).rows;
  expect(again?.models).toEqual([kept, expect.stringMatching(/^run-/)]);
  expect(again?.models).not.toContain(gone);
  expect(again?.cells['clean']).toMatchObject({ seeds: 2 });
  expect(library.jobs.list().filter(({ kind }) => kind === 'evaluate')).toHaveLength(evaluations + 1);
  expect(library.plans.list().at(-1)?.request.models).toEqual([again?.models[1]]);
}, 180_000);

test('a sweep is renamed and deleted by itself: its models and evaluations stay, and it comes back as it was', async () => {
  const known = library.sweeps.list()[0]!;
  library.entities.rename(known.id, 'Another name');
  expect((await library.sweeps.table(known.id)).name).toBe('Another name');
  expect(await library.sweeps.create(known.request)).toEqual({ id: known.id, known: true });
  const kept = library.jobs.list().map(({ id }) => id);
  expect(library.entities.delete(known.id).deleted).toEqual(['Another name']);
  expect(() => library.sweeps.get(known.id)).toThrow(/There is no sweep/);
  expect(library.jobs.list().map(({ id }) => id)).toEqual(kept);
  library.entities.restore(known.id);
  const { trainings } = await library.sweeps.progress(known.id);
  expect(trainings).toMatchObject({ done: 1, failed: 1, missing: 0 });
});

test('a sweep goes into the bin with its data set, and comes back with it', async () => {
  const dataset = library.datasets.list()[0]?.id ?? '';
  const names = library.sweeps.list().map(({ name }) => name);
  expect(library.entities.delete(dataset).deleted).toEqual(expect.arrayContaining(names));
  expect(library.sweeps.list()).toEqual([]);
  library.entities.restore(dataset);
  expect(library.sweeps.list().map(({ name }) => name)).toEqual(names);
});
