import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { root, type RunningApp } from './launch.ts';
import { open, type ViewName } from './ui.ts';

const VIEWS: readonly ViewName[] = [
  'Data sets',
  'Training',
  'Sweeps',
  'Evaluation',
  'Attention',
  'Masking check',
  'Compare',
  'Queue',
  'Engines',
  'Settings',
];
const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
] as const;

/** Keeps a picture of each view, light and dark, in both sizes: `e2e/screenshots/evaluation-full-dark-1280.png`. */
export async function takeScreenshots(
  app: RunningApp,
  state: string,
  views: readonly ViewName[] = VIEWS,
): Promise<void> {
  await inEveryLook(app, async (look) => {
    for (const view of views) {
      await open(app.page, view);
      await keepPicture(app.page, `${view.toLowerCase().replace(' ', '-')}-${state}-${look}`);
    }
  });
}

/** Keeps a picture of what the window shows now, light and dark, in both sizes: `e2e/screenshots/import-dark-1280.png`. */
export async function pictureWindow(app: RunningApp, name: string): Promise<void> {
  await inEveryLook(app, (look) => keepPicture(app.page, `${name}-${look}`));
}

async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = join(root, 'e2e', 'screenshots');
  mkdirSync(folder, { recursive: true });
  const { width, height } = await page.evaluate(() => ({ width: innerWidth, height: innerHeight }));
  await page.mouse.move(width - 2, height - 2);
  // Charts and images draw after the frame that shows the view.
  await page.waitForTimeout(350);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

async function inEveryLook(app: RunningApp, picture: (look: string) => Promise<void>): Promise<void> {
  await dismissNotifications(app.page);
  for (const size of SIZES) {
    await resize(app, size);
    for (const theme of ['light', 'dark'] as const) {
      await switchTheme(app.page, theme);
      await picture(`${theme}-${size.width}`);
    }
  }
  await switchTheme(app.page, 'light');
  await resize(app, { width: 1440, height: 900 });
}

/** Puts away every message at the window's edge: it would lie over what is below it. */
export async function dismissNotifications(page: Page): Promise<void> {
  const dismiss = page.getByRole('region', { name: 'Notifications' }).getByRole('button', { name: 'Dismiss' });
  // One may go by itself between the look and the click.
  while ((await dismiss.count()) > 0)
    await dismiss
      .first()
      .click({ timeout: 1_000 })
      .catch(() => null);
}

async function switchTheme(page: Page, theme: 'light' | 'dark'): Promise<void> {
  // A dialog may lie over it.
  const button = page.getByRole('button', { name: `Switch to ${theme}`, includeHidden: true });
  if (await button.isVisible()) await button.dispatchEvent('click');
}

async function resize(
  { electron, page }: RunningApp,
  size: { readonly width: number; readonly height: number },
): Promise<void> {
  await electron.evaluate(({ BrowserWindow }, { width, height }) => {
    BrowserWindow.getAllWindows()[0]?.setContentSize(width, height);
  }, size);
  await page.waitForFunction(({ width, height }) => innerWidth === width && innerHeight === height, size);
}
