import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { JobRow } from '../../shared/domain/library.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import { isAlive } from '../store/lease.ts';
import { forkLauncher } from './launch-fork.ts';
import type { Library, LibraryOptions } from './library.ts';
import { openLibrary } from './open-library.ts';
import { recordingLauncher } from './recording-launcher.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-faults-'));
const jobHost = join(import.meta.dirname, '../compute/job-host.ts');
const opened: Library[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const library of opened.splice(0)) await library.dispose();
});
afterAll(() => rmSync(root, { recursive: true }));

async function open(name: string, options: Partial<LibraryOptions> = {}): Promise<Library> {
  const library = await openLibrary(join(root, name), { launcher: forkLauncher(jobHost), ...options });
  opened.push(library);
  return library;
}

/** A short deterministic training with frequent checkpoints; `long` ones are for being interrupted. */
const config = (library: Library, trainLimit: number, seed = 0) =>
  trainConfig.parse({
    dataset: library.datasets.list()[0]?.id ?? '',
    architecture: 'small-cnn',
    defence: 'natural',
    seed,
    deterministic: true,
    trainer: { epochs: 1, batchSize: 8, trainLimit, checkpointEvery: 5, validationEvery: 1, validationSteps: 1 },
  });

function until(library: Library, id: string, test: (job: JobRow) => boolean): Promise<JobRow> {
  return new Promise((resolve) => {
    const look = (): void => {
      const job = library.jobs.get(id);
      if (!test(job)) return;
      clearInterval(timer);
      resolve(job);
    };
    const timer = setInterval(look, 20);
  });
}
const checkpointed = (library: Library, id: string): Promise<JobRow> =>
  until(library, id, () => (library.runs.get(id).checkpointStep ?? 0) >= 5);

const weightsOf = (library: Library, id: string): Buffer => readFileSync(join(library.runs.folder(id), 'weights.npz'));

async function goneWithin(pid: number, milliseconds: number): Promise<boolean> {
  for (const start = Date.now(); Date.now() - start < milliseconds;) {
    if (!isAlive(pid)) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return !isAlive(pid);
}

test('a job host killed −9: the run is interrupted, says so, and resumes to the same weights', async () => {
  const launcher = recordingLauncher();
  const library = await open('killed-host', { launcher });
  const notices: string[] = [];
  library.events.on('app.notice', (notice) => notices.push(notice.error.code));
  const { id: whole } = await library.runs.create(config(library, 320));
  expect(await library.jobs.wait(whole)).toMatchObject({ state: 'done' });

  const { id } = await library.runs.create(config(library, 320));
  await checkpointed(library, id);
  process.kill(launcher.pids.at(-1)!, 'SIGKILL');
  const killed = await library.jobs.wait(id);
  expect(killed).toMatchObject({ state: 'interrupted', error: { code: 'job-crashed', retry: true } });
  expect(notices).toEqual(['job-crashed']);
  const { checkpointStep, state } = library.runs.get(id);
  expect(state).toBe('interrupted');
  expect(checkpointStep).toBeGreaterThanOrEqual(5);
  expect(existsSync(join(library.runs.folder(id), 'weights.npz'))).toBe(false);
  expect(library.models.list().map((model) => model.id)).toEqual([whole]);

  library.jobs.resume(id);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  expect(Buffer.compare(weightsOf(library, id), weightsOf(library, whole))).toBe(0);
  const steps = (await library.runs.points(id)).filter((point) => point.type === 'step').map((point) => point.step);
  expect(steps).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
}, 180_000);

test('the owner killed −9: no job host survives it, and the next start offers to go on', async () => {
  const folder = join(root, 'killed-owner');
  const script = `
    import { openLibrary } from ${JSON.stringify(join(import.meta.dirname, 'open-library.ts'))};
    import { forkLauncher } from ${JSON.stringify(join(import.meta.dirname, 'launch-fork.ts'))};
    const inner = forkLauncher(${JSON.stringify(jobHost)});
    const launcher = { launch() { const one = inner.launch(); process.send({ pid: one.pid }); return one; } };
    const library = await openLibrary(${JSON.stringify(folder)}, { launcher });
    process.on('message', async (config) => {
      const { id } = await library.runs.create({ ...config, dataset: library.datasets.list()[0].id });
      const timer = setInterval(() => {
        if ((library.runs.get(id).checkpointStep ?? 0) < 5) return;
        clearInterval(timer);
        process.send({ checkpointed: id });
      }, 20);
    });
    process.send({ ready: true });
  `;
  const owner = fork('-', [], {
    execArgv: ['--input-type=module', '-e', script],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(owner);
  const seen: Record<string, unknown> = {};
  const checkpoint = new Promise<void>((resolve) => {
    owner.on('message', (message: Record<string, unknown>) => {
      Object.assign(seen, message);
      if (message['ready']) {
        owner.send({
          ...config({ datasets: { list: () => [{ id: 'dataset-0123456789' }] } } as unknown as Library, 4000),
        });
      }
      if (message['checkpointed']) resolve();
    });
  });
  await checkpoint;
  const jobPid = Number(seen['pid']);
  expect(isAlive(jobPid)).toBe(true);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  expect(await goneWithin(jobPid, 5_000)).toBe(true);

  const library = await open('killed-owner');
  const id = String(seen['checkpointed']);
  const job = await until(library, id, (one) => one.state !== 'running');
  expect(job).toMatchObject({ state: 'interrupted', error: { code: 'job-crashed' } });
  expect(job.error?.message).toMatch(/Resume it to go on/);
  const before = library.runs.get(id).checkpointStep ?? 0;
  library.jobs.resume(id);
  await until(library, id, () => (library.runs.get(id).checkpointStep ?? 0) > before);
  const points = await library.runs.points(id);
  const steps = points.filter((point) => point.type === 'step').map((point) => point.step);
  expect(steps).toEqual(steps.map((_, index) => index + 1));
  library.jobs.cancel(id);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'cancelled', error: null });
}, 180_000);

test('closing the library stops its jobs so that they can go on, and leaves no process', async () => {
  const launcher = recordingLauncher();
  const library = await open('closed', { launcher });
  library.preferences.set({ parallelJobs: 1 });
  const { id } = await library.runs.create(config(library, 4000));
  const { id: next } = await library.runs.create(config(library, 8, 1));
  await checkpointed(library, id);
  await library.dispose();
  expect(launcher.pids.map(isAlive)).toEqual([false]);
  const again = await open('closed', { serves: 'none' });
  expect(again.jobs.get(id)).toMatchObject({ state: 'interrupted' });
  expect(again.jobs.get(next)).toMatchObject({ state: 'waiting' });
}, 180_000);

test('pause holds a job and lets it go on; cancel stops it; the next one in the queue gets its place', async () => {
  const library = await open('paused');
  library.preferences.set({ parallelJobs: 1 });
  const { id } = await library.runs.create(config(library, 4000));
  await until(library, id, (job) => (job.progress?.done ?? 0) > 2);
  library.jobs.pause(id);
  const paused = await until(library, id, (job) => job.state === 'paused');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const at = library.jobs.get(id).progress?.done ?? 0;
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(library.jobs.get(id).progress?.done).toBe(at);
  expect(paused.ended).toBeNull();

  const { id: other } = await library.runs.create(config(library, 16, 1));
  const { id: held } = await library.runs.create(config(library, 16, 2));
  library.jobs.pause(held);
  expect(await library.jobs.wait(other)).toMatchObject({ state: 'done' });
  expect(library.jobs.get(held)).toMatchObject({ state: 'paused', started: null });

  library.jobs.resume(id);
  await until(library, id, (job) => (job.progress?.done ?? 0) > at);
  library.jobs.resume(held);
  expect(library.jobs.get(held)).toMatchObject({ state: 'waiting', position: 0 });
  library.jobs.cancel(id);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'cancelled', error: null });
  expect(await library.jobs.wait(held)).toMatchObject({ state: 'done' });
  expect(() => library.jobs.pause(other)).toThrow(expect.objectContaining({ code: 'conflict' }));
  expect(() => library.entities.delete(id)).not.toThrow();
}, 180_000);

test('two processes on one library: one runs the jobs, the other asks, sees and waits', async () => {
  const window = await open('shared');
  const command = await open('shared', { serves: 'own' });
  expect(command.datasets.list()).toHaveLength(1);
  const { id: first } = await window.runs.create(config(window, 4000));
  await until(command, first, (job) => job.state === 'running' && job.progress !== null);
  const { id } = await command.runs.create(config(command, 16, 1));
  command.jobs.cancel(first);
  expect(await command.jobs.wait(first)).toMatchObject({ state: 'cancelled' });
  expect(await command.jobs.wait(id)).toMatchObject({ state: 'done' });
  expect(command.jobs.running()).toEqual([]);
  expect(command.models.get(id).name).toBe(window.models.get(id).name);
}, 180_000);

test('a command runs its own job only, and leaves the queue of the window alone', async () => {
  const idle = await open('own', { serves: 'none' });
  const launcher = recordingLauncher();
  const command = await open('own', { serves: 'own', launcher });
  const { id: waiting } = await idle.runs.create(config(command, 16));
  const { id } = await command.runs.create(config(command, 16, 1));
  expect(await command.jobs.wait(id)).toMatchObject({ state: 'done' });
  expect(command.jobs.get(waiting)).toMatchObject({ state: 'waiting' });
  // What others write while a job starts must not start it twice.
  expect(launcher.pids).toHaveLength(1);
}, 180_000);

test('a running job cannot be deleted; the data set under it neither', async () => {
  const library = await open('busy');
  const { id } = await library.runs.create(config(library, 4000));
  await until(library, id, (job) => job.state === 'running');
  const busy = expect.objectContaining({ code: 'conflict', message: expect.stringMatching(/Cancel it first/) });
  expect(() => library.entities.delete(id)).toThrow(busy);
  expect(() => library.entities.delete(library.datasets.list()[0]?.id ?? '')).toThrow(busy);
}, 180_000);
