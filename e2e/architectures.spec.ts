import { expect, test } from './fixtures.ts';
import { choose, fill, open } from './ui.ts';

test('the form of a run draws its network, follows its settings, and says what does not fit the images', async ({
  app,
}) => {
  const { page } = app;
  await open(page, 'Training');
  await page.getByRole('button', { name: 'New run' }).first().click();
  const form = page.getByRole('dialog', { name: 'New training run' });
  await choose(form, 'Architecture', /^Wide ResNet/);
  await fill(form, 'Depth', '10');
  await fill(form, 'Width k', '1');
  const stages = form.getByRole('list', { name: /^wide-resnet at 28×28×1/ }).getByRole('listitem');
  await expect(form.getByText('77,562 parameters')).toBeVisible();
  await expect(stages).toHaveText([/^stem/, /^layer1.*28×28×16/, /^layer2.*14×14×32/, /^layer3.*7×7×64/, /^head/]);
  await expect(form.getByText(/A step takes about/)).toBeVisible();

  await form.getByText('Denoising, first weights').click();
  await form.getByRole('group', { name: 'Denoise after' }).getByRole('button', { name: 'layer2' }).click();
  await expect(form.getByText('79,674 parameters')).toBeVisible();
  await form.locator('summary', { hasText: /^Layers/ }).click();
  await expect(form.getByRole('cell', { name: 'layer2_denoise_filter', exact: true })).toBeVisible();

  await fill(form, 'Depth', '11');
  await expect(form.getByText(/6n \+ 4 layers, so not 11; the nearest is 10/)).toBeVisible();
  await choose(form, 'Architecture', /^VGG-16/);
  await expect(form.getByText(/28×28 are too small for vgg16-bn/)).toBeVisible();
  await form.getByRole('button', { name: 'Cancel' }).click();
});
