import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import type { NpyArray } from '../arrays/npy.ts';
import { writeNpz } from '../arrays/npz.ts';
import { importDataset } from './import.ts';
import { openPacked } from './packed.ts';
import { previewSource } from './probe.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pairlight-npz-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const SHAPE = [3, 4, 4, 1];
// Values between n/255: 8 bits could not hold them.
const pixels = Float32Array.from({ length: 48 }, (_, at) => (at + 0.37) / 48);
const labels: NpyArray = { dtype: 'i32', shape: [3], data: Int32Array.of(2, 0, 2) };
const set = { adversarial: { dtype: 'f32', shape: SHAPE, data: pixels } as NpyArray, labels };

async function write(arrays: Record<string, NpyArray>): Promise<string> {
  const file = join(folder, 'attacked.npz');
  await writeNpz(file, arrays);
  return file;
}

const control = { checkpoint: () => Promise.resolve(), progress: () => undefined };

it('a saved adversarial set becomes a test set with the very same float32 pixels and all its classes', async () => {
  const logits: NpyArray = { dtype: 'f32', shape: [3, 5], data: new Float32Array(15) };
  const options = importPlan.parse({ path: await write({ ...set, logits_clean: logits }) });
  const preview = await previewSource(options, folder);
  expect(preview).toMatchObject({
    format: 'npz',
    images: 3,
    shape: [4, 4, 1],
    splits: { train: 0, validation: 0, test: 3 },
  });
  const manifest = await importDataset({ id: 'dataset-0123456789', folder, options }, control);
  expect(manifest).toMatchObject({ pixels: 'f32', classes: ['0', '1', '2', '3', '4'], classCounts: [1, 0, 2, 0, 0] });
  const data = await openPacked(folder);
  expect(data.readImages([2, 0])).toEqual(Float32Array.of(...pixels.subarray(32), ...pixels.subarray(0, 16)));
  expect([...data.readBytes([0])]).toEqual([...pixels.subarray(0, 16)].map((value) => Math.round(255 * value)));
  expect([...data.labels]).toEqual([2, 0, 2]);
  data.close();
});

it('classes take the names that the settings give', async () => {
  const settings = new TextEncoder().encode(JSON.stringify({ attack: 'pgd', classes: ['cat', 'dog', 'owl'] }));
  const options = importPlan.parse({
    path: await write({ ...set, settings: { dtype: 'u8', shape: [settings.length], data: settings } }),
  });
  const { classes } = await previewSource(options, folder);
  expect(classes).toEqual([
    { name: 'cat', images: 1 },
    { name: 'dog', images: 0 },
    { name: 'owl', images: 2 },
  ]);
});

it.each([
  ['no images', { labels }, /no array "adversarial" or "images"/],
  ['no labels', { adversarial: set.adversarial }, /no array "labels"/],
  [
    'pixels beyond [0, 1]',
    { ...set, adversarial: { ...set.adversarial, data: pixels.map((value) => 255 * value) } },
    /in \[0, 1\]/,
  ],
  ['channels first', { ...set, adversarial: { ...set.adversarial, shape: [3, 1, 4, 4] } }, /transpose/],
  [
    'labels of another length',
    { ...set, labels: { dtype: 'i32', shape: [2], data: Int32Array.of(0, 1) } },
    /3 images, but labels/,
  ],
  ['negative labels', { ...set, labels: { dtype: 'i32', shape: [3], data: Int32Array.of(0, -1, 1) } }, /label -1/],
] as const)('an NPZ with %s is refused with the reason', async (_, arrays, message) => {
  const options = importPlan.parse({ path: await write(arrays) });
  await expect(previewSource(options, folder)).rejects.toThrow(message);
});
