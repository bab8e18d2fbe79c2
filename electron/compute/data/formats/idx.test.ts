import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { closeSources, openArrays, readSet } from '../fixtures/array-sets.ts';
import { realData } from '../fixtures/real-data.ts';

let root: string;
let source: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-idx-'));
  source = join(root, 'digits');
  mkdirSync(source);
});
afterEach(async () => {
  await closeSources();
  rmSync(root, { recursive: true });
});

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
const open = (path: string) => openArrays(path, 'idx');
const refusal = async (path: string): Promise<{ code: string; message: string }> =>
  open(path)
    .then((found) => readSet(found))
    .then(
      () => Promise.reject(new Error('was read')),
      (error: { code: string; message: string }) => error,
    );

test('a set of plain and gzipped files is read bit for bit, from any image on, test part as given', async () => {
  writeSet();
  const set = await open(source);
  expect(set).toMatchObject({ suggestedName: 'digits', shape: [2, 3, 1], samples: 'u8', classes: ['0', '1', '2'] });
  const { bytes, labels: read } = await readSet(set);
  expect(Buffer.compare(bytes, Buffer.concat([pixels(30), pixels(9)]))).toBe(0);
  expect(read).toEqual([...labels(30), ...labels(9)]);
  for (const from of [1, 29, 30, 33]) {
    expect(Buffer.compare((await readSet(set, from)).bytes, bytes.subarray(6 * from))).toBe(0);
  }
  expect(set.items[29]).toEqual({ name: 'train-images-idx3-ubyte[29]', label: 2, split: 'train' });
  expect(set.items[30]?.split).toBe('test');
});

test('any one file of the set stands for the whole set', async () => {
  writeSet();
  const set = await open(join(source, 't10k-labels-idx1-ubyte.gz'));
  expect(set.items).toHaveLength(39);
});

test('colour images have a fourth dimension; labels with gaps become classes of their own', async () => {
  write('train-images-idx4-ubyte', idx([4, 2, 2, 3], pixels(4, 12)));
  write('train-labels.idx1-ubyte', idx([4], Uint8Array.of(7, 2, 7, 2)));
  const set = await open(source);
  expect(set).toMatchObject({ shape: [2, 2, 3], classes: ['2', '7'] });
  expect(set.items.map(({ label, split }) => [label, split])).toEqual([1, 0, 1, 0].map((label) => [label, null]));
});

test.each<[string, () => void, RegExp]>([
  [
    'a truncated image file',
    () => write('train-images-idx3-ubyte', idx([30, 2, 3], pixels(30).subarray(0, 100))),
    /train-images-idx3-ubyte is cut short: it has 100 of the 180 bytes of pixels/,
  ],
  [
    'an empty file',
    () => write('train-images-idx3-ubyte', Buffer.alloc(0)),
    /train-images-idx3-ubyte is not an IDX file/,
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
  [
    'a compressed file that is far larger than promised',
    () => write('t10k-images-idx3-ubyte.gz', gzipSync(idx([9, 2, 3], new Uint8Array(40 * 2 ** 20)))),
    /t10k-images-idx3-ubyte.gz has \d+ bytes of pixels, more than the 54/,
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
  ['two channels', () => write('train-images-idx3-ubyte', idx([30, 2, 3, 2], pixels(60))), /images of 2 channels/],
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

test('unknown names and folders with several sets say what to do', async () => {
  const odd = write('mystery.bin', idx([4], labels(4)));
  expect((await refusal(odd)).message).toMatch(/does not have the name of an IDX file. Give it a name like/);
  writeSet();
  write('emnist-train-images-idx3-ubyte', idx([30, 2, 3], pixels(30)));
  write('emnist-train-labels-idx1-ubyte', idx([30], labels(30)));
  expect((await refusal(source)).message).toMatch(
    /holds several data sets \(emnist-, unnamed\)|several data sets \(unnamed, emnist-\)/,
  );
  expect(await open(join(source, 'emnist-train-images-idx3-ubyte'))).toMatchObject({
    suggestedName: 'emnist',
    items: { length: 30 },
  });
});

test('MNIST itself: 60,000 training and 10,000 test images, in blocks of some megabytes', async (ctx) => {
  const folder = realData('mnist');
  if (folder === null) return ctx.skip('MNIST is not beside the checkout');
  const set = await open(folder);
  expect(set).toMatchObject({ suggestedName: 'mnist', shape: [28, 28, 1], items: { length: 70_000 } });
  let sum = 0;
  let largest = 0;
  for await (const { pixels: block } of set.blocks(0)) {
    largest = Math.max(largest, block.length);
    for (const value of block) sum += value;
  }
  expect(largest).toBeLessThan(5 * 2 ** 20);
  // numpy.concatenate of both parts, .sum()
  expect(sum).toBe(1_832_221_745);
});
