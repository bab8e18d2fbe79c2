import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NO_CLASS } from '../data-source.ts';
import { closeSources, openArrays, readSet } from '../fixtures/array-sets.ts';
import { realData } from '../fixtures/real-data.ts';

let root: string;
let source: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-cifar-'));
  source = join(root, 'cifar-10-batches-bin');
  mkdirSync(source);
});
afterEach(async () => {
  await closeSources();
  rmSync(root, { recursive: true });
});

/** A record: label bytes, then planes whose value at (channel, row, column) is 60 · channel + row + column. */
function record(...labels: readonly number[]): Uint8Array {
  const pixels = Array.from(
    { length: 3072 },
    (_, at) => 60 * Math.floor(at / 1024) + (Math.floor(at / 32) % 32) + (at % 32),
  );
  return Uint8Array.from([...labels, ...pixels]);
}
const put = (name: string, ...records: readonly Uint8Array[]): void =>
  writeFileSync(join(source, name), Buffer.concat(records));

test('batches in order, the test batch apart, planes as pixels, names from the file beside them', async () => {
  put('data_batch_10.bin', record(9));
  put('data_batch_2.bin', record(3), record(5));
  put('test_batch.bin', record(0));
  put('batches.meta.txt', Buffer.from('airplane\nautomobile\nbird\ncat\n\n'));
  const set = await openArrays(root, 'cifar');
  expect(set).toMatchObject({ suggestedName: 'CIFAR-10', shape: [32, 32, 3], keepsClasses: true });
  expect(set.classes.slice(2, 5)).toEqual(['bird', 'cat', '4']);
  expect(set.items.map(({ split }) => split)).toEqual(['train', 'train', 'train', 'test']);
  const { labels, bytes } = await readSet(set);
  expect(labels).toEqual([3, 5, 9, 0]);
  const pixels = bytes.subarray(3072, 2 * 3072);
  expect([...pixels.subarray(0, 3)]).toEqual([0, 60, 120]);
  expect([...pixels.subarray(3 * (32 * 7 + 20), 3 * (32 * 7 + 20) + 3)]).toEqual([27, 87, 147]);
  expect(Buffer.compare((await readSet(set, 3)).bytes, bytes.subarray(3 * 3072))).toBe(0);
});

test('CIFAR-100 has two labels, of which the fine one counts; one file stands for its folder', async () => {
  put('train.bin', record(19, 99), record(1, 4));
  put('test.bin', record(19, 98));
  const set = await openArrays(join(source, 'train.bin'), 'cifar');
  expect(set).toMatchObject({ suggestedName: 'CIFAR-100', classes: { length: 100 } });
  expect(set.items.map(({ label }) => label)).toEqual([98, 99, 4]);
});

test('a batch that is cut short, empty, or has a class too many is named', async () => {
  put('data_batch_1.bin', record(1), record(10));
  await expect(openArrays(source, 'cifar')).rejects.toThrow(
    /data_batch_1\.bin: image 1 has class 10, but CIFAR-10 has classes 0 to 9/,
  );
  truncateSync(join(source, 'data_batch_1.bin'), 5000);
  await expect(openArrays(source, 'cifar')).rejects.toThrow(/5000 bytes, which is no whole number of CIFAR-10/);
  truncateSync(join(source, 'data_batch_1.bin'), 0);
  await expect(openArrays(source, 'cifar')).rejects.toThrow(/data_batch_1\.bin has 0 bytes/);
});

test('an image whose label is out of range is listed, the others keep their places', async () => {
  put('data_batch_1.bin', record(1), record(12), record(3));
  const set = await openArrays(source, 'cifar');
  expect(set.items.map(({ label }) => label)).toEqual([1, NO_CLASS, 3]);
  expect(set.skipped).toEqual([
    { file: expect.stringMatching(/data_batch_1\.bin\[1\]$/) as string, reason: 'has the label 12, which is no class' },
  ]);
});

test('CIFAR-10 itself, out of its archive', async (ctx) => {
  const archive = realData('cifar-10-binary-subset.tar.gz');
  if (archive === null) return ctx.skip('CIFAR-10 is not beside the checkout');
  const set = await openArrays(archive, 'cifar');
  expect(set.classes).toEqual([
    'airplane',
    'automobile',
    'bird',
    'cat',
    'deer',
    'dog',
    'frog',
    'horse',
    'ship',
    'truck',
  ]);
  // numpy: the sum of all pixels of both batches.
  let sum = 0;
  for await (const { pixels } of set.blocks(0)) for (const value of pixels) sum += value;
  expect({ images: set.items.length, sum }).toEqual({ images: 20_000, sum: 7_451_756_212 });
});
