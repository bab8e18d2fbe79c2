import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readHead } from '../../../electron/compute/data/pictures/head.ts';
import { mnistFolder, pngFolder } from './sources.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pairlight-bench-sources-'));
afterAll(() => rmSync(scratch, { recursive: true }));

test('generated pictures are PNGs of 64 × 64, no two alike, in ten classes', async () => {
  const folder = await pngFolder(20, scratch);
  const files = readdirSync(folder).flatMap((name) =>
    readdirSync(join(folder, name)).map((file) => readFileSync(join(folder, name, file))),
  );
  expect(readdirSync(folder)).toHaveLength(10);
  expect(new Set(files.map((bytes) => bytes.toString('base64'))).size).toBe(20);
  for (const bytes of files)
    expect(await readHead(bytes)).toMatchObject({ format: 'png', width: 64, height: 64, grey: false });
});

test('without MNIST at hand the bundled sample is repeated to its size', async () => {
  const folder = await mnistFolder(null, scratch);
  const images = readFileSync(join(folder, 'train-images-idx3-ubyte'));
  expect([images.readUInt32BE(0), images.readUInt32BE(4), images.length]).toEqual([2051, 60_000, 16 + 60_000 * 784]);
  const labels = readFileSync(join(folder, 't10k-labels-idx1-ubyte'));
  expect([labels.readUInt32BE(0), labels.readUInt32BE(4), labels.length]).toEqual([2049, 10_000, 8 + 10_000]);
});
