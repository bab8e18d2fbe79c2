import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './fixtures.ts';
import { call, type RunningApp } from './launch.ts';
import { choose, open } from './ui.ts';

const IMAGES = 100_000;
const SIDE = 12;
const CLASSES = 50;

/** IDX files of a hundred thousand small images that all differ. */
function writeMany(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const header = (...words: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * words.length);
    words.forEach((word, at) => bytes.writeUInt32BE(word, 4 * at));
    return bytes;
  };
  const pixels = Buffer.alloc(IMAGES * SIDE * SIDE);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = (Math.imul(at, 2654435761) >>> 13) & 255;
  const labels = Buffer.from(Uint8Array.from({ length: IMAGES }, (_, at) => at % CLASSES));
  writeFileSync(join(folder, 'train-images-idx3-ubyte'), Buffer.concat([header(0x803, IMAGES, SIDE, SIDE), pixels]));
  writeFileSync(join(folder, 'train-labels-idx1-ubyte'), Buffer.concat([header(0x801, IMAGES), labels]));
  return folder;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** Milliseconds of processor time of the longest task of the window's main thread while `body` runs in the page. */
async function longestTask({ electron, page }: RunningApp, body: () => Promise<void>): Promise<number> {
  await electron.evaluate(({ contentTracing }) =>
    contentTracing.startRecording({ included_categories: ['toplevel', 'devtools.timeline'] }),
  );
  await page.evaluate(body);
  const file = await electron.evaluate(({ contentTracing }) => contentTracing.stopRecording());
  const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as { readonly traceEvents: readonly TraceEvent[] };
  const threads = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid }) => ph === 'X' && name.endsWith('RunTask') && threads.has(`${pid} ${tid}`),
  );
  expect(tasks.length).toBeGreaterThan(100);
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000;
}

const scrollSlowly = async (): Promise<void> => {
  const wall = document.querySelector('[role="listbox"][aria-label^="Images of"]')!;
  for (let frame = 0; frame < 120; frame += 1) {
    wall.scrollTop += 40;
    await new Promise(requestAnimationFrame);
  }
};

const scrollFast = async (): Promise<void> => {
  const wall = document.querySelector('[role="listbox"][aria-label^="Images of"]')!;
  for (let frame = 0; frame < 120; frame += 1) {
    wall.scrollTop = (wall.scrollHeight * ((frame * 37) % 120)) / 120;
    await new Promise(requestAnimationFrame);
  }
};

test('a hundred thousand images are there at once, and no frame takes 50 ms while they are scrolled', async ({
  app,
  folder,
}) => {
  const { page } = app;
  const { id } = await call(page, 'datasets.import', { path: writeMany(join(folder, 'many')), name: 'many' });
  const there = async (): Promise<boolean> =>
    (await call(page, 'library.snapshot', undefined)).datasets.some((row) => row.id === id);
  await expect.poll(there, { timeout: 120_000 }).toBe(true);
  await open(page, 'Data sets');

  const list = page.getByRole('region', { name: 'Data sets' });
  const paints: number[] = [];
  for (let time = 0; time < 3; time += 1) {
    await list.getByRole('button', { name: /^MNIST sample/ }).click();
    await expect(page.getByText('7,000 of 7,000 images')).toBeVisible();
    paints.push(await list.getByRole('button', { name: /^many/ }).evaluate(firstPaint));
  }
  // The best of three: what else the machine does is not the program's.
  expect(Math.min(...paints), `first paint ${paints.map(Math.round).join(', ')} ms`).toBeLessThan(300);

  expect(await longestTask(app, scrollSlowly)).toBeLessThan(50);
  expect(await longestTask(app, scrollFast)).toBeLessThan(50);
  await page.getByRole('radio', { name: 'class', exact: true }).click();
  await choose(page, 'Sort by', 'brightness');
  await expect(page.getByText('100,000 of 100,000 images')).toBeVisible();
  expect(await longestTask(app, scrollFast)).toBeLessThan(50);
  expect(app.complaints).toEqual([]);
});

/** Presses the entry of a data set; milliseconds until its wall shows more than a few colours. */
function firstPaint(entry: HTMLElement | SVGElement): Promise<number> {
  const started = performance.now();
  (entry as HTMLElement).click();
  return new Promise((resolve) => {
    const look = (): void => {
      const canvas = document.querySelector<HTMLCanvasElement>('[aria-label="Images of many"] canvas');
      const context = canvas?.getContext('2d');
      if (canvas && context && canvas.width > 0) {
        const pixels = new Uint32Array(context.getImageData(12, 12, 200, 40).data.buffer);
        if (new Set(pixels).size > 10) {
          resolve(performance.now() - started);
          return;
        }
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}
