import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPacked } from './packed.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pairlight-packed-'));
  writeFileSync(
    join(folder, 'images.u8'),
    Uint8Array.from({ length: 5 * 4 }, (_, index) => index * 10),
  );
  writeFileSync(join(folder, 'labels.u16'), Uint8Array.of(0, 0, 1, 0, 44, 1, 0, 0, 1, 0));
  writeFileSync(join(folder, 'splits.u8'), Uint8Array.of(0, 0, 1, 2, 0));
  writeFileSync(
    join(folder, 'manifest.json'),
    JSON.stringify({
      format: 1,
      id: 'dataset-0123456789',
      name: 'tiny',
      images: 5,
      shape: [2, 2, 1],
      classes: Array.from({ length: 301 }, (_, index) => String(index)),
      splits: { train: 3, validation: 1, test: 1 },
      classCounts: Array.from({ length: 301 }, () => 0),
      source: { kind: 'idx', paths: [], attribution: null },
      splitSeed: 0,
      hash: '0'.repeat(64),
      skipped: [],
      created: '2026-01-01T00:00:00.000Z',
    }),
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

test('reads labels of 16 bits, splits, and images by position in any order', async () => {
  const data = await openPacked(folder);
  expect([...data.labels]).toEqual([0, 1, 300, 0, 1]);
  expect([...data.positions('train')]).toEqual([0, 1, 4]);
  expect([...data.positions('test')]).toEqual([3]);
  expect([...data.readBytes([4, 0, 1])]).toEqual([160, 170, 180, 190, 0, 10, 20, 30, 40, 50, 60, 70]);
  data.close();
});

test('pixels become float32 in [0, 1]: byte / 255 rounded once', async () => {
  const data = await openPacked(folder);
  expect([...data.readImages([3])]).toEqual([120, 130, 140, 150].map((byte) => Math.fround(byte / 255)));
  data.close();
  data.close();
});

test.each([[5], [-1], [1.5], [Number.NaN]])('position %s is refused by name', async (position) => {
  const data = await openPacked(folder);
  expect(() => data.readBytes([0, position])).toThrow(/positions go from 0 to 4/);
  data.close();
});

test.each(['images.u8', 'labels.u16', 'splits.u8'])('a truncated %s is refused by name', async (name) => {
  truncateSync(join(folder, name), 3);
  await expect(openPacked(folder)).rejects.toMatchObject({ code: 'bad-data', message: expect.stringContaining(name) });
});

test('a label without a class, a split that is none, and a damaged manifest are refused', async () => {
  writeFileSync(join(folder, 'splits.u8'), Uint8Array.of(0, 0, 9, 2, 0));
  await expect(openPacked(folder)).rejects.toThrow(/image 2 is in no split/);
  writeFileSync(join(folder, 'labels.u16'), Uint8Array.of(0, 0, 1, 0, 45, 1, 0, 0, 1, 0));
  await expect(openPacked(folder)).rejects.toThrow(/image 2 has label 301/);
  writeFileSync(join(folder, 'manifest.json'), '{"format": 1');
  await expect(openPacked(folder)).rejects.toThrow(/manifest.json is not valid JSON/);
  rmSync(join(folder, 'manifest.json'));
  await expect(openPacked(folder)).rejects.toMatchObject({ code: 'not-found' });
});
