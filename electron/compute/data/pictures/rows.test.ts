import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { expect, test } from 'vitest';
import { readNpz } from '../../arrays/npz.ts';
import { decodePicture } from './decode.ts';
import { decodeMask } from './mask.ts';
import { brightnessAndContrast, perceptualHash } from './measures.ts';
import { transformRows } from './rows.ts';
import type { Target } from './target.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'pictures');
const SAME: Target = {
  width: 3,
  height: 2,
  channels: 1,
  fit: 'crop',
  padColour: '#000000',
  filter: 'lanczos3',
  depth: 'u8',
};

test('rows that need no change come back themselves', () => {
  const bytes = new Uint8Array(2 * 3 * 100);
  expect(transformRows(bytes, [2, 3, 1], SAME)).toBe(bytes);
  const floats = new Float32Array(6);
  expect(transformRows(floats, [2, 3, 1], { ...SAME, depth: 'f32' })).toBe(floats);
});

test('rows of an array become what the same picture in a file becomes', async () => {
  const width = 31;
  const height = 23;
  const data = Uint8Array.from({ length: 2 * width * height * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) % 256);
  for (const fit of ['crop', 'stretch', 'pad'] as const) {
    const target: Target = { ...SAME, width: 12, height: 9, channels: 3, fit, filter: 'bicubic' };
    const rows = transformRows(data, [height, width, 3], target);
    const stride = width * height * 3;
    for (const row of [0, 1]) {
      const png = encode({ width, height, channels: 3, data: data.subarray(row * stride, (row + 1) * stride) });
      const { pixels } = await decodePicture(png, target);
      expect([...rows.subarray(row * 12 * 9 * 3, (row + 1) * 12 * 9 * 3)]).toEqual([...pixels]);
    }
  }
});

test('depth and channels change without a resize', () => {
  const floats: Target = { ...SAME, width: 2, height: 1, depth: 'f32' };
  expect([...transformRows(new Uint8Array([0, 255]), [1, 2, 1], floats)]).toEqual([0, 1]);
  expect([...transformRows(new Uint16Array([0, 65_535]), [1, 2, 1], floats)]).toEqual([0, 1]);
  const bytes: Target = { ...floats, depth: 'u8' };
  expect([...transformRows(new Uint16Array([0x12ff, 0xff00]), [1, 2, 1], bytes)]).toEqual([0x12, 0xff]);
  expect([...transformRows(new Float32Array([0.5, 2]), [1, 2, 1], bytes)]).toEqual([128, 255]);
  expect([...transformRows(new Uint8Array([9, 7]), [1, 2, 1], { ...bytes, channels: 3 })]).toEqual([9, 9, 9, 7, 7, 7]);
  expect([...transformRows(new Uint8Array([255, 0, 0, 0, 255, 0]), [1, 2, 3], bytes)]).toEqual([76, 150]);
  // Half of white on black.
  expect([...transformRows(new Uint8Array([255, 128, 255, 255]), [1, 2, 2], bytes)]).toEqual([128, 255]);
});

test('five channels are refused', () => {
  expect(() => transformRows(new Uint8Array(30), [2, 3, 5], SAME)).toThrow('Images of 5 channels are not read');
});

test("a key area goes through its image's geometry without mixing pixels", async () => {
  const width = 8;
  const height = 4;
  // The right half is the key area.
  const half = (value: number): Uint8Array =>
    encode({ width, height, channels: 1, data: Uint8Array.from({ length: 32 }, (_, i) => (i % 8 < 4 ? 0 : value)) });
  const target = { width: 4, height: 4, fit: 'crop' } as const;
  const wanted = [0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255];
  expect([...(await decodeMask(half(255), target, { width, height }))]).toEqual(wanted);
  expect([...(await decodeMask(half(1), target, { width, height }))]).toEqual(wanted);
  // Of an image twice as large.
  expect([...(await decodeMask(half(255), target, { width: 16, height: 8 }))]).toEqual(wanted);
  const padded = await decodeMask(half(255), { width: 8, height: 8, fit: 'pad' }, { width, height });
  expect([...padded.subarray(0, 16)]).toEqual(new Array(16).fill(0));
  expect([...padded.subarray(16, 24)]).toEqual([0, 0, 0, 0, 255, 255, 255, 255]);
  const none = await decodeMask(half(0), target, { width, height });
  expect(new Set(none)).toEqual(new Set([0]));
});

test('a key area of other proportions than its image is refused with both sizes', async () => {
  const mask = encode({ width: 8, height: 8, channels: 1, data: new Uint8Array(64) });
  await expect(decodeMask(mask, { width: 4, height: 4, fit: 'crop' }, { width: 16, height: 8 })).rejects.toThrow(
    'its key area is 8 × 8 pixels, the image 16 × 8: their proportions differ',
  );
});

test('brightness is the mean, contrast the standard deviation', () => {
  expect(brightnessAndContrast(new Uint8Array([0, 255]))).toEqual({ brightness: 0.5, contrast: 0.5 });
  expect(brightnessAndContrast(new Float32Array([0.25, 0.25]))).toEqual({ brightness: 0.25, contrast: 0 });
});

const distance = (a: bigint, b: bigint): number => (a ^ b).toString(2).replaceAll('0', '').length;

test("a perceptual hash has the bits of SciPy's cosine transform", async () => {
  const { pixels } = await decodePicture(readFileSync(join(FIXTURES, 'photo.png')), {
    ...SAME,
    width: 64,
    height: 64,
    channels: 3,
  });
  const bits = (await readNpz(join(FIXTURES, 'expected-sizes.npz')))['hash']!.data as Uint8Array;
  expect(perceptualHash(pixels, [64, 64, 3]).toString(2).padStart(64, '0')).toBe([...bits].join(''));
});

test('similar pictures have similar hashes, others have not; all flat ones have the same', async () => {
  const at = async (size: number, filter: Target['filter']): Promise<bigint> => {
    const target: Target = { ...SAME, width: size, height: size, channels: 3, filter };
    return perceptualHash((await decodePicture(readFileSync(join(FIXTURES, 'photo.png')), target)).pixels, [
      size,
      size,
      3,
    ]);
  };
  expect(distance(await at(64, 'lanczos3'), await at(48, 'bilinear'))).toBeLessThanOrEqual(4);
  const other = Uint8Array.from({ length: 64 * 64 }, (_, i) => (i * 7919) % 251);
  expect(distance(await at(64, 'lanczos3'), perceptualHash(other, [64, 64, 1]))).toBeGreaterThan(16);
  const flat = (value: number): bigint => perceptualHash(new Uint8Array(900).fill(value), [30, 30, 1]);
  expect(flat(31)).toBe(flat(200));
});
