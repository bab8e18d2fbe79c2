import { join } from 'node:path';
import { expect, test } from './fixtures.ts';
import { call, root } from './launch.ts';
import { takeScreenshots } from './screenshots.ts';
import { open } from './ui.ts';

test.use({ shared: 'check' });

test('a model is checked for gradient masking by one button, and the verdict with its parts is shown', async ({
  app,
}) => {
  const { page } = app;
  await open(page, 'Masking check');
  await expect(page.getByText('No model to check')).toBeVisible();
  const { datasets } = await call(page, 'library.snapshot', undefined);
  const trainer = { epochs: 2, trainLimit: 2000, validationSteps: 1 };
  await call(page, 'runs.create', {
    name: 'small',
    dataset: datasets[0]!.id,
    architecture: 'small-cnn',
    defence: 'natural',
    trainer,
  });
  const row = page.getByRole('navigation', { name: 'Models' }).getByRole('button', { name: /^small/ });
  await expect(row).toContainText('not checked', { timeout: 60_000 });

  const images = page.getByLabel('Images', { exact: true });
  await images.fill('7');
  await expect(page.getByText('A whole number from 20.')).toBeVisible();
  await images.fill('40');
  await page.getByRole('button', { name: 'Check for gradient masking' }).click();
  // Parts are shown as they are done, with the questions that are still open; a pause holds it, going on ends it.
  await expect(page.locator('article[data-item]').first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('list', { name: 'Parts to come' })).toBeVisible();
  const running = page.getByRole('region', { name: 'Progress of the check' });
  await running.getByRole('button', { name: 'Pause' }).click();
  await takeScreenshots(app, 'paused', ['Masking check']);
  await running.getByRole('button', { name: 'Resume' }).click({ timeout: 30_000 });
  // An undefended network: the attacks see it clearly.
  await expect(row).toContainText('green', { timeout: 120_000 });
  await expect(page.getByText('No sign of masked gradients')).toBeVisible();
  await expect(page.locator('article[data-item]')).toHaveCount(11);
  await expect(page.locator('article[data-item="step-size"] table td')).toHaveCount(24);
  await expect(page.locator('article[data-item="surface"] canvas')).toBeVisible();
  await expect(page.locator('article[data-item="iterations"] canvas')).toBeVisible();
  await takeScreenshots(app, 'done', ['Masking check']);

  // Of a model of another program little can be told; what to run instead is one click away, and is just that.
  const dataset = datasets[0]!.id;
  const normalisation = { mean: [0.1307], deviation: [0.3081] };
  const path = join(root, 'electron', 'compute', 'fixtures', 'foreign.onnx');
  const imported = await call(page, 'models.import', { path, dataset, reading: { normalisation } });
  const model = imported!.id;
  const examples = { count: 24 };
  await call(page, 'checks.create', { dataset, model, depth: 'quick', examples, sources: [], engine: 'wasm' });
  const foreign = page.getByRole('navigation', { name: 'Models' }).getByRole('button', { name: /^foreign/ });
  await foreign.click();
  await expect(foreign).toContainText('unknown', { timeout: 120_000 });
  await expect(page.getByText('Whether this model hides its gradients cannot be told')).toBeVisible();
  await takeScreenshots(app, 'foreign', ['Masking check']);
  await page.locator('article[data-item="iterations"]').getByRole('button', { name: 'Run this evaluation' }).click();
  await page.getByRole('button', { name: 'Show' }).click();
  await expect(page.getByRole('heading', { name: 'Evaluation', exact: true })).toBeVisible();
  const { evaluations } = await call(page, 'library.snapshot', undefined);
  expect(evaluations.at(-1)!.request).toMatchObject({
    targets: [model],
    attack: { name: 'square', settings: { epsilon: 0.25, queries: 5000 } },
    examples: { count: 24 },
  });
  expect(app.complaints).toEqual([]);
});
