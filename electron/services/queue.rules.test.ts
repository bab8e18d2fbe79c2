import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { importPlan } from '../../shared/domain/import-plan.ts';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import type { JobRow } from '../../shared/domain/library.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import { openStore } from '../store/store.ts';
import { createEvents } from './events.ts';
import type { Library } from './library.ts';
import { openLibrary } from './open-library.ts';
import { createQueue } from './queue.ts';
import { recordingLauncher } from './recording-launcher.ts';
import { addJob } from './session.ts';
import type { Session } from './session.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-rules-'));
let library: Library;
const launcher = recordingLauncher();
const { pids } = launcher;

beforeAll(async () => {
  library = await openLibrary(join(root, 'library'), { launcher });
  library.preferences.set({ parallelJobs: 1 });
});
afterEach(() => {
  for (const job of library.jobs.list()) library.jobs.cancel(job.id);
});
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

const config = (trainLimit: number) =>
  trainConfig.parse({
    dataset: library.datasets.list()[0]?.id ?? '',
    architecture: 'small-cnn',
    defence: 'natural',
    engine: 'wasm',
    trainer: { epochs: 1, batchSize: 8, trainLimit, checkpointEvery: 1000, validationSteps: 1 },
  });

function until(id: string, holds: (job: JobRow) => boolean): Promise<JobRow> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const job = library.jobs.get(id);
      if (!holds(job)) return;
      clearInterval(timer);
      resolve(job);
    }, 10);
  });
}

/** Kills the host of a job as soon as there is one, and gives how the job ended. */
async function kill(id: string): Promise<JobRow> {
  await until(id, () => library.jobs.running().some((job) => job.id === id));
  process.kill(pids.at(-1)!, 'SIGKILL');
  return library.jobs.wait(id);
}

test('a process that lost the lease neither starts a job nor touches its folder', async () => {
  const store = openStore(join(root, 'lost'));
  const session: Session = { store, events: createEvents(() => undefined), token: 'mine', changed: () => undefined };
  const id = 'dataset-0123456789';
  addJob(session, { id, kind: 'import', title: 'Import', options: JSON.stringify(importPlan.parse({ path: '/' })) });
  const file = join(store.folder.of('dataset', id), 'of-the-other');
  mkdirSync(store.folder.of('dataset', id), { recursive: true });
  writeFileSync(file, '');
  let looks = 0;
  const queue = createQueue(session, {
    launcher: {
      launch() {
        throw new Error('started a job without the lease');
      },
    },
    serves: 'all',
    enginePack: () => Promise.resolve({ enginePack: null, enginePackFault: null }),
    maxMemory: () => null,
    slots: () => {
      // Another process takes over between this one's look and its start.
      store.lease.release('mine');
      store.lease.acquire('theirs');
      looks += 1;
      return Promise.resolve({ automatic: 'wasm', atOnce: { tensorflow: 1, webgpu: 1, wasm: 1 } });
    },
  });
  while (looks < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(queue.get(id).state).toBe('waiting');
  expect(existsSync(file)).toBe(true);
  await queue.dispose();
  store.close();
});

test('a training killed before its first checkpoint is interrupted, and resumed from its beginning', async () => {
  const { id } = await library.runs.create(config(64));
  expect(await kill(id)).toMatchObject({ state: 'interrupted', error: { code: 'job-crashed', retry: true } });
  expect(library.runs.get(id).checkpointStep).toBeNull();
  library.jobs.resume(id);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  const steps = (await library.runs.points(id)).filter((point) => point.type === 'step').map((point) => point.step);
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
}, 60_000);

test('an evaluation that is killed is interrupted, and run again', async () => {
  const { id: target } = await library.runs.create(config(16));
  await library.jobs.wait(target);
  const { id } = await library.evaluations.create(
    evaluationRequest.parse({
      dataset: library.datasets.list()[0]?.id ?? '',
      targets: [target],
      engine: 'wasm',
      attack: { name: 'pgd', settings: { epsilon: 0.1, steps: 2 } },
      examples: { count: 8 },
    }),
  );
  expect(await kill(id)).toMatchObject({ state: 'interrupted', error: { code: 'job-crashed' } });
  library.jobs.resume(id);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  expect(library.evaluations.get(id).result?.targets).toHaveLength(1);
}, 60_000);

test('a paused job gives its place away, and goes on when there is one, before those that wait', async () => {
  const { id: first } = await library.runs.create(config(5000));
  await until(first, (job) => job.progress !== null);
  library.jobs.pause(first);
  await until(first, (job) => job.state === 'paused');
  const { id: second } = await library.runs.create(config(5000));
  const { id: third } = await library.runs.create(config(5000));
  await until(second, (job) => job.progress !== null);

  library.jobs.resume(first);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(library.jobs.get(first)).toMatchObject({
    state: 'paused',
    progress: { message: expect.stringMatching(/Goes on when/) },
  });
  library.jobs.cancel(second);
  await until(first, (job) => job.state === 'running');
  await library.jobs.wait(second);
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(library.jobs.get(third).state).toBe('waiting');
}, 60_000);
