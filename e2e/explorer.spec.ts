import type { Locator, Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { call } from './launch.ts';
import { MODEL_FILES } from './models.ts';
import { choose, fill, open } from './ui.ts';

test.describe.configure({ mode: 'serial' });
test.use({ shared: 'explorer' });

const numbers = (page: Page): Locator => page.getByRole('grid', { name: 'Robust accuracy' });
const inspector = (page: Page): Locator => page.getByRole('complementary', { name: 'Details of the selected number' });

async function settled(page: Page): Promise<void> {
  const unfinished = async (): Promise<string[]> => {
    const { jobs } = await call(page, 'library.snapshot', undefined);
    return jobs.filter(({ state }) => ['waiting', 'running'].includes(state)).map(({ title }) => title);
  };
  await expect.poll(unfinished, { timeout: 120_000 }).toEqual([]);
}

test('goal, ensemble and limits of an attack are set in the window, kept, and named over its numbers', async ({
  app,
}) => {
  const { page } = app;
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const dataset = datasets[0]!.id;
  // The third takes its pixels otherwise: the same network would be refused as its own source.
  for (const [name, path, range] of [
    ['plain', MODEL_FILES.plainWeights, 'unit'],
    ['robust', MODEL_FILES.robustWeights, 'unit'],
    ['another', MODEL_FILES.plainWeights, 'signed'],
  ] as const) {
    await call(page, 'models.import', { path, architecture: 'small-cnn', dataset, name, reading: { range } });
  }
  await open(page, 'Training');
  await open(page, 'Evaluation');
  await page.getByRole('button', { name: 'New evaluation' }).first().click();
  const form = page.getByRole('dialog', { name: 'New evaluation' });
  await form.getByRole('group', { name: 'Models under attack' }).getByLabel('plain', { exact: true }).click();
  await form.getByRole('radio', { name: 'Transfer' }).click();
  const sources = form.getByRole('group', { name: 'Source models' });
  await expect(sources.getByLabel('plain', { exact: true })).toBeDisabled();
  await expect(sources.getByText('is under attack itself')).toBeVisible();
  for (const name of ['robust', 'another']) await sources.getByLabel(name, { exact: true }).click();
  await choose(form, 'Goal', 'the next class');
  await form.getByText('Limits', { exact: true }).click();
  await fill(form, 'For each example at most', '0');
  await form.getByRole('button', { name: 'Start evaluation' }).click();
  await expect(form.getByText(/limit of gradients or queries must be a whole number/)).toBeVisible();
  await fill(form, 'For each example at most', '25');
  await fill(form, 'Seconds at most', '600');
  await fill(form, 'Number', '40');
  await fill(form, 'Starts', '3');
  await form.getByRole('button', { name: 'Start evaluation' }).click();
  await expect(form).toBeHidden();
  await settled(page);

  const { evaluations } = await call(page, 'library.snapshot', undefined);
  const idOf = async (name: string): Promise<string> =>
    (await call(page, 'models.list', undefined)).find((model) => model.name === name)!.id;
  expect(evaluations[0]!.request).toMatchObject({
    source: await idOf('robust'),
    ensemble: [await idOf('another')],
    goal: 'next',
    limits: { seconds: 600, work: 25 },
  });
  expect(evaluations[0]).toMatchObject({ state: 'done', error: null });
  const head = numbers(page).getByRole('columnheader').last();
  await expect(head).toHaveText(
    /PGD-10 × 3\s*ε 0\.25\s*next class\s*at most 600 s\s*work at most 25\s*from robust \+ another/,
  );

  // All of it is there again for the next one, and an attack that knows no goal is refused it.
  await numbers(page)
    .getByRole('button', { name: /^plain, PGD-10/ })
    .click();
  await inspector(page).getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'New evaluation like this' }).click();
  await expect(form.getByRole('combobox', { name: 'Goal' })).toHaveText('the next class');
  await expect(form.getByLabel('For each example at most', { exact: true })).toHaveValue('25');
  await choose(form, 'Attack', 'BIM');
  await expect(sources.getByLabel('another', { exact: true })).toBeChecked();
  await form.getByRole('button', { name: 'Cancel' }).click();
});

test('settings that alone differ make headings that differ', async ({ app }) => {
  const { page } = app;
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const targets = (await call(page, 'models.list', undefined)).filter(({ name }) => name !== 'another');
  for (const [attack, settings] of [
    ['pgd', { epsilon: 0.2, steps: 5, stepSize: 0.05 }],
    ['pgd', { epsilon: 0.2, steps: 5, stepSize: 0.1 }],
    ['pgd', { epsilon: 2, norm: 'l2', steps: 5 }],
    ['square', { epsilon: 0.2, queries: 30 }],
  ] as const) {
    await call(page, 'evaluations.create', {
      dataset: datasets[0]!.id,
      targets: targets.map(({ id }) => id),
      attack: { name: attack, settings },
      examples: { count: 40 },
    });
  }
  await settled(page);
  const heads = await numbers(page).locator('thead tr').last().getByRole('columnheader').allInnerTexts();
  expect(new Set(heads).size).toBe(heads.length);
  expect(heads.filter((text) => /step 0\.(05|1)/.test(text))).toHaveLength(2);
  expect(heads.filter((text) => text.includes('L2 ε 2'))).toHaveLength(1);
});

test('from the keyboard: arrow keys through the numbers, Enter opens examples, and the worst case its attacks', async ({
  app,
}) => {
  const { page } = app;
  const grid = numbers(page);
  const first = grid.getByRole('button', { name: /^plain, PGD-5/ }).first();
  await first.focus();
  await page.keyboard.press('Home');
  await expect(grid.getByRole('button', { name: /^plain, clean/ })).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(grid.getByRole('button', { name: /^robust, clean/ })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(inspector(page).getByRole('combobox', { name: 'Show examples' })).toHaveText('Wrong before');
  await grid.getByRole('button', { name: /^robust, clean/ }).focus();
  await page.keyboard.press('ArrowRight');
  const worst = grid.getByRole('button', { name: /^robust, worst case/ });
  await expect(worst).toBeFocused();
  await page.keyboard.press('Enter');
  const attacks = page.getByRole('menuitem');
  await expect(attacks).toHaveCount(3);
  const shares = (await attacks.allInnerTexts()).map((text) => Number(/[\d.]+$/.exec(text.trim())?.[0]));
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  await page.keyboard.press('Enter');
  await expect(inspector(page).getByRole('combobox', { name: 'Show examples' })).toHaveText('Broken');
  await expect(inspector(page)).toContainText(shares[0]!.toFixed(1));
  expect(app.complaints).toEqual([]);
});
