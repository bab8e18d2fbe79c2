import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { answerFileDialogs, call } from './launch.ts';
import { MODEL_FILES } from './models.ts';
import { dismissNotifications, takeScreenshots } from './screenshots.ts';
import { choose, drawnShare, open } from './ui.ts';

test.describe.configure({ mode: 'serial' });
test.use({ shared: 'datasets' });

const wall = (page: Page): Locator => page.getByRole('listbox', { name: /^Images of / });
const filter = (page: Page): Locator => page.getByRole('combobox', { name: 'Filter', exact: true });
const chosen = (page: Page): Locator => page.getByRole('region', { name: 'Chosen images' });
const inspector = (page: Page): Locator => page.getByRole('complementary', { name: /^Image / });
const heading = (page: Page, name: string): Locator => page.getByRole('heading', { name, level: 1, exact: true });

test('a filter is typed with help, and chips write into the same text', async ({ app }) => {
  const { page } = app;
  await open(page, 'Data sets');
  await expect(page.getByText('7,000 of 7,000 images')).toBeVisible();
  await filter(page).click();
  await page.keyboard.type('spl');
  await page.keyboard.press('Tab');
  await page.keyboard.type('te');
  await page.keyboard.press('Tab');
  await expect(filter(page)).toHaveValue('split:test ');
  await expect(page.getByText('1,000 of 7,000 images')).toBeVisible();
  await expect(page.getByRole('radio', { name: 'test', exact: true })).toBeChecked();

  const classes = page.getByRole('region', { name: 'Class' });
  await classes.getByRole('button', { name: /^7/ }).click();
  await expect(filter(page)).toHaveValue('split:test class:7');
  await classes.getByRole('button', { name: /^3/ }).click({ modifiers: ['Control'] });
  await expect(filter(page)).toHaveValue('split:test (class:7 OR class:3)');
  await expect(page.getByText('206 of 7,000 images')).toBeVisible();

  // What is wrong is shown where it is, and what was shown before stays.
  await filter(page).fill('split:test brightness:<dark');
  const problem = page.getByRole('search').getByRole('alert');
  await expect(problem).toContainText('brightness');
  await expect(problem.locator('mark')).toHaveText(/dark/);
  await expect(page.getByText('206 of 7,000 images')).toBeVisible();
  await filter(page).fill('split:test brightness:<0.1');
  await expect(problem).toBeHidden();
  const shown = Number(/^([\d,]+) of/.exec((await chosen(page).innerText()).trim())?.[1]?.replace(',', ''));
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const found = await page.evaluate(async (id) => {
    const reply = await window.pairlight.call('datasets.select', { id, filter: 'split:test' });
    const positions = reply.ok ? [...reply.value.positions] : [];
    const items = [];
    for (let at = 0; at < positions.length; at += 500) {
      const page = await window.pairlight.call('datasets.items', { id, positions: positions.slice(at, at + 500) });
      if (page.ok) items.push(...page.value);
    }
    return items.filter((item) => (item.brightness ?? 1) < 0.1).length;
  }, datasets[0]!.id);
  expect(shown).toBe(found);
});

test('a filter is saved under a name and used again', async ({ app }) => {
  const { page } = app;
  await page.getByRole('button', { name: 'Saved filters' }).click();
  await page.getByLabel('Name of this filter').fill('dark test images');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Clear the filter' }).first().click();
  await expect(page.getByText('7,000 of 7,000 images')).toBeVisible();
  await page.getByRole('button', { name: 'Saved filters' }).click();
  await page.getByRole('button', { name: /^dark test images/ }).click();
  await expect(filter(page)).toHaveValue('split:test brightness:<0.1');
  await filter(page).fill('');
  await expect(page.getByText('7,000 of 7,000 images')).toBeVisible();
});

test('images are grouped, put in order, and chosen with mouse and keyboard', async ({ app }) => {
  const { page } = app;
  await page.getByRole('radio', { name: 'class', exact: true }).click();
  await choose(page, 'Sort by', 'brightness');
  await wall(page).click({ position: { x: 40, y: 60 } });
  const option = page.getByRole('option', { name: /^Image / });
  await expect(option).toHaveText(/class 0/);
  await expect(chosen(page)).toContainText('1 image chosen');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await expect(chosen(page)).toContainText('3 images chosen');
  await page.keyboard.press('Control+a');
  await expect(chosen(page)).toContainText('7,000 images chosen');
  await page.keyboard.press('Escape');
  await expect(chosen(page)).toContainText('7,000 of 7,000 images');

  const box = (await wall(page).boundingBox())!;
  await page.mouse.move(box.x + 6, box.y + 34);
  await page.mouse.down();
  await page.mouse.move(box.x + 180, box.y + 80, { steps: 4 });
  await page.mouse.up();
  await expect(chosen(page)).toContainText('3 images chosen');
  // The heading of a group takes the whole of it.
  await page.mouse.click(box.x + 20, box.y + 10);
  await expect(chosen(page)).toContainText('677 images chosen');
  await page.keyboard.press('Escape');
  await page.getByRole('radio', { name: 'no groups', exact: true }).click();
  await choose(page, 'Sort by', 'position');
  expect(await drawnShare(wall(page).locator('canvas'))).toBeGreaterThan(0.05);
});

test('an image is looked at pixel by pixel, and two are compared', async ({ app }) => {
  const { page } = app;
  await wall(page).focus();
  await page.keyboard.press('Home');
  const picture = inspector(page).getByRole('img', { name: /^Image 0/ });
  await expect(inspector(page)).toContainText('train-images-idx3-ubyte.gz[0]');
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const expected = await page.evaluate(async (id) => {
    const response = await fetch(`pairlight://tensor/dataset/${id}/images?rows=0`);
    return new Uint8Array(await response.arrayBuffer())[14 * 28 + 14];
  }, datasets[0]!.id);
  const box = (await picture.boundingBox())!;
  await page.mouse.move(box.x + box.width / 2 + 2, box.y + box.height / 2 + 2);
  await expect(inspector(page).locator('output')).toContainText(`14, 14 ${expected}`);

  await wall(page).focus();
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('c');
  const dialog = page.getByRole('dialog', { name: 'Two images' });
  await expect(dialog.getByText(/L∞ .*, L2 .*% of values equal/)).toBeVisible();
  await expect(dialog.locator('canvas')).toHaveCount(3);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
});

test('a relabelled image makes a version; undo goes back, and the first set stays as it was', async ({ app }) => {
  const { page } = app;
  const before = (await call(page, 'library.snapshot', undefined)).datasets[0]!;
  await wall(page).focus();
  await page.keyboard.press('Home');
  await expect(inspector(page)).toContainText(/class\s*5/);
  await page.keyboard.press('r');
  await page.getByLabel('Find a class').last().fill('3');
  await page.keyboard.press('Enter');
  await expect(page.getByText('1 image is now 3, in a new version.')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole('button', { name: 'Version 2 of 2' })).toBeVisible();
  await expect(inspector(page)).toContainText(/class\s*3/);
  const after = await call(page, 'library.snapshot', undefined);
  const version = after.datasets.find(({ id }) => id !== before.id)!;
  expect(version.manifest.parent).toMatchObject({
    id: before.id,
    hash: before.manifest.hash,
    edits: [{ kind: 'relabel', positions: [0], label: 3 }],
  });
  expect(after.datasets.find(({ id }) => id === before.id)!.manifest).toEqual(before.manifest);

  await wall(page).focus();
  await page.keyboard.press('Control+z');
  await expect(heading(page, before.manifest.name)).toBeVisible();
  await expect(inspector(page)).toContainText(/class\s*5/);
  await expect.poll(async () => (await call(page, 'library.snapshot', undefined)).datasets.length).toBe(1);
  await page.getByRole('button', { name: 'Redo' }).click();
  await expect(heading(page, version.manifest.name)).toBeVisible();
  await expect(inspector(page)).toContainText(/class\s*3/);
});

test('images are taken out of a version of that version', async ({ app }) => {
  const { page } = app;
  await wall(page).focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Delete');
  await expect(page.getByText('2 images taken out, in a new version.')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText('6,998 images', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Version 3 of 3' }).click();
  await page.getByRole('button', { name: /^MNIST sample \d{4}.* as it was imported$/ }).click();
  await expect(heading(page, 'MNIST sample')).toBeVisible();
});

test('what is chosen is exported as a table', async ({ app }) => {
  const { page } = app;
  const file = join(app.library, '..', 'chosen.csv');
  await answerFileDialogs(app, file);
  await dismissNotifications(page);
  await wall(page).focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+ArrowRight');
  await chosen(page).getByRole('button', { name: 'Other formats' }).click();
  await page.getByRole('menuitem', { name: /CSV/ }).click();
  await expect(page.getByText(`Saved to ${file}`)).toBeVisible({ timeout: 30_000 });
  expect(existsSync(file)).toBe(true);
  const lines = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toContain('class');
});

test('what a model gets wrong is asked for in the filter, and its predictions are made when they are needed', async ({
  app,
}) => {
  const { page } = app;
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const { id: dataset } = datasets.find(({ manifest }) => manifest.name === 'MNIST sample')!;
  const path = MODEL_FILES.plainWeights;
  const model = await call(page, 'models.import', {
    path,
    architecture: 'small-cnn',
    dataset,
    name: 'plain',
    reading: { range: 'unit' },
  });
  await filter(page).fill(`split:test wrong.${model!.id}:true`);
  await page.getByRole('button', { name: 'Predict now' }).click();
  const shown = chosen(page).getByText(/of 7,000 images/);
  await expect(shown).not.toHaveText(/^(0|7,000) of/, { timeout: 60_000 });
  const wrong = Number(/^\d+/.exec(await shown.innerText())![0]);
  expect(wrong).toBeGreaterThan(5);
  expect(wrong).toBeLessThan(100);
  await wall(page).focus();
  await page.keyboard.press('Home');
  const says = page.getByRole('region', { name: 'What models say' });
  await expect(says.getByRole('button', { name: /^plain \d/ })).toBeVisible();
  await expect(says.locator('.wrong')).toBeVisible();
  await filter(page).fill('');
});

test('statistics show every class, and the set is verified', async ({ app }) => {
  const { page } = app;
  await page.getByRole('radio', { name: 'Statistics', exact: true }).click();
  const balance = page.getByRole('region', { name: 'Class balance' });
  await expect(balance.getByRole('row')).toHaveCount(11, { timeout: 60_000 });
  await expect(balance.getByRole('row', { name: /^0 / })).toContainText('677');
  await expect(page.getByRole('figure', { name: 'Brightness' }).locator('canvas')).toBeVisible();
  await expect(page.getByRole('img', { name: 'Mean of 9' })).toBeVisible();
  await takeScreenshots(app, 'statistics', ['Data sets']);
  await page.getByRole('radio', { name: 'About', exact: true }).click();
  await page.getByRole('button', { name: 'Verify', exact: true }).click();
  await expect(page.getByText(/as they were imported/)).toBeVisible({ timeout: 60_000 });
  await takeScreenshots(app, 'about', ['Data sets']);
  await page.getByRole('radio', { name: 'Images', exact: true }).click();
  expect(app.complaints).toEqual([]);
});
