import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { writeImageFolder } from './data.ts';
import { expect, test } from './fixtures.ts';
import { answerFileDialogs, call, root } from './launch.ts';
import { MODEL_FILES, writeTfjsModel } from './models.ts';
import { choose, dropFiles, fill, open } from './ui.ts';

test.describe.configure({ mode: 'serial' });
test.use({ shared: 'import model' });

const importDialog = (page: Page): Locator => page.getByRole('dialog', { name: 'Import a model' });
const readings = (form: Locator): Locator => form.getByRole('radiogroup', { name: 'How it takes its pixels' });
const picture = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: join(root, 'e2e', 'screenshots', `import-model-${name}.png`) });

test('an ONNX model is dropped on the window, tried on images, and read as the user says', async ({ app }) => {
  const { page } = app;
  await dropFiles(page, [MODEL_FILES.onnx]);
  const form = importDialog(page);
  await expect(readings(form).getByRole('radio').first()).toContainText('mean and deviation of MNIST', {
    timeout: 60_000,
  });
  await expect(readings(form).getByRole('radio').first()).toContainText(/nchw, probabilities.*9\d\.\d %/);
  await expect(form.getByText(/gives probabilities instead of logits/)).toBeVisible();
  await picture(page, 'tried');

  await form.getByText('None of these: say it yourself').click();
  await choose(form, 'Range of pixels', '0 to 1');
  await fill(form, 'Mean of each channel', '0.13');
  await expect(form.getByText('Give both mean and deviation, or neither.')).toBeVisible();
  await expect(form.getByRole('button', { name: 'Import', exact: true })).toBeDisabled();
  await fill(form, 'Standard deviation of each channel', '0.31');
  await form.getByRole('button', { name: 'Try it so' }).click();
  await expect(readings(form).getByRole('radio')).toHaveText([/as given/], { timeout: 60_000 });
  await fill(form, 'Name', 'from PyTorch');
  await form.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(form).toBeHidden();
  const model = (await call(page, 'models.list', undefined)).find(({ name }) => name === 'from PyTorch')!;
  expect(model.foreign?.reading).toEqual({
    layout: 'nchw',
    range: 'unit',
    normalisation: { mean: [0.13], deviation: [0.31] },
    output: 'probabilities',
  });
});

test('a tfjs model is chosen, and becomes a network where it is one', async ({ app }) => {
  const { page } = app;
  const file = writeTfjsModel(join(app.library, '..', 'a tfjs net'));
  await open(page, 'Training');
  await page.getByRole('button', { name: 'Import model' }).click();
  const form = importDialog(page);
  await answerFileDialogs(app, file);
  await form.getByRole('button', { name: 'Choose file…' }).click();
  await expect(readings(form).getByRole('radio').first()).toContainText(/nhwc, logits/, { timeout: 60_000 });
  await readings(form)
    .getByRole('radio', { name: /pixels 0 to 1/ })
    .click();
  await form.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(form).toBeHidden();
  const model = (await call(page, 'models.list', undefined)).find(({ name }) => name === 'a tfjs net')!;
  expect(model).toMatchObject({ architecture: 'small-cnn', origin: 'imported' });
  expect(model.foreign).toBeUndefined();
});

test('weights are dropped where models are at home, and pixels of another range become a part of the network', async ({
  app,
}) => {
  const { page } = app;
  await open(page, 'Training');
  await dropFiles(page, [MODEL_FILES.plainWeights]);
  const form = importDialog(page);
  await choose(form, 'Architecture', 'MNIST CNN');
  await form.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(form.getByText(/fixture-small-nat\.npz.*conv1_w/)).toBeVisible();
  await picture(page, 'wrong-architecture');
  await choose(form, 'Architecture', 'Small CNN');
  await expect(form.getByText(/fixture-small-nat\.npz.*conv1_w/)).toBeHidden();
  await form.getByText('Pixels other than 0 to 1').click();
  await choose(form, 'Range of pixels', '0 to 255');
  await fill(form, 'Name', 'of bytes');
  await form.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(form).toBeHidden();
  expect((await call(page, 'models.list', undefined)).map(({ name }) => name)).toContain('of bytes');
});

test('a damaged file, one that is no model, and one for other images say so by name, and can be replaced', async ({
  app,
}) => {
  const { page } = app;
  const folder = join(app.library, '..');
  const damaged = join(folder, 'damaged.onnx');
  writeFileSync(damaged, readFileSync(MODEL_FILES.onnx).subarray(0, 4000));
  const noModel = join(folder, 'package.json');
  writeFileSync(noModel, '{ "name": "something else" }');
  const small = join(folder, 'small images');
  writeImageFolder(small);
  const before = (await call(page, 'models.list', undefined)).length;

  const form = importDialog(page);
  await dropFiles(page, [damaged]);
  await expect(form.getByText(/damaged\.onnx is no ONNX model, or is damaged/)).toBeVisible({ timeout: 60_000 });
  await expect(form.getByRole('button', { name: 'Import', exact: true })).toBeDisabled();
  await picture(page, 'damaged');
  await dropFiles(page, [noModel]);
  await expect(form.getByText(/package\.json is no tfjs LayersModel/)).toBeVisible({ timeout: 60_000 });
  await form.getByRole('button', { name: 'Cancel' }).click();

  const { id } = await call(page, 'datasets.import', { path: small, name: 'small images' });
  await expect
    .poll(async () => (await call(page, 'library.snapshot', undefined)).datasets.map((row) => row.id), {
      timeout: 30_000,
    })
    .toContain(id);
  await dropFiles(page, [MODEL_FILES.onnx]);
  await choose(form, 'Data set', 'small images');
  await expect(form.getByText(/foreign\.onnx takes inputs of 1×28×28/)).toBeVisible({ timeout: 60_000 });
  await expect(form.getByRole('button', { name: 'Import', exact: true })).toBeDisabled();
  await choose(form, 'Data set', 'MNIST sample');
  await expect(readings(form)).toBeVisible({ timeout: 60_000 });
  await form.getByRole('button', { name: 'Cancel' }).click();
  expect(await call(page, 'models.list', undefined)).toHaveLength(before);
  expect(app.complaints).toEqual([]);
});
