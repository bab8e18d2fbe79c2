import { expect, test } from './fixtures.ts';
import { call } from './launch.ts';
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
  // An undefended network: the attacks see it clearly.
  await expect(row).toContainText('green', { timeout: 120_000 });
  await expect(page.getByText('No sign of masked gradients')).toBeVisible();
  await expect(page.locator('article[data-item]')).toHaveCount(11);
  await expect(page.locator('article[data-item="step-size"] table td')).toHaveCount(24);
  await expect(page.locator('article[data-item="surface"] canvas')).toBeVisible();
  await expect(page.locator('article[data-item="iterations"] canvas')).toBeVisible();
  await takeScreenshots(app, 'done', ['Masking check']);
  expect(app.complaints).toEqual([]);
});
