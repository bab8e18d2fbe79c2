import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { trainConfig } from '../../shared/domain/training.ts';
import { readNpz } from '../compute/arrays/npz.ts';
import { keptWeights } from '../compute/training/kept-weights.ts';
import { forkLauncher } from './launch-fork.ts';
import type { Library } from './library.ts';
import { openLibrary } from './open-library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-runs-'));
let library: Library;
let dataset: string;
beforeAll(async () => {
  library = await openLibrary(join(root, 'library'), {
    launcher: forkLauncher(join(import.meta.dirname, '../compute/job-host.ts')),
  });
  dataset = library.datasets.list()[0]?.id ?? '';
});
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

const config = (defence: string, trainer: object, more: object = {}) =>
  trainConfig.parse({
    dataset,
    architecture: 'small-cnn',
    defence,
    engine: 'wasm',
    trainer: { batchSize: 32, trainLimit: 128, validationSteps: 1, ...trainer },
    ...more,
  });

/** A program that asks the run to go on in another way, and is killed before it is queued. */
const goOnAndDie = (id: string): string => `
  const [{ openStore }, { runService }] = await Promise.all([
    import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../store/store.ts')))}),
    import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, 'runs.ts')))}),
  ]);
  const store = openStore(${JSON.stringify(join(root, 'library'))});
  const resume = () => {
    process.kill(process.pid, 'SIGKILL');
    for (;;);
  };
  await runService({ store }, {}, {}, { resume }).goOn({ id: '${id}', rateFactor: 0.5, accumulation: 2 });
`;

test('last, best and averaged weights of a run become models of the library, each once', async () => {
  const trainer = { epochs: 2, ema: 0.9, keep: 'best', validationEvery: 0.5, learningRate: 0.002 };
  const { id } = await library.runs.create(config('natural', trainer));
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  const { result } = library.runs.get(id);
  expect(result?.kept).toEqual({ weights: 'best', step: result?.best?.step });
  expect(result?.adversarialAccuracy).toBe(result?.best?.adversarialAccuracy);

  expect((await library.runs.model(id, 'best')).id).toBe(id);
  const last = await library.runs.model(id, 'last');
  const averaged = await library.runs.model(id, 'ema');
  expect(await library.runs.model(id, 'last')).toEqual(last);
  expect(new Set([id, last.id, averaged.id]).size).toBe(3);
  expect(last).toMatchObject({ architecture: 'small-cnn', defence: 'natural', dataset, seed: 0 });
  expect(last.parameters).toBe(result?.parameters);
  expect(library.models.list().map((model) => model.id)).toEqual(expect.arrayContaining([id, last.id, averaged.id]));
  for (const [model, choice] of [
    [last, 'last'],
    [averaged, 'ema'],
  ] as const) {
    const found = await readNpz(library.models.file(model.id).weights);
    const wanted = await keptWeights(library.runs.folder(id), choice);
    expect(wanted.step).toBe(8);
    expect(Object.keys(found).toSorted()).toEqual(Object.keys(wanted.arrays).toSorted());
    for (const [name, { data }] of Object.entries(wanted.arrays)) expect(found[name]?.data).toEqual(data);
  }
  // Deleted and asked for again it comes back.
  library.entities.delete(last.id);
  expect((await library.runs.model(id, 'last')).id).toBe(last.id);
});

test('a run without averaged weights says how to get them', async () => {
  const { id } = await library.runs.create(config('natural', { epochs: 1 }));
  await library.jobs.wait(id);
  await expect(library.runs.model(id, 'ema')).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringMatching(/no averaged weights: train with a decay/) as string,
  });
  await expect(library.runs.goOn({ id, rateFactor: 0.1 })).rejects.toMatchObject({ code: 'conflict' });
});

test('a run that diverged goes on once at a lower rate and in smaller parts, from its last good checkpoint to its end', async () => {
  const trainer = { epochs: 2, learningRate: 10, learningRateWarmup: 0.9, checkpointEvery: 1, validationEvery: 2 };
  const { id } = await library.runs.create(config('clp', trainer, { defenceSettings: { lambda: 1000 } }));
  const failed = await library.jobs.wait(id);
  expect(failed).toMatchObject({ state: 'failed', error: { code: 'non-finite' } });
  const good = Number(failed.error?.details?.['checkpoint']);
  // A process that ends between the change and the place in the queue leaves neither.
  const killed = spawnSync(process.execPath, ['--input-type=module', '--eval', goOnAndDie(id)], { encoding: 'utf8' });
  expect(killed.signal, killed.stderr).toBe('SIGKILL');
  expect(library.runs.get(id)).toMatchObject({ state: 'failed', config: { rateCuts: [], partChanges: [] } });

  // A double click goes on once.
  const clicks = await Promise.allSettled([
    library.runs.goOn({ id, rateFactor: 0.00001, accumulation: 2 }),
    library.runs.goOn({ id, rateFactor: 0.00001, accumulation: 2 }),
  ]);
  expect(clicks.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(clicks.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'conflict' } });
  const changed = library.runs.get(id).config;
  expect(changed.rateCuts).toEqual([{ after: good, factor: 0.00001 }]);
  expect(changed).toMatchObject({ trainer: { accumulation: 1 }, partChanges: [{ after: good, parts: 2 }] });
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  const points = (await library.runs.points(id)).flatMap((point) => (point.type === 'step' ? [point] : []));
  expect(points.map((point) => point.step)).toEqual(Array.from({ length: 8 }, (_, step) => step + 1));
  const written = trainConfig
    .pick({ trainer: true, partChanges: true })
    .loose()
    .parse(parse(readFileSync(join(library.runs.folder(id), 'config.yaml'), 'utf8')));
  expect([written.trainer.accumulation, written.partChanges]).toEqual([1, [{ after: good, parts: 2 }]]);
  expect(points[good]!.learningRate).toBeLessThan(1e-3);
}, 180_000);
