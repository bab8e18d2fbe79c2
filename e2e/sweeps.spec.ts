import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { answerFileDialogs, call, quit, root } from './launch.ts';
import { takeScreenshots } from './screenshots.ts';
import { choose, drawnShare, dropFiles, fill, open } from './ui.ts';

test.use({ shared: 'sweeps' });

const YAML = (dataset: string): string => `name: two defences
dataset: ${dataset}
base: { architecture: small-cnn, epochs: 1, trainLimit: 256, validationSteps: 1, attackSteps: 2 }
grid:
  defence: [natural, at]
seeds: [0, 1]
evaluate:
  attacks:
    - { name: pgd, settings: { steps: 3 } }
  epsilons: [0.1, 0.2]
  examples: { count: 40 }
presets:
  quick: { seeds: [0] }
`;

const picture = (page: Page, name: string): Promise<unknown> =>
  page.screenshot({ path: join(root, 'e2e', 'screenshots', `sweeps-dialog-${name}.png`) });

test('a sweep from a YAML file is shown before it starts, run, and its numbers stand in one table', async ({
  app,
  folder,
}) => {
  const { page } = app;
  await open(page, 'Sweeps');
  await expect(page.getByText('No sweep yet')).toBeVisible();
  await takeScreenshots(app, 'empty', ['Sweeps']);
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const file = join(folder, 'two.yaml');
  writeFileSync(file, YAML(datasets[0]!.manifest.name));

  await dropFiles(page, [file]);
  const dialog = page.getByRole('dialog', { name: 'New sweep' });
  const plan = dialog.getByRole('region', { name: 'What it makes' });
  await expect(plan).toContainText('4 trainings');
  await expect(plan).toContainText('8 measurements');
  await expect(plan.getByRole('row')).toHaveText(['SettingSeeds', 'natural0, 1', 'at0, 1']);
  await choose(dialog, 'Preset', 'quick');
  await expect(plan).toContainText('2 trainings');
  await choose(dialog, 'Preset', 'none');
  await expect(plan).toContainText('4 trainings');
  await picture(page, 'yaml');
  await dialog.getByRole('button', { name: 'Start 4 trainings' }).click();

  const progress = page.getByRole('region', { name: 'Progress of the sweep' });
  await expect(progress).toContainText('of 4');
  const table = page.getByRole('grid', { name: 'Numbers' });
  await expect(page.getByRole('navigation', { name: 'Sweeps' })).toContainText('done', { timeout: 90_000 });
  await expect(table.getByRole('row')).toHaveCount(3);
  // Clean accuracy, two ε, and the worst case at both.
  const cells = table.getByRole('row', { name: /^natural/ }).getByRole('button');
  await expect(cells).toHaveCount(5);
  await expect(cells.first()).toHaveText(/^\d+\.\d ?± \d+\.\d$/);
  await expect.poll(() => drawnShare(page.locator('.plot canvas').first())).toBeGreaterThan(0.001);
  await takeScreenshots(app, 'full', ['Sweeps']);

  const saved = join(folder, 'numbers.csv');
  await answerFileDialogs(app, saved);
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await expect(page.getByText(`Saved to ${saved}`)).toBeVisible();
  const lines = readFileSync(saved, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(1 + 2 * 5);
  expect(lines[0]).toContain('mean,std,seeds');

  // A number leads to the examples of each seed.
  await cells.nth(1).click();
  await page.getByRole('menuitem', { name: 'Examples of seed 1' }).click();
  await expect(page.getByRole('heading', { name: 'Evaluation', exact: true })).toBeVisible();
  expect(app.complaints).toEqual([]);
});

test('what is wrong in the YAML stands beside its line, and is gone when it is mended', async ({ app, folder }) => {
  const { page } = app;
  await open(page, 'Sweeps');
  const file = join(folder, 'bad.yaml');
  writeFileSync(
    file,
    'name: bad\ndataset: none of ours\nbase: { architecture: small-cn, defence: at }\nseeds: []\nsed: 1\n',
  );
  await answerFileDialogs(app, file);
  await page.getByRole('button', { name: 'Open YAML' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'New sweep' });
  const faults = dialog.getByRole('alert').getByRole('button');
  await expect(faults).toHaveText([
    /^line 4, column 1 seeds: is an empty axis/,
    /^line 5, column 1 unknown key “sed”\. Did you mean “seeds”\?/,
  ]);
  await expect(dialog.getByRole('button', { name: /^Start/ })).toBeDisabled();
  await picture(page, 'faults');
  const text = dialog.getByLabel('YAML of the sweep');
  await faults.nth(1).click();
  await page.keyboard.press('Delete');
  expect(await text.inputValue()).toBe(
    'name: bad\ndataset: none of ours\nbase: { architecture: small-cn, defence: at }\nseeds: []\n\n',
  );
  await text.fill('name: bad\ndataset: none of ours\nbase: { architecture: small-cn, defence: at }\n');
  await expect(faults).toHaveText([/^line 3, column 9 unknown architecture “small-cn”\. Did you mean “small-cnn”\?/]);
  await text.fill('name: bad\ndataset: none of ours\nbase: { architecture: small-cnn, defence: at, epochs: 1 }\n');
  await expect(dialog.getByText('The library has no data set “none of ours”')).toBeVisible();
  await choose(dialog, 'Data set', /MNIST/);
  await expect(dialog.getByRole('button', { name: 'Start 1 training' })).toBeEnabled();
  // More than a hundred are only expanded when that is wanted.
  await text.fill(
    `name: many\ndataset: x\nbase: { architecture: small-cnn }\ngrid: { defence: [natural, at], epochs: [${Array.from({ length: 60 }, (_, n) => n + 1).join()}] }\n`,
  );
  await dialog.getByRole('button', { name: 'Expand them' }).click();
  await expect(dialog.getByRole('button', { name: 'Start all 120' })).toBeEnabled({ timeout: 60_000 });
  await picture(page, 'many');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  expect(app.complaints).toEqual([]);
});

test('a form makes the same sweep; it goes on after a restart, and is cancelled', async ({ start }) => {
  const app = await start();
  const { page } = app;
  await open(page, 'Sweeps');
  await page.getByRole('button', { name: 'New sweep' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'New sweep' });
  await expect(dialog.getByText('The plan appears when the sweep is complete.')).toBeVisible();
  await fill(dialog, 'Name', 'epochs');
  await fill(dialog, 'Seeds', '0');
  await choose(dialog, 'Defence', 'natural');
  await choose(dialog, 'Add an axis', 'Epochs');
  await fill(dialog, 'Epochs, values', '1, 2');
  await picture(page, 'form');
  await expect(dialog.getByRole('region', { name: 'What it makes' }).getByRole('row')).toHaveCount(3);
  // The YAML says the same.
  await dialog.getByRole('radio', { name: 'YAML' }).click();
  const text = dialog.getByLabel('YAML of the sweep');
  await expect(text).toHaveValue(/grid:\n {2}epochs: \[ 1, 2 \]\n/);
  await dialog.getByRole('radio', { name: 'Form' }).click();
  await expect(dialog.getByLabel('Epochs, values', { exact: true })).toHaveValue('1, 2');
  await dialog.getByRole('button', { name: 'Start 2 trainings' }).click();

  const progressOf = (shown: Page): Locator => shown.getByRole('region', { name: 'Progress of the sweep' });
  const running = progressOf(page).getByRole('list', { name: 'Running now' });
  await expect(running).toContainText('epochs', { timeout: 30_000 });
  await takeScreenshots(app, 'busy', ['Sweeps']);
  expect(app.complaints).toEqual([]);
  await quit(app);

  // What was interrupted is shown, goes on at a click, and ends at another.
  const again = await start();
  await open(again.page, 'Sweeps');
  const sweep = again.page.getByRole('region', { name: 'epochs', exact: true });
  const goOn = sweep.getByRole('button', { name: 'Go on' });
  await expect(progressOf(again.page)).toContainText('Not everything is there.');
  await goOn.click();
  await expect(goOn).toBeHidden();
  await expect(progressOf(again.page)).toContainText('epochs', { timeout: 60_000 });
  await sweep.getByRole('button', { name: 'Cancel' }).click();
  await expect(goOn).toBeVisible({ timeout: 30_000 });
  await expect(progressOf(again.page)).toContainText('Stopped:');
  // Deleting it leaves its models, and can be undone.
  await sweep.getByRole('button', { name: 'More' }).click();
  await again.page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(again.page.getByText('No sweep yet')).toBeVisible();
  await again.page.getByRole('button', { name: 'Undo' }).click();
  await expect(sweep).toBeVisible();
  expect(again.complaints).toEqual([]);
});

test('one click in New run makes the ablation of a defence a sweep, shown before it starts', async ({ app }) => {
  const { page } = app;
  await open(page, 'Training');
  await page.getByRole('button', { name: 'New run' }).first().click();
  const run = page.getByRole('dialog', { name: 'New training run' });
  await run.getByRole('button', { name: 'Ablation…' }).click();
  const dialog = page.getByRole('dialog', { name: 'New sweep' });
  const plan = dialog.getByRole('region', { name: 'What it makes' });
  await expect(plan).toContainText('4 trainings');
  await expect(plan.getByRole('row')).toHaveCount(5);
  await expect(dialog.getByLabel('YAML of the sweep')).toHaveValue(/steps: 200, restarts: 10/);
  await picture(page, 'ablation');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  expect(app.complaints).toEqual([]);
});
