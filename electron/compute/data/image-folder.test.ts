import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encode } from 'fast-png';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import { importDataset } from './import.ts';
import { openPacked } from './packed.ts';
import { previewSource } from './probe.ts';

let root: string;
let source: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-folder-'));
  source = join(root, 'pets');
});
afterEach(() => rmSync(root, { recursive: true }));

const alone = { checkpoint: async () => undefined, progress: () => undefined };

function put(name: string, bytes: Uint8Array): void {
  mkdirSync(dirname(join(source, name)), { recursive: true });
  writeFileSync(join(source, name), bytes);
}
/** A PNG of one value: grey, or RGB. */
function png(value: number, width = 8, height = 6, channels: 1 | 3 = 1): Uint8Array {
  return encode({ width, height, channels, depth: 8, data: new Uint8Array(width * height * channels).fill(value) });
}
async function run(options: object = {}): Promise<{ manifest: DatasetManifest; folder: string }> {
  const folder = join(root, 'out');
  mkdirSync(folder, { recursive: true });
  const parsed = importPlan.parse({ path: source, validationShare: 0, testShare: 0, ...options });
  return { manifest: await importDataset({ id: 'dataset-0123456789', folder, options: parsed }, alone), folder };
}
const skippedOf = ({ manifest }: { manifest: DatasetManifest }): Record<string, string> =>
  Object.fromEntries(manifest.skipped.map(({ file, reason }) => [file, reason]));

test('one folder per class: classes by name, numbers in names by value', async () => {
  for (const name of ['class 10', 'class 2']) for (const i of [10, 9, 1]) put(`${name}/${i}.png`, png(i));
  const { manifest, folder } = await run();
  expect(manifest).toMatchObject({ name: 'pets', classes: ['class 2', 'class 10'], shape: [6, 8, 1], images: 6 });
  const data = await openPacked(folder);
  expect(Array.from({ length: 6 }, (_, i) => data.readBytes([i])[0])).toEqual([1, 9, 10, 1, 9, 10]);
  data.close();
});

test('good files in a bad folder are imported, the rest is listed with reasons', async () => {
  put('cat/1.png', png(10));
  put('cat/truncated.png', encode({ width: 64, height: 64, channels: 1, data: noise(4096) }).subarray(0, 1500));
  put('cat/text.png', Buffer.from('no image at all'));
  put('cat/notes.txt', Buffer.from('hello'));
  put('dog/1.png', png(20));
  put('dog/.DS_Store', Buffer.from('x'));
  put('stray.png', png(30));
  mkdirSync(join(source, 'empty'));
  put('broken only/1.png', Buffer.from('broken'));
  const result = await run();
  expect(result.manifest).toMatchObject({ images: 2, classes: ['cat', 'dog'], classCounts: [1, 1] });
  const skipped = skippedOf(result);
  expect(skipped[join('cat', 'truncated.png')]).toMatch(/damaged or cut short/);
  expect(skipped[join('cat', 'text.png')]).toMatch(/no image of a known format/);
  expect(skipped[join('cat', 'notes.txt')]).toMatch(/is not an image file/);
  expect(skipped['stray.png']).toMatch(/lies outside the class folders/);
  expect(skipped['empty']).toMatch(/class folder without an image/);
  expect(skipped['broken only']).toMatch(/class folder without an image/);
  expect(Object.keys(skipped)).toHaveLength(7);
});

test('colour wins over grey, and the most common size over others unless one is given', async () => {
  for (const i of [1, 2]) put(`a/${i}.png`, png(7, 8, 6));
  put('b/1.png', png(9, 20, 20, 3));
  const common = await run();
  expect(common.manifest.shape).toEqual([6, 8, 3]);
  expect((await run({ size: [16, 12] })).manifest.shape).toEqual([12, 16, 3]);
  const data = await openPacked(join(root, 'out'));
  expect([...data.readBytes([2]).subarray(0, 3)]).toEqual([9, 9, 9]);
  data.close();
});

test('train, val and test folders are the splits', async () => {
  for (const part of ['train', 'val', 'test'])
    for (const name of ['a', 'b']) for (const i of [1, 2, 3]) put(`${part}/${name}/${i}.png`, png(i));
  const { manifest } = await run({ validationShare: 0.5, testShare: 0.5 });
  expect(manifest).toMatchObject({ classes: ['a', 'b'], splits: { train: 6, validation: 6, test: 6 } });
});

test.each<[string, () => void, string, RegExp]>([
  ['one class', () => put('cat/1.png', png(1)), 'bad-data', /has 1 class \(cat\); a classifier needs at least two/],
  [
    'no subfolders',
    () => put('1.png', png(1)),
    'bad-data',
    /has no subfolders. Put the images of each class into a folder/,
  ],
  [
    'nothing but broken images',
    () => ['a', 'b'].forEach((name) => put(`${name}/1.png`, Buffer.from('x'))),
    'bad-data',
    /no class folder with an image that can be read. For example, a.1.png does not decode/,
  ],
])('%s: refused, saying what to do', async (_, make, code, message) => {
  make();
  await expect(run()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test('all classes but one broken inside is a data set of one class', async () => {
  put('cat/1.png', png(1));
  const whole = encode({ width: 64, height: 64, channels: 1, data: noise(4096) });
  put('dog/1.png', whole.subarray(0, whole.length - 2000));
  await expect(run()).rejects.toMatchObject({ code: 'bad-data', message: expect.stringMatching(/1 class \(cat\)/) });
});

test('a file where a folder is expected', async () => {
  put('cat/1.png', png(1));
  const path = join(source, 'cat', '1.png');
  await expect(run({ path, format: 'folder' })).rejects.toMatchObject({
    code: 'invalid-input',
    message: expect.stringMatching(/is a file where a folder is expected/),
  });
  await expect(run({ path })).rejects.toMatchObject({ message: expect.stringMatching(/Choose a folder/) });
});

test('the preview counts per class and names what it cannot read', async () => {
  for (const i of [1, 2, 3]) put(`a/${i}.png`, png(i));
  put('b/1.png', png(4));
  put('b/bad.png', Buffer.from('bad'));
  const preview = await previewSource(importPlan.parse({ path: source }), root);
  expect(preview.classes).toEqual([
    { name: 'a', images: 3 },
    { name: 'b', images: 1 },
  ]);
  expect(preview.skipped.map(({ file }) => file)).toEqual([join('b', 'bad.png')]);
});

/** Bytes that do not compress, from a fixed generator. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = (state * 16807) % 2147483647) & 255);
}
