import { describe, expect, it } from 'vitest';
import { imageBlocks, samplesOf } from './image-blocks.ts';
import { imageLayout } from './image-layout.ts';
import { shapeSize } from './npy.ts';
import type { StoredArray } from './stored.ts';

/** An array whose elements are their own positions in the file. */
function numbered(shape: readonly number[], columnMajor = false): StoredArray {
  const data = Uint16Array.from({ length: shapeSize(shape) }, (_, at) => at);
  const bytes = new Uint8Array(data.buffer);
  return {
    kind: 'numbers',
    name: 'a',
    shape,
    columnMajor,
    type: 'u16',
    stored: 'u16',
    bigEndian: false,
    // In pieces that cut through elements.
    async *bytes(start) {
      for (let at = start; at < bytes.length; at += 7) yield await Promise.resolve(bytes.subarray(at, at + 7));
    },
  };
}

async function imagesOf(array: StoredArray, labels: number, from = 0): Promise<number[]> {
  const layout = imageLayout(array, labels);
  const pixels: number[] = [];
  for await (const block of imageBlocks(array, layout, from)) pixels.push(...block.pixels);
  return pixels;
}

describe('axes of images', () => {
  it.each<[string, readonly number[], boolean, number, readonly number[]]>([
    ['rows and columns', [5, 4, 6], false, 5, [4, 6, 1]],
    ['channels last', [5, 4, 6, 3], false, 5, [4, 6, 3]],
    ['channels first', [5, 3, 4, 6], false, 5, [4, 6, 3]],
    ['one channel first', [5, 1, 4, 6], false, 5, [4, 6, 1]],
    ['both ends could be channels: as is usual', [5, 3, 4, 3], false, 5, [3, 4, 3]],
    ['both ends could be channels: the square', [5, 3, 1, 1], false, 5, [1, 1, 3]],
    ['images last, as in MATLAB', [4, 6, 3, 5], true, 5, [4, 6, 3]],
    ['images first in MATLAB', [5, 4, 6], true, 5, [4, 6, 1]],
    ['both ends have as many: first for NumPy', [5, 4, 5], false, 5, [4, 5, 1]],
    ['both ends have as many: last for MATLAB', [5, 4, 5], true, 5, [5, 4, 1]],
    ['grey squares as rows', [5, 16], false, 5, [4, 4, 1]],
    ['planes of colour as rows', [5, 48], false, 5, [4, 4, 3]],
    ['planes of colour as columns', [48, 5], true, 5, [4, 4, 3]],
  ])('%s', (_, shape, columnMajor, labels, expected) => {
    const array = numbered(shape, columnMajor);
    const layout = imageLayout(array, labels);
    expect(layout.shape).toEqual(expected);
    expect(samplesOf(array, layout)).toBe('u16');
  });

  it.each<[string, readonly number[], RegExp]>([
    ['no axis of images', [6, 4, 4], /\[6, 4, 4\], of which neither end has 5 images/],
    ['two channels', [5, 4, 6, 2], /where \[images, height, width\], or that with 1 or 3 channels/],
    ['no square', [5, 20], /was expected. Reshape it/],
    ['five axes', [5, 2, 2, 2, 2], /was expected. Reshape it/],
    ['one axis', [5], /was expected. Reshape it/],
    ['empty images', [5, 0, 4], /was expected. Reshape it/],
  ])('%s: refused', (_, shape, message) => {
    expect(() => imageLayout(numbered(shape), 5)).toThrow(message);
  });
});

describe('images', () => {
  it('come row by row with their channels together, whatever the order in the file', async () => {
    // NumPy: numpy.arange(2 * 3 * 2 * 2).reshape(shape, order).transpose(…).ravel()
    expect(await imagesOf(numbered([2, 3, 2, 2]), 2)).toEqual([
      0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23,
    ]);
    expect(await imagesOf(numbered([2, 2, 3, 2], true), 2)).toEqual([
      0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11, 12, 16, 20, 14, 18, 22, 13, 17, 21, 15, 19, 23,
    ]);
    expect(await imagesOf(numbered([3, 2, 2], true), 3)).toEqual([0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11]);
    expect(await imagesOf(numbered([3, 2, 2], true), 3, 2)).toEqual([2, 8, 5, 11]);
    expect(await imagesOf(numbered([4, 2, 2]), 4, 3)).toEqual([12, 13, 14, 15]);
  });

  it('of an array that would have to be in memory whole and is too large: refused with what to do', () => {
    const array = { ...numbered([1, 1, 1]), shape: [100_000, 64, 64], columnMajor: true };
    const layout = imageLayout(array, 100_000);
    expect(() => samplesOf(array, layout)).toThrow(
      /782 MiB in an order .* 256 MiB only. Transpose it so that the images/,
    );
  });
});
