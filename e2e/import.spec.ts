import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { writeIdx, writeImageFolder } from './data.ts';
import { expect, test } from './fixtures.ts';
import { answerFileDialogs, call, root, type RunningApp } from './launch.ts';
import { pictureWindow } from './screenshots.ts';
import { drawnShare, dropFiles } from './ui.ts';

/** The import wizard, fed with real paths that are dropped on the window as the desktop does. */
test.describe.configure({ mode: 'serial' });
test.use({ shared: 'import' });

const wizard = (page: Page): Locator => page.getByRole('dialog', { name: 'Import a data set' });
const beside = (app: RunningApp, name: string): string => join(app.library, '..', name);

async function section(form: Locator, name: string): Promise<void> {
  const head = form.getByRole('button', { name: new RegExp(`^${name}`) });
  if ((await head.getAttribute('aria-expanded')) === 'false') await head.click();
}

test('a folder is dropped, looked at and imported with Enter', async ({ app }) => {
  const { page } = app;
  const source = beside(app, 'two classes');
  writeImageFolder(source);
  await dropFiles(page, [source]);
  const form = wizard(page);
  await expect(form.getByLabel('Name', { exact: true })).toHaveValue('two classes');
  await expect(form.getByText('60 images', { exact: true })).toBeVisible();
  await expect(form.getByText('broken.png')).toBeVisible();
  await expect(form.getByRole('button', { name: 'Import 60 images' })).toBeEnabled();

  await form.getByLabel('Name', { exact: true }).press('Enter');
  await expect(form).toBeHidden();
  await expect(page.getByRole('heading', { name: 'two classes', level: 1 })).toBeVisible({ timeout: 30_000 });
});

test('what was left out is told of when the import is done, and goes to a CSV file with its reasons', async ({
  app,
}) => {
  const { page } = app;
  const file = beside(app, 'left out.csv');
  await answerFileDialogs(app, file);
  await page.getByText('3 files were left out of two classes').waitFor();
  await page.getByRole('button', { name: 'Export the list' }).click();
  await expect(page.getByText(`Saved to ${file}`)).toBeVisible();
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(4);
  expect(lines.find((line) => line.includes('left/broken.png'))).toMatch(/decode/);
});

test('a data set is imported again with its settings; what was chosen outlives closing by mistake', async ({ app }) => {
  const { page } = app;
  const form = wizard(page);
  const row = page
    .getByRole('region', { name: 'Data sets' })
    .locator('div', { hasText: /^two classes/ })
    .last();
  const again = async (): Promise<void> => {
    await row.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: /^Import again/ }).click();
  };
  await again();
  await expect(form.getByRole('button', { name: 'Import 60 images' })).toBeEnabled();
  await section(form, 'Classes');
  await form.getByLabel('Name of left').fill('port');
  // Enter ends the name; Alt and an arrow move the class.
  await form.getByLabel('Name of left').press('Enter');
  await expect(form.getByLabel('Name of middle')).toBeFocused();
  await form.getByLabel('Name of middle').press('Alt+ArrowUp');
  await section(form, 'Splits');
  await form.getByRole('radio', { name: 'Folds' }).click();
  await form.getByLabel('Test fold').fill('6');
  await expect(form.getByText('must be a whole number from 1 to 5')).toHaveCount(2);
  await expect(form.getByRole('button', { name: 'Import 60 images' })).toBeDisabled();
  await form.getByLabel('Test fold').fill('5');
  await expect(form.getByRole('button', { name: 'Import 60 images' })).toBeEnabled();

  await page.keyboard.press('Escape');
  await expect(form).toBeHidden();
  await page.getByRole('button', { name: 'Reopen' }).click();
  await expect(form.getByLabel('Name of left')).toHaveValue('port');
  await form.getByLabel('Name', { exact: true }).fill('five folds');
  await form.getByRole('button', { name: 'Copy as a command' }).click();
  const copied = await app.electron.evaluate(({ clipboard }) => clipboard.readText());
  expect(copied).toMatch(
    /^pairlight import .*two classes.* --name 'five folds' .*--classes middle,left=port --splits folds/,
  );
  await form.getByRole('button', { name: 'Import 60 images' }).click();
  await expect(page.getByRole('heading', { name: 'five folds', level: 1 })).toBeVisible({ timeout: 30_000 });

  const { datasets } = await call(page, 'library.snapshot', undefined);
  const { manifest } = datasets.find((entry) => entry.manifest.name === 'five folds')!;
  expect(manifest).toMatchObject({ classes: ['middle', 'port'], splits: { test: 12 } });
  expect(await call(page, 'datasets.plan', { id: manifest.id })).toMatchObject({ splits: 'folds', fold: 4, folds: 5 });
});

test('several things are dropped at once: each is looked at, corrected where it must be, and imported', async ({
  app,
}) => {
  const { page } = app;
  const folder = beside(app, 'three classes');
  writeImageFolder(folder, ['left', 'middle', 'right']);
  const { images, labels } = writeIdx(beside(app, 'digits'));
  const bad = join(beside(app, 'bad'), 'letter.txt');
  mkdirSync(beside(app, 'bad'));
  writeFileSync(bad, 'Dear reader');
  await dropFiles(page, [folder, images, labels, bad]);

  const form = wizard(page);
  const list = form.getByRole('list', { name: 'What to import' });
  await expect(list.getByRole('listitem')).toHaveCount(3);
  await expect(list.getByRole('button', { name: /^three classes 90 images/ })).toBeVisible();
  await expect(list.getByRole('button', { name: /^digits.* 60 images/ })).toBeVisible();
  await expect(list.getByRole('button', { name: /^letter.txt cannot be imported/ })).toBeVisible();

  // What is chosen for one stays while another is looked at.
  await section(form, 'Classes');
  await form.getByLabel('Name of left').fill('port');
  await form.getByRole('checkbox', { name: 'Take middle' }).uncheck();
  await expect(form.getByRole('button', { name: 'Import 60 images' })).toBeEnabled();
  await list.getByRole('button', { name: /^letter.txt/ }).click();
  await expect(form.getByText(/^This cannot be imported/)).toBeVisible();
  await list.getByRole('button', { name: /^letter.txt/ }).press('Delete');
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await list.getByRole('button', { name: /^three classes/ }).click();
  await expect(form.getByLabel('Name of left')).toHaveValue('port');
  await expect(form.getByRole('checkbox', { name: 'Take middle' })).not.toBeChecked();
  await pictureWindow(app, 'import-several');

  await form.getByRole('button', { name: 'Import all 2' }).click();
  await expect(form).toBeHidden();
  await expect
    .poll(async () => (await call(page, 'library.snapshot', undefined)).datasets.map(({ manifest }) => manifest.name))
    .toEqual(expect.arrayContaining(['three classes', 'digits']));
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const three = datasets.find(({ manifest }) => manifest.name === 'three classes')!.manifest;
  expect(three).toMatchObject({ classes: ['port', 'right'], classCounts: [30, 30] });
});

test('the 17 flowers are dropped as their archive, made smaller, imported and looked through', async ({ app }) => {
  const archive = join(root, '..', 'shared', 'data', '17flowers.tgz');
  if (!existsSync(archive)) {
    const reason = '17flowers.tgz is not on this machine';
    console.warn(`Skipped: ${reason}.`);
    test.skip(true, reason);
  }
  const { page } = app;
  await dropFiles(page, [archive]);
  const form = wizard(page);
  await form.getByRole('button', { name: 'Stop', exact: true }).click();
  await expect(form.getByText('Stopped looking')).toBeVisible();
  await form.getByRole('button', { name: 'Look again' }).click();
  await expect(form.getByRole('button', { name: 'Import 1,360 images' })).toBeEnabled({ timeout: 60_000 });
  await expect(form.getByText('17 classes', { exact: true })).toBeVisible();
  await expect(form.getByText('952', { exact: true })).toBeVisible();

  await form.getByRole('button', { name: 'Make them 64×64' }).click();
  await section(form, 'Size and fit');
  await form.getByRole('radio', { name: 'Pad' }).click();
  await expect(form.getByText('64×64×3')).toBeVisible({ timeout: 30_000 });
  const sample = form.getByRole('region', { name: 'Sample' });
  await expect(sample.getByRole('img')).toHaveCount(24);
  await expect(sample.getByRole('img', { name: 'Image of class daffodil' }).first()).toBeVisible();
  await expect.poll(() => drawnShare(sample.locator('canvas').nth(5))).toBeGreaterThan(0.3);
  await pictureWindow(app, 'import-flowers');

  await form.getByLabel('Name', { exact: true }).fill('17 flowers, small');
  await form.getByRole('button', { name: 'Import 1,360 images' }).click();
  await expect(form).toBeHidden();
  await expect(page.getByRole('heading', { name: '17 flowers, small', level: 1 })).toBeVisible({ timeout: 120_000 });
  const wall = page.getByRole('listbox', { name: 'Images of 17 flowers, small' });
  await expect.poll(() => drawnShare(wall.locator('canvas'))).toBeGreaterThan(0.3);
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const flowers = datasets.find(({ manifest }) => manifest.name === '17 flowers, small')!.manifest;
  expect(flowers).toMatchObject({ images: 1360, shape: [64, 64, 3], plan: { fit: 'pad', size: [64, 64] } });
});
