import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import { importDataset } from './import.ts';
import { openPacked } from './packed.ts';
import { previewSource } from './probe.ts';

let root: string;
let source: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-idx-'));
  source = join(root, 'digits');
  mkdirSync(source);
});
afterEach(() => rmSync(root, { recursive: true }));

const alone = { checkpoint: async () => undefined, progress: () => undefined };

/** An IDX file of unsigned bytes. */
function idx(extents: readonly number[], data: Uint8Array, type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * extents.length);
  header.set([0, 0, type, extents.length]);
  extents.forEach((extent, axis) => header.writeUInt32BE(extent, 4 + 4 * axis));
  return Buffer.concat([header, data]);
}
const pixels = (count: number, stride = 6): Uint8Array =>
  Uint8Array.from({ length: count * stride }, (_, i) => i % 251);
const labels = (count: number, classes = 3): Uint8Array => Uint8Array.from({ length: count }, (_, i) => i % classes);
const write = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(source, name), bytes);
  return join(source, name);
};
function writeSet(): void {
  write('train-images-idx3-ubyte', idx([30, 2, 3], pixels(30)));
  write('train-labels-idx1-ubyte', idx([30], labels(30)));
  write('t10k-images-idx3-ubyte.gz', gzipSync(idx([9, 2, 3], pixels(9))));
  write('t10k-labels-idx1-ubyte.gz', gzipSync(idx([9], labels(9))));
}
async function run(path: string): Promise<{ manifest: DatasetManifest; folder: string }> {
  const folder = join(root, 'out');
  mkdirSync(folder, { recursive: true });
  const options = importPlan.parse({ path });
  return { manifest: await importDataset({ id: 'dataset-0123456789', folder, options }, alone), folder };
}
const refusal = async (path: string): Promise<{ code: string; message: string }> =>
  run(path).then(
    () => Promise.reject(new Error('was imported')),
    (error: { code: string; message: string }) => error,
  );

test('a set of plain and gzipped files is imported bit for bit, test part as given', async () => {
  writeSet();
  const { manifest, folder } = await run(source);
  expect(manifest).toMatchObject({
    name: 'digits',
    images: 39,
    shape: [2, 3, 1],
    classes: ['0', '1', '2'],
    classCounts: [13, 13, 13],
    splits: { train: 27, validation: 3, test: 9 },
    skipped: [],
  });
  const data = await openPacked(folder);
  const all = data.readBytes(Array.from({ length: 39 }, (_, i) => i));
  expect(Buffer.compare(Buffer.from(all), Buffer.concat([pixels(30), pixels(9)]))).toBe(0);
  expect([...data.labels]).toEqual([...labels(30), ...labels(9)]);
  data.close();
});

test('any one file of the set stands for the whole set, and the preview says the same as the import', async () => {
  writeSet();
  const preview = await previewSource(importPlan.parse({ path: join(source, 't10k-labels-idx1-ubyte.gz') }), root);
  expect(preview).toMatchObject({
    format: 'idx',
    images: 39,
    shape: [2, 3, 1],
    splits: { train: 27, validation: 3, test: 9 },
  });
  expect(preview.classes).toEqual(['0', '1', '2'].map((name) => ({ name, images: 13 })));
  expect(preview.bytesFree).toBeGreaterThan(preview.bytesNeeded);
});

test('the hash tells data sets apart and repeats', async () => {
  writeSet();
  const first = await run(source);
  const second = await run(source);
  write('train-labels-idx1-ubyte', idx([30], labels(30).reverse()));
  const third = await run(source);
  expect(second.manifest.hash).toBe(first.manifest.hash);
  expect(third.manifest.hash).not.toBe(first.manifest.hash);
});

test('colour images have a fourth dimension; labels with gaps become classes of their own', async () => {
  write('train-images-idx4-ubyte', idx([4, 2, 2, 3], pixels(4, 12)));
  write('train-images.idx3-ubyte', idx([4, 2, 2, 3], pixels(4, 12)));
  write('train-labels.idx1-ubyte', idx([4], Uint8Array.of(7, 2, 7, 2)));
  rmSync(join(source, 'train-images-idx4-ubyte'));
  const { manifest, folder } = await run(source);
  expect(manifest).toMatchObject({ shape: [2, 2, 3], classes: ['2', '7'] });
  const data = await openPacked(folder);
  expect([...data.labels]).toEqual([1, 0, 1, 0]);
  data.close();
});

test.each<[string, () => void, RegExp]>([
  [
    'a truncated image file',
    () => write('train-images-idx3-ubyte', idx([30, 2, 3], pixels(30).subarray(0, 100))),
    /train-images-idx3-ubyte is cut short: it has 100 of the 180 bytes of pixels/,
  ],
  [
    'a truncated gzipped image file',
    () => write('t10k-images-idx3-ubyte.gz', gzipSync(idx([9, 2, 3], pixels(9))).subarray(0, 40)),
    /t10k-images-idx3-ubyte.gz is cut short: the compressed data end early/,
  ],
  [
    'gzipped images with fewer pixels than promised',
    () => write('t10k-images-idx3-ubyte.gz', gzipSync(idx([9, 2, 3], pixels(8)))),
    /t10k-images-idx3-ubyte.gz is cut short: it has 48 of the 54 bytes/,
  ],
  [
    'more data than promised',
    () => write('t10k-images-idx3-ubyte.gz', gzipSync(idx([9, 2, 3], pixels(10)))),
    /t10k-images-idx3-ubyte.gz has 60 bytes of pixels, more than the 54/,
  ],
  ['truncated labels', () => write('train-labels-idx1-ubyte', idx([30], labels(12))), /has 12 of the 30 labels/],
  [
    'fewer labels than images',
    () => write('train-labels-idx1-ubyte', idx([29], labels(29))),
    /has 29 labels, but .*train-images-idx3-ubyte has 30 images/,
  ],
  [
    'labels named as images',
    () => write('train-images-idx3-ubyte', idx([30], labels(30))),
    /train-images-idx3-ubyte holds labels where images belong/,
  ],
  [
    'images named as labels',
    () => write('train-labels-idx1-ubyte', idx([30, 2, 3], pixels(30))),
    /train-labels-idx1-ubyte holds 3 dimensions where labels have 1/,
  ],
  [
    'floats',
    () => write('train-images-idx3-ubyte', idx([30, 2, 3], pixels(30), 0x0d)),
    /32-bit floats; only unsigned bytes/,
  ],
  ['something else', () => write('train-labels-idx1-ubyte', Buffer.from('<!doctype html>')), /is not an IDX file/],
  [
    'a header that ends early',
    () => write('train-labels-idx1-ubyte', Uint8Array.of(0, 0, 8, 1, 0)),
    /header is not complete/,
  ],
  [
    'a missing partner',
    () => rmSync(join(source, 'train-labels-idx1-ubyte')),
    /train-labels-idx1-ubyte is missing beside it/,
  ],
  [
    'damaged compressed data',
    () => write('t10k-labels-idx1-ubyte.gz', Uint8Array.of(0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9)),
    /t10k-labels-idx1-ubyte.gz is damaged/,
  ],
  [
    'sizes that differ within a set',
    () => write('t10k-images-idx3-ubyte.gz', gzipSync(idx([9, 3, 3], pixels(9, 9)))),
    /holds images of 3×3×1, but .* holds 3×2×1/,
  ],
])('%s: refused with the file and the reason', async (_, damage, message) => {
  writeSet();
  damage();
  const error = await refusal(source);
  expect(error.code).toBe('bad-data');
  expect(error.message).toMatch(message);
});

test('a data set of one class is refused', async () => {
  write('train-images-idx3-ubyte', idx([4, 2, 3], pixels(4)));
  write('train-labels-idx1-ubyte', idx([4], Uint8Array.of(5, 5, 5, 5)));
  const error = await refusal(source);
  expect(error).toMatchObject({ code: 'bad-data' });
  expect(error.message).toMatch(/has 1 class \(5\); a classifier needs at least two/);
});

test('unknown names, missing paths and folders with several sets say what to do', async () => {
  const odd = write('mystery.bin', idx([4], labels(4)));
  expect((await refusal(odd)).message).toMatch(/does not have the name of an IDX file. Give it a name like/);
  expect(await refusal(join(root, 'nowhere'))).toMatchObject({ code: 'not-found' });
  writeSet();
  write('emnist-train-images-idx3-ubyte', idx([30, 2, 3], pixels(30)));
  write('emnist-train-labels-idx1-ubyte', idx([30], labels(30)));
  expect((await refusal(source)).message).toMatch(/holds several data sets/);
  expect((await run(join(source, 'emnist-train-images-idx3-ubyte'))).manifest).toMatchObject({
    name: 'emnist',
    images: 30,
  });
});

test('a cancelled import stops and leaves no manifest', async () => {
  writeSet();
  const folder = join(root, 'cancelled');
  mkdirSync(folder);
  const cancelled = Object.assign(new Error('stop'), { code: 'cancelled' });
  let checks = 0;
  const control = { ...alone, checkpoint: () => (++checks > 1 ? Promise.reject(cancelled) : Promise.resolve()) };
  const job = { id: 'dataset-0123456789', folder, options: importPlan.parse({ path: source }) };
  await expect(importDataset(job, control)).rejects.toBe(cancelled);
  await expect(openPacked(folder)).rejects.toMatchObject({ code: 'not-found' });
});
