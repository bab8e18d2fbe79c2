import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineName } from '../../shared/domain/engine.ts';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import { usablePack } from './engines.ts';
import type { Library } from './library.ts';
import { openLibrary } from './open-library.ts';
import { recordingLauncher } from './recording-launcher.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-evaluation-faults-'));
const launcher = recordingLauncher();
const { pids } = launcher;
let library: Library;
let models: readonly string[];

beforeAll(async () => {
  library = await openLibrary(root, { launcher });
  const made: string[] = [];
  for (const seed of [0, 1]) {
    const { id } = await library.runs.create(
      trainConfig.parse({
        dataset: library.datasets.list()[0]?.id ?? '',
        architecture: 'small-cnn',
        defence: 'natural',
        seed,
        engine: 'wasm',
        trainer: { epochs: 1, batchSize: 32, trainLimit: 320, validationSteps: 1 },
      }),
    );
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'done' });
    made.push(id);
  }
  models = made;
}, 240_000);
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

const request = (engine: EngineName = 'wasm') =>
  evaluationRequest.parse({
    dataset: library.datasets.list()[0]?.id ?? '',
    targets: models,
    attack: { name: 'pgd', settings: { epsilon: 0.05, steps: 20, restarts: 3 } },
    examples: { count: 80 },
    batchSize: 20,
    engine,
    deterministic: true,
  });

/** Looks at short intervals until something is so. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Every file of an evaluation but its log, by name. */
function filesOf(id: string): Map<string, Buffer> {
  const folder = library.evaluations.folder(id);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(npy|json)$/.test(name));
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name))]));
}

async function expectSame(id: string, whole: string): Promise<void> {
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  const [found, expected] = [library.evaluations.get(id).result, library.evaluations.get(whole).result];
  expect({ ...found, seconds: 0, speed: null }).toEqual({ ...expected, seconds: 0, speed: null });
  const [files, before] = [filesOf(id), filesOf(whole)];
  expect([...files.keys()]).toEqual([...before.keys()]);
  expect(files.size).toBe(8);
  for (const [name, bytes] of files) expect(bytes.equals(before.get(name)!), name).toBe(true);
  expect(existsSync(join(library.evaluations.folder(id), 'state'))).toBe(false);
}

test('an evaluation killed −9, once between two models and once while it was paused, goes on to the same bytes', async () => {
  const { id: whole } = await library.evaluations.create(request());
  expect(await library.jobs.wait(whole)).toMatchObject({ state: 'done' });

  const { id } = await library.evaluations.create(request());
  const state = join(library.evaluations.folder(id), 'state');
  await until(() => existsSync(join(state, '0-0-80.json')));
  process.kill(pids.at(-1)!, 'SIGKILL');
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'interrupted', error: { code: 'job-crashed' } });
  expect(library.evaluations.get(id).result).toBeNull();

  const { totals } = JSON.parse(readFileSync(join(state, '0-0-80.json'), 'utf8')) as { totals: { work: number } };
  const before = library.jobs.get(id).progress?.done;
  const firstProgress: number[] = [];
  const off = library.events.on('job.changed', (job) => {
    // Until the new process speaks, what is told is what the killed one said last.
    if (job.id === id && job.progress && job.progress.done !== before) firstProgress.push(job.progress.done);
  });
  library.jobs.resume(id);
  await until(() => library.evaluations.get(id).partial.length === 2);
  off();
  // The first model was not attacked again: the work goes on from where it was.
  expect(firstProgress[0]).toBeGreaterThanOrEqual(totals.work);
  library.jobs.pause(id);
  await until(() => library.jobs.get(id).state !== 'running');
  if (library.jobs.get(id).state === 'paused') {
    expect(existsSync(join(state, 'running.npz'))).toBe(true);
    process.kill(pids.at(-1)!, 'SIGKILL');
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'interrupted' });
    library.jobs.resume(id);
  }
  await expectSame(id, whole);
}, 240_000);

test('on tensorflow too an evaluation killed −9 between two models goes on to the same bytes', async (ctx) => {
  if ((await usablePack()) === null) return ctx.skip('the tensorflow engine pack is not installed');
  const { id: whole } = await library.evaluations.create(request('tensorflow'));
  expect(await library.jobs.wait(whole)).toMatchObject({ state: 'done' });
  const { id } = await library.evaluations.create(request('tensorflow'));
  const state = join(library.evaluations.folder(id), 'state');
  await until(() => existsSync(join(state, '0-0-80.json')));
  process.kill(pids.at(-1)!, 'SIGKILL');
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'interrupted' });
  library.jobs.resume(id);
  await expectSame(id, whole);
  expect(library.evaluations.get(id).result?.engine).toMatchObject({ name: 'tensorflow', deterministic: true });
}, 240_000);

test('a cancelled evaluation can go on, and ends at the same bytes', async () => {
  const [whole = ''] = library
    .snapshot()
    .evaluations.filter(({ state }) => state === 'done')
    .map(({ id }) => id);
  const { id } = await library.evaluations.create(request());
  await until(() => library.evaluations.get(id).partial.length > 0);
  library.jobs.cancel(id);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'cancelled' });
  expect(existsSync(join(library.evaluations.folder(id), 'state'))).toBe(true);
  library.jobs.resume(id);
  await expectSame(id, whole);
}, 240_000);
