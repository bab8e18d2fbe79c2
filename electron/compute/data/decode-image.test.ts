import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, expect, test } from 'vitest';
import { decodeImage, readImageHead } from './decode-image.ts';

const folder = mkdtempSync(join(tmpdir(), 'pairlight-decode-'));
afterAll(() => rmSync(folder, { recursive: true }));

function png(data: Uint8Array | Uint16Array, channels: 1 | 2 | 3 | 4): string {
  const file = join(folder, `${channels}-${data.BYTES_PER_ELEMENT}.png`);
  writeFileSync(file, encode({ width: 2, height: 1, data, channels, depth: data instanceof Uint16Array ? 16 : 8 }));
  return file;
}

test('every layout of samples becomes the same 8-bit pixels', async () => {
  expect([...(await decodeImage(png(new Uint8Array([7, 200]), 1), [1, 2, 1]))]).toEqual([7, 200]);
  expect([...(await decodeImage(png(new Uint16Array([7 * 256 + 99, 200 * 256]), 1), [1, 2, 1]))]).toEqual([7, 200]);
  expect([...(await decodeImage(png(new Uint8Array([7, 255, 200, 0]), 2), [1, 2, 3]))]).toEqual([7, 7, 7, 0, 0, 0]);
  expect([...(await decodeImage(png(new Uint8Array([1, 2, 3, 4, 5, 6]), 3), [1, 2, 3]))]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...(await decodeImage(png(new Uint8Array([255, 0, 0, 0, 255, 0]), 3), [1, 2, 1]))]).toEqual([76, 150]);
});

test('an image is scaled to cover the shape and cropped to its centre', async () => {
  const file = join(folder, 'wide.png');
  const data = new Uint8Array(8 * 4).map((_, i) => (i % 8 < 2 || i % 8 > 5 ? 0 : 255));
  writeFileSync(file, encode({ width: 8, height: 4, data, channels: 1, depth: 8 }));
  expect(await readImageHead(file)).toEqual({ width: 8, height: 4, grey: true });
  expect(Math.min(...(await decodeImage(file, [4, 4, 1])))).toBe(255);
});

test('a damaged image is an error, not a black picture', async () => {
  const damaged = join(folder, 'damaged.png');
  writeFileSync(
    damaged,
    encode({ width: 64, height: 64, data: new Uint8Array(4096), channels: 1, depth: 8 }).slice(0, 60),
  );
  await expect(decodeImage(damaged, [64, 64, 1])).rejects.toThrow();
});
