import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { unzipSync } from 'fflate';
import type { TrainConfigInput } from '../shared/domain/training.ts';
import type { RunRow } from '../shared/domain/library.ts';
import { expect, test } from './fixtures.ts';
import { call, expectGone, jobProcesses, kill, quit, type RunningApp } from './launch.ts';

/** Small, but long enough to be killed in the middle; deterministic, so that weights can be compared bit by bit. */
function config(dataset: string, name: string): TrainConfigInput {
  return {
    name,
    dataset,
    architecture: 'small-cnn',
    defence: 'm-pgd',
    defenceSettings: { attackSteps: 3 },
    trainer: { epochs: 2, batchSize: 32, trainLimit: 640, checkpointEvery: 5, validationSteps: 2, validationEvery: 1 },
    seed: 11,
    deterministic: true,
  };
}

async function sampleId(page: Page): Promise<string> {
  const { datasets } = await call(page, 'library.snapshot', undefined);
  return datasets[0]!.id;
}

async function runState(page: Page, id: string): Promise<RunRow> {
  const { runs } = await call(page, 'library.snapshot', undefined);
  return runs.find((run) => run.id === id)!;
}

async function reachState(page: Page, id: string, state: RunRow['state'], timeout = 90_000): Promise<RunRow> {
  await expect.poll(async () => (await runState(page, id)).state, { timeout }).toBe(state);
  return runState(page, id);
}

/** Waits until the run has taken that many steps and kept a checkpoint. */
async function reachStep(page: Page, id: string, step: number): Promise<void> {
  const points = (): Promise<number> =>
    call(page, 'runs.points', { id }).then((all) => all.reduce((last, point) => Math.max(last, point.step), 0));
  await expect.poll(points, { timeout: 60_000, intervals: [100] }).toBeGreaterThanOrEqual(step);
}

function weights(app: RunningApp, id: string): Record<string, Uint8Array> {
  return unzipSync(readFileSync(join(app.library, 'runs', id, 'weights.npz')));
}

test('a job host that is killed takes nothing with it, and its run goes on to the same weights', async ({ start }) => {
  let app = await start();
  const dataset = await sampleId(app.page);

  const whole = await call(app.page, 'runs.create', config(dataset, 'uninterrupted'));
  await reachState(app.page, whole.id, 'done');

  const broken = await call(app.page, 'runs.create', config(dataset, 'killed twice'));
  await reachStep(app.page, broken.id, 8);
  const [host] = await jobProcesses(app);
  process.kill(host!, 'SIGKILL');
  const interrupted = await reachState(app.page, broken.id, 'interrupted', 15_000);
  expect(interrupted.checkpointStep).toBeGreaterThanOrEqual(5);
  expect(interrupted.error).toMatchObject({ code: 'job-crashed' });
  await expect(app.page.getByText(/killed twice.*killed/i).first()).toBeVisible();
  await call(app.page, 'jobs.resume', { id: broken.id });
  await reachStep(app.page, broken.id, 18);

  // The whole application, this time: no process of it survives, and the next start offers to go on.
  const hosts = await jobProcesses(app);
  expect(hosts.length).toBeGreaterThan(0);
  await kill(app);
  await expectGone(hosts);
  app = await start();
  const offered = await reachState(app.page, broken.id, 'interrupted', 30_000);
  expect(offered.checkpointStep).toBeGreaterThanOrEqual(15);
  await call(app.page, 'jobs.resume', { id: broken.id });
  await reachState(app.page, broken.id, 'done');
  expect(weights(app, broken.id)).toEqual(weights(app, whole.id));

  await quit(app);
});

test('quitting asks while a job runs, keeps the window if told so, and leaves no process', async ({ start }) => {
  const app = await start();
  const run = await call(app.page, 'runs.create', {
    ...config(await sampleId(app.page), 'long'),
    trainer: { epochs: 200, trainLimit: 640, checkpointEvery: 5 },
  });
  await reachStep(app.page, run.id, 6);
  const asked = await app.electron.evaluate(async ({ app: running, dialog }) => {
    const texts: string[] = [];
    dialog.showMessageBox = (...args: unknown[]) => {
      texts.push(JSON.stringify(args.at(-1)));
      return Promise.resolve({ response: 1, checkboxChecked: false });
    };
    running.quit();
    await new Promise((resolve) => setTimeout(resolve, 500));
    return texts;
  });
  expect(asked).toHaveLength(1);
  expect(asked[0]).toContain('long');
  expect((await runState(app.page, run.id)).state).toBe('running');
  const hosts = await jobProcesses(app);
  expect(hosts).toHaveLength(1);
  await quit(app);
  await expectGone(hosts);

  const again = await start();
  const kept = await reachState(again.page, run.id, 'interrupted', 15_000);
  expect(kept.checkpointStep).toBeGreaterThanOrEqual(5);
  await quit(again);
});

test('a window whose page crashes is drawn again, and its job goes on', async ({ start }) => {
  const app = await start();
  const run = await call(app.page, 'runs.create', {
    ...config(await sampleId(app.page), 'undisturbed'),
    trainer: { epochs: 60, trainLimit: 640, checkpointEvery: 5 },
  });
  await reachStep(app.page, run.id, 3);
  const hosts = await jobProcesses(app);
  const state = await app.electron.evaluate(async ({ BrowserWindow }) => {
    const { webContents } = BrowserWindow.getAllWindows()[0]!;
    const loaded = new Promise<void>((resolve) => webContents.once('did-finish-load', () => resolve()));
    webContents.forcefullyCrashRenderer();
    await loaded;
    return webContents.executeJavaScript(
      'window.pairlight.call("library.snapshot").then(({ value }) => value.runs[0].state)',
    ) as Promise<string>;
  });
  expect(state).toBe('running');
  expect(await jobProcesses(app)).toEqual(hosts);
  await quit(app);
  await expectGone(hosts);
});
