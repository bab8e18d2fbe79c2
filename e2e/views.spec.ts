import { expect, test } from './fixtures.ts';
import { call } from './launch.ts';
import { takeScreenshots } from './screenshots.ts';
import { open } from './ui.ts';

test.use({ shared: 'views' });

test('every empty view says what to do', async ({ start }) => {
  const app = await start();
  const { page } = app;
  for (const [view, text] of [
    ['Training', 'No run yet'],
    ['Evaluation', 'No model of this data set yet'],
    ['Attention', 'No model yet'],
    ['Compare', 'No run yet'],
    ['Queue', 'The queue is empty'],
  ] as const) {
    await open(page, view);
    await expect(page.getByText(text).first()).toBeVisible();
  }
  await takeScreenshots(app, 'first-start');
  const { datasets } = await call(page, 'library.snapshot', undefined);
  await call(page, 'entities.delete', { id: datasets[0]!.id });
  await open(page, 'Data sets');
  await expect(page.getByText('No data set yet')).toBeVisible();
  await takeScreenshots(app, 'empty', ['Data sets', 'Training', 'Evaluation']);
  expect(app.complaints).toEqual([]);
});

test('everything can be reached from the keyboard and from the menu', async ({ app }) => {
  const { page } = app;
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('dialog', { name: 'Search and commands' });
  await expect(palette).toBeVisible();
  await page.keyboard.type('engines');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Engines', level: 1 })).toBeVisible();
  await page.keyboard.press('Control+2');
  await expect(page.getByRole('heading', { name: 'Training', level: 1 })).toBeVisible();
  await page.keyboard.press('Control+n');
  await expect(page.getByRole('dialog', { name: 'New training run' })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+/');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await app.electron.evaluate(({ Menu }) => {
    Menu.getApplicationMenu()?.getMenuItemById('view.settings')?.click();
  });
  await expect(page.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible();
});

test('the theme is remembered: the next start has no flash of the other', async ({ start }) => {
  const first = await start();
  await first.page.getByRole('button', { name: 'Switch to dark' }).click();
  await expect.poll(() => call(first.page, 'app.preferences', undefined)).toMatchObject({ theme: 'dark' });
  await first.electron.close();
  const second = await start();
  const colour = await second.electron.evaluate(({ BrowserWindow, nativeTheme }) => ({
    background: BrowserWindow.getAllWindows()[0]?.getBackgroundColor(),
    dark: nativeTheme.shouldUseDarkColors,
  }));
  expect(colour).toEqual({ background: '#141619', dark: true });
  await expect(second.page.locator('html')).toHaveAttribute('data-theme', 'dark');
});
