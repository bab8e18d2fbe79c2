import { expect, type Locator, type Page } from '@playwright/test';

export type ViewName =
  | 'Data sets'
  | 'Training'
  | 'Sweeps'
  | 'Evaluation'
  | 'Attention'
  | 'Masking check'
  | 'Compare'
  | 'Queue'
  | 'Engines'
  | 'Settings';

/** Opens a view from the sidebar. */
export async function open(page: Page, view: ViewName): Promise<void> {
  await page
    .getByRole('navigation', { name: 'Views' })
    .getByRole('button', { name: new RegExp(`^${view}`) })
    .click();
}

/** Chooses an option of a select, by their accessible names. */
export async function choose(scope: Page | Locator, label: string, option: string | RegExp): Promise<void> {
  await scope.getByRole('combobox', { name: label, exact: true }).click();
  const page = 'page' in scope ? scope.page() : scope;
  await page.getByRole('option', { name: option }).first().click();
}

/** Types into a field, found by its label. */
export async function fill(scope: Locator, label: string, value: string): Promise<void> {
  await scope.getByLabel(label, { exact: true }).fill(value);
}

/** Opens the folded-away part of each form in the dialog. */
export async function showAll(dialog: Locator): Promise<void> {
  const folded = dialog.locator('details:not([open]) > summary');
  while ((await folded.count()) > 0) await folded.first().click();
}

/** Drops real files on the window, as the desktop does: the page gets them with their paths. */
export async function dropFiles(page: Page, files: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  const send = (type: 'dragEnter' | 'dragOver' | 'drop'): Promise<unknown> =>
    session.send('Input.dispatchDragEvent', { type, x: 500, y: 400, data });
  // A drop before the page's answer to the drag has come is none, and on a busy machine the answer takes its time.
  await expect(async () => {
    await send('dragEnter');
    await send('dragOver');
    await page.getByText('Drop to look inside before importing').waitFor();
    await send('dragOver');
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await page.evaluate(() => {
      const taken = new Promise<boolean>((resolve) => {
        addEventListener('drop', () => resolve(true), { once: true, capture: true });
        setTimeout(() => resolve(false), 2_000);
      });
      Object.assign(globalThis, { taken });
    });
    await send('drop');
    expect(await page.evaluate(() => (globalThis as unknown as { taken: Promise<boolean> }).taken)).toBe(true);
  }).toPass({ timeout: 30_000 });
  await session.detach();
}

/** Share of the pixels of a canvas that differ from the first one: 0 where nothing was drawn. */
export async function drawnShare(canvas: Locator): Promise<number> {
  return canvas.evaluate((element: HTMLCanvasElement) => {
    const context = element.getContext('2d');
    if (!context || element.width === 0) return 0;
    const { data } = context.getImageData(0, 0, element.width, element.height);
    const pixels = new Uint32Array(data.buffer);
    return pixels.reduce((count, pixel) => count + (pixel === pixels[0] ? 0 : 1), 0) / pixels.length;
  });
}
