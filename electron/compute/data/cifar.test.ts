import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import { importDataset } from './import.ts';
import { openPacked } from './packed.ts';
import { previewSource } from './probe.ts';

let root: string;
let source: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-cifar-'));
  source = join(root, 'cifar-10-batches-bin');
  mkdirSync(source);
});
afterEach(() => rmSync(root, { recursive: true }));

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
const options = (path: string, more: object = {}) => importPlan.parse({ path, validationShare: 0, ...more });

test('batches in order, the test batch apart, planes as pixels, names from the file beside them', async () => {
  put('data_batch_10.bin', record(9));
  put('data_batch_2.bin', record(3), record(5));
  put('test_batch.bin', record(0));
  put('batches.meta.txt', Buffer.from('airplane\nautomobile\nbird\ncat\n\n'));
  const folder = join(root, 'out');
  mkdirSync(folder);
  const alone = { checkpoint: async () => undefined, progress: () => undefined };
  const manifest = await importDataset({ id: 'dataset-0123456789', folder, options: options(root) }, alone);
  expect(manifest).toMatchObject({
    name: 'CIFAR-10',
    images: 4,
    shape: [32, 32, 3],
    splits: { train: 3, validation: 0, test: 1 },
    classCounts: [1, 0, 0, 1, 0, 1, 0, 0, 0, 1],
    source: { kind: 'cifar' },
  });
  expect(manifest.classes.slice(2, 5)).toEqual(['bird', 'cat', '4']);
  const data = await openPacked(folder);
  expect([...data.labels]).toEqual([3, 5, 9, 0]);
  const pixels = data.readBytes([1]);
  expect([...pixels.subarray(0, 3)]).toEqual([0, 60, 120]);
  expect([...pixels.subarray(3 * (32 * 7 + 20), 3 * (32 * 7 + 20) + 3)]).toEqual([27, 87, 147]);
  data.close();
});

test('CIFAR-100 has two labels, of which the fine one counts; one file stands for its folder', async () => {
  put('train.bin', record(19, 99), record(1, 4));
  const preview = await previewSource(options(join(source, 'train.bin')), root);
  expect(preview).toMatchObject({ format: 'cifar', suggestedName: 'CIFAR-100', images: 2 });
  expect(preview.classes[99]).toEqual({ name: '99', images: 1 });
});

test('a batch that is cut short, has a class too many, or is missing is named', async () => {
  put('data_batch_1.bin', record(1), record(10));
  await expect(previewSource(options(source), root)).rejects.toThrow(
    /data_batch_1\.bin: image 1 has class 10, but CIFAR-10 has classes 0 to 9/,
  );
  truncateSync(join(source, 'data_batch_1.bin'), 5000);
  await expect(previewSource(options(source), root)).rejects.toThrow(
    /5000 bytes, which is no whole number of CIFAR-10/,
  );
  rmSync(join(source, 'data_batch_1.bin'));
  await expect(previewSource(options(source, { format: 'cifar' }), root)).rejects.toThrow(/holds no batches of CIFAR/);
});
