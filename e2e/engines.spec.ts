import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './fixtures.ts';
import { answerFileDialogs, call, jobProcesses } from './launch.ts';
import { dropFiles, open } from './ui.ts';

test('a file that is no engine pack is refused by dialog and by drop, and nothing is installed', async ({
  start,
  folder,
}) => {
  const data = join(folder, 'data');
  const app = await start({ env: { PAIRLIGHT_DATA: data } });
  const { page } = app;
  const file = join(folder, 'holiday.zip');
  writeFileSync(file, 'not an archive');
  await open(page, 'Engines');
  for (const name of ['Engine pack for tensorflow', 'Engine pack for tensorflow with CUDA']) {
    const card = page.getByRole('region', { name, exact: true });
    await expect(card.getByText('not installed', { exact: true })).toBeVisible();
    await expect(card.getByRole('button', { name: 'Install', exact: true })).toBeVisible();
  }
  await answerFileDialogs(app, file);
  await page.getByRole('button', { name: 'Install from file…' }).click();
  const refusal = page.getByText(/holiday\.zip cannot be unpacked/);
  await expect(refusal).toBeVisible();
  await refusal.locator('xpath=..').getByRole('button').last().click();
  await expect(refusal).toHaveCount(0);
  await dropFiles(page, [file]);
  await expect(refusal).toBeVisible();
  const engines = join(data, 'engines');
  expect(existsSync(engines) ? readdirSync(engines) : []).toEqual([]);
});

test('a job process that crashes in native code, or that the system kills, is told as that', async ({ start }) => {
  const { page, ...app } = await start({ env: { PAIRLIGHT_ENGINE: 'wasm' } });
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const settings = { dataset: datasets[0]!.id, architecture: 'small-cnn', defence: 'm-pgd' };
  const { id } = await call(page, 'runs.create', { ...settings, trainer: { epochs: 50, checkpointEvery: 5 } });
  const run = async () => (await call(page, 'library.snapshot', undefined)).runs.find((one) => one.id === id)!;
  for (const [signal, message] of [
    ['SIGSEGV', /crashed in native code \(SIGSEGV\)/],
    ['SIGKILL', /killed by the system \(SIGKILL\), most likely because memory ran out/],
  ] as const) {
    await expect.poll(async () => (await run()).state, { timeout: 30_000 }).toBe('running');
    await expect
      .poll(async () => (await call(page, 'runs.points', { id })).length, { timeout: 60_000 })
      .toBeGreaterThan(0);
    await expect.poll(async () => (await jobProcesses({ page, ...app })).length).toBeGreaterThan(0);
    const [host] = await jobProcesses({ page, ...app });
    process.kill(host!, signal);
    await expect.poll(async () => (await run()).state).toBe('interrupted');
    expect((await run()).error).toMatchObject({
      code: 'job-crashed',
      message: expect.stringMatching(message),
    });
    await call(page, 'jobs.resume', { id });
  }
  await call(page, 'jobs.cancel', { id });
});

test('the limit of memory of the settings ends a job that passes it', async ({ start }) => {
  const { page } = await start({ env: { PAIRLIGHT_ENGINE: 'wasm' } });
  await open(page, 'Settings');
  const field = page.getByLabel('Memory of a job, in GB');
  await field.fill('0.01');
  await expect(page.getByText('must be a number from 0.1')).toBeVisible();
  await field.fill('0.1');
  await expect.poll(async () => (await call(page, 'app.preferences', undefined)).maxMemory).toBe(100e6);
  const { datasets } = await call(page, 'library.snapshot', undefined);
  await call(page, 'runs.create', { dataset: datasets[0]!.id, architecture: 'small-cnn', defence: 'natural' });
  await expect(page.getByText(/The job used \d+ MB of memory; its limit is 100 MB/).first()).toBeVisible({
    timeout: 30_000,
  });
});
