import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { writeIdx, writeImageFolder } from './data.ts';
import { expect, test } from './fixtures.ts';
import { answerFileDialogs, call, quit, root, tryCall } from './launch.ts';
import { choose, dropFiles, fill, open } from './ui.ts';

test.use({ shared: 'bad input' });

/** Sets SQLite's `user_version`, bytes 60 to 63 of the file's header; returns what it was. */
function writeUserVersion(file: string, version: number): number {
  const bytes = readFileSync(file);
  const before = bytes.readUInt32BE(60);
  bytes.writeUInt32BE(version, 60);
  writeFileSync(file, bytes);
  return before;
}

test('truncated IDX files are refused, by name, plain or compressed', async ({ app }) => {
  const { page } = app;
  const form = page.getByRole('dialog', { name: 'Import a data set' });
  const { images } = writeIdx(join(app.library, '..', 'truncated'));
  const half = gunzipSync(readFileSync(images)).subarray(0, 5000);

  writeFileSync(images, gzipSync(half));
  await dropFiles(page, [images]);
  await expect(form.getByText(/This cannot be imported.*train-images-idx3-ubyte\.gz is cut short/)).toBeVisible();
  await form.getByRole('button', { name: 'Cancel' }).click();

  rmSync(images);
  const plain = images.replace('.gz', '');
  writeFileSync(plain, half);
  await dropFiles(page, [plain]);
  await expect(form.getByText(/This cannot be imported.*train-images-idx3-ubyte/)).toBeVisible();
  await expect(form.getByRole('button', { name: 'Import', exact: true })).toBeDisabled();
  await form.getByRole('button', { name: 'Cancel' }).click();
  expect((await call(page, 'library.snapshot', undefined)).datasets).toHaveLength(1);
});

test('a data set of one class is refused', async ({ app }) => {
  const { page } = app;
  const source = join(app.library, '..', 'one class');
  writeImageFolder(source, ['alone']);
  await dropFiles(page, [source]);
  const form = page.getByRole('dialog', { name: 'Import a data set' });
  await expect(form.getByText(/This cannot be imported.*class/)).toBeVisible();
  await form.getByRole('button', { name: 'Cancel' }).click();
});

test('settings that make no sense are marked where they are typed', async ({ app }) => {
  const { page } = app;
  await open(page, 'Training');
  await page.getByRole('button', { name: 'New run' }).first().click();
  const form = page.getByRole('dialog', { name: 'New training run' });
  await choose(form, 'Defence', /^PGD-AT/);
  for (const [field, value, message] of [
    ['ε', '-0.1', /at least 0/],
    ['ε', 'a lot', /must be a number/],
    ['Attack steps', '0', /at least 1/],
    ['Epochs', '1.5', /whole number/],
  ] as const) {
    await fill(form, field, value);
    await expect(form.getByText(message)).toBeVisible();
    await expect(form.getByRole('button', { name: 'Start 1 run' })).toBeDisabled();
    await fill(form, field, field === 'ε' ? '0.25' : '3');
  }
  await expect(form.getByRole('button', { name: 'Start 1 run' })).toBeEnabled();
  await form.getByRole('button', { name: 'Cancel' }).click();
});

test('main refuses the same settings, naming the field', async ({ app }) => {
  const { page } = app;
  const dataset = (await call(page, 'library.snapshot', undefined)).datasets[0]!.id;
  const base = { dataset, architecture: 'small-cnn', defence: 'at' };
  for (const [settings, field] of [
    [{ epsilon: -1 }, 'epsilon'],
    [{ epsilon: Number.NaN }, 'epsilon'],
    [{ attackSteps: 0 }, 'attackSteps'],
    [{ tempo: 3 }, 'tempo'],
  ] as const) {
    const reply = await tryCall(page, 'runs.create', { ...base, defenceSettings: settings });
    expect(reply).toMatchObject({ ok: false, error: { code: 'invalid-input' } });
    expect(reply.ok ? '' : reply.error.message).toContain(field);
  }
  const unknown = await tryCall(page, 'runs.create', { ...base, architecture: 'resnet-9000' });
  expect(unknown.ok ? '' : unknown.error.message).toContain('small-cnn');
});

test('weights of another architecture are refused with the name of the array that does not fit', async ({ app }) => {
  const { page } = app;
  await open(page, 'Training');
  await page.getByRole('button', { name: 'Import model' }).click();
  const form = page.getByRole('dialog', { name: 'Import a model' });
  await answerFileDialogs(app, join(root, 'electron', 'compute', 'fixtures', 'fixture-small-nat.npz'));
  await form.getByRole('button', { name: 'Choose file…' }).click();
  await choose(form, 'Architecture', 'MNIST CNN');
  await form.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(form.getByText(/fixture-small-nat\.npz.*conv1_w/)).toBeVisible();
  await choose(form, 'Architecture', 'Small CNN');
  await form.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(form).toBeHidden();
  expect((await call(page, 'models.list', undefined)).map((model) => model.origin)).toEqual(['imported']);
});

test('a library of a newer version is left alone, and the window says what to do', async ({ start, folder }) => {
  const first = await start();
  await expect(first.page.getByText('7,000 of 7,000 images')).toBeVisible();
  await quit(first);
  const file = join(folder, 'library', 'library.db');
  const version = writeUserVersion(file, 9999);
  const app = await start();
  const alert = app.page.getByRole('alert').first();
  await expect(alert).toContainText('The library could not be read');
  await expect(alert).toContainText(/newer/);
  await expect(alert).toContainText(join(folder, 'library'));

  // Once it is put right, trying again is enough.
  writeUserVersion(file, version);
  await alert.getByRole('button', { name: 'Try again' }).click();
  await expect(app.page.getByText('7,000 of 7,000 images')).toBeVisible();
});

test('a file where the library folder belongs is named', async ({ start, folder }) => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'library'), 'in the way');
  const app = await start();
  const alert = app.page.getByRole('alert').first();
  await expect(alert).toContainText(join(folder, 'library'));
});
