import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { writeIdx, writeImageFolder } from './data.ts';
import { expect, test } from './fixtures.ts';
import { call, type RunningApp } from './launch.ts';
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
