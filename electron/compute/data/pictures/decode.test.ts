import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import encodeChunks from 'png-chunks-encode';
import { beforeAll, describe, expect, test } from 'vitest';
import { readNpz, type NpzArrays } from '../../arrays/npz.ts';
import { decodeRaw } from './decoders.ts';
import { decodePicture } from './decode.ts';
import { MOST_PIXELS, readHead } from './head.ts';
import type { Target } from './target.ts';
import { transform } from './transform.ts';

/** Pictures and pixels that scripts/fixtures/pictures.py had Pillow write and read. */
const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'pictures');
const bytesOf = (name: string): Buffer => readFileSync(join(FIXTURES, name));

const TARGET: Target = {
  width: 20,
  height: 20,
  channels: 3,
  fit: 'crop',
  padColour: '#204060',
  filter: 'lanczos3',
  depth: 'u8',
};

let files: NpzArrays;
let sizes: NpzArrays;
beforeAll(async () => {
  files = await readNpz(join(FIXTURES, 'expected-files.npz'));
  sizes = await readNpz(join(FIXTURES, 'expected-sizes.npz'));
});

/** Greatest and mean difference. */
function difference(found: ArrayLike<number>, wanted: ArrayLike<number>): { most: number; mean: number } {
  expect(found.length).toBe(wanted.length);
  const all = Array.from(wanted, (value, at) => Math.abs(value - found[at]!));
  return { most: Math.max(...all), mean: all.reduce((sum, value) => sum + value, 0) / all.length };
}

describe('at its own size', () => {
  test('every lossless picture has the pixels that Pillow reads, every lossy one almost', async () => {
    const found: Record<string, number> = {};
    for (const [name, { data, shape }] of Object.entries(files)) {
      if (name.startsWith('16-bit')) continue;
      const [height = 0, width = 0] = shape;
      const { pixels, head } = await decodePicture(bytesOf(name), { ...TARGET, width, height });
      expect([name, head.width, head.height]).toEqual([name, width, height]);
      const { most, mean } = difference(pixels, data as Uint8Array);
      if (most > 0) found[name] = most;
      expect(mean, name).toBeLessThanOrEqual(0.5);
    }
    expect(Object.keys(files).length).toBeGreaterThan(50);
    expect(found).toEqual({ 'cmyk.jpg': 1 });
  });

  test('16-bit samples keep all their bits as floats, and the upper 8 as bytes', async () => {
    for (const name of ['16-bit.png', '16-bit.tiff']) {
      const { data, shape } = files[name]!;
      const [height = 0, width = 0] = shape;
      const target: Target = { ...TARGET, width, height, channels: 1 };
      const bytes = await decodePicture(bytesOf(name), target);
      expect([...bytes.pixels]).toEqual(Array.from(data as Uint16Array, (value) => value >> 8));
      const floats = await decodePicture(bytesOf(name), { ...target, depth: 'f32' });
      expect([...floats.pixels].map((value) => Math.round(value * 65_535))).toEqual([...(data as Uint16Array)]);
    }
  });

  test('a head knows size, greyness and depth of every format', async () => {
    const heads = async (names: readonly string[]): Promise<unknown> =>
      Promise.all(
        names.map(async (name) => {
          const { format, grey, bits } = await readHead(bytesOf(name));
          return [name, format, grey, bits];
        }),
      );
    expect(await heads(['grey.png', '16-bit.png', 'palette.png', 'cmyk.jpg', 'grey.jpg', 'alpha.webp'])).toEqual([
      ['grey.png', 'png', true, 8],
      ['16-bit.png', 'png', true, 16],
      ['palette.png', 'png', false, 8],
      ['cmyk.jpg', 'jpeg', false, 8],
      ['grey.jpg', 'jpeg', true, 8],
      ['alpha.webp', 'webp', false, 8],
    ]);
    expect(await heads(['grey.bmp', 'rgb.bmp', 'grey.tiff', '16-bit.tiff', 'grey.gif', 'palette.gif'])).toEqual([
      ['grey.bmp', 'bmp', true, 8],
      ['rgb.bmp', 'bmp', false, 8],
      ['grey.tiff', 'tiff', true, 8],
      ['16-bit.tiff', 'tiff', true, 16],
      ['grey.gif', 'gif', true, 8],
      ['palette.gif', 'gif', false, 8],
    ]);
  });
});

describe('at another size', () => {
  test("crop, stretch and pad give Pillow's pixels with every filter", async () => {
    const photo = bytesOf('photo.png');
    let compared = 0;
    for (const [name, { data }] of Object.entries(sizes)) {
      const [, fit, width, height, filter] = /^(crop|stretch|pad)-(\d+)x(\d+)-(\w+)$/.exec(name) ?? [];
      if (fit === undefined) continue;
      const target = { ...TARGET, fit, width: Number(width), height: Number(height), filter } as Target;
      const { most, mean } = difference((await decodePicture(photo, target)).pixels, data as Uint8Array);
      // Pillow cuts what overshoots after its first pass, which shows where edges are enlarged.
      const allowed = filter === 'nearest' ? 0 : name === 'crop-60x80-lanczos3' ? 8 : 2;
      expect(most, name).toBeLessThanOrEqual(allowed);
      expect(mean, name).toBeLessThan(0.3);
      compared += 1;
    }
    expect(compared).toBe(22);
  });

  test('grey by the weights of ITU-R BT.601', async () => {
    const { pixels } = await decodePicture(bytesOf('photo.png'), { ...TARGET, channels: 1 });
    expect(difference(pixels, sizes['grey']!.data as Uint8Array).most).toBeLessThanOrEqual(1);
  });

  test('the fast decoder of JPEG serves where four pixels become one: no sample is off by more than three levels', async () => {
    const bytes = bytesOf('baseline.jpg');
    const head = await readHead(bytes);
    const half: Target = { ...TARGET, width: 18, height: 12, fit: 'stretch' };
    const [exact, fast] = await Promise.all(
      [true, false].map((exactly) => decodeRaw(bytes, head, exactly, (raw) => transform(raw, 1, half))),
    );
    expect(difference(fast!, exact!).most).toBeLessThanOrEqual(3);
  });

  test('a turned picture is placed as its upright twin', async () => {
    const upright = await decodePicture(bytesOf('turned-1.jpg'), { ...TARGET, width: 16, height: 20 });
    const mirrored = await decodePicture(bytesOf('turned-2.jpg'), { ...TARGET, width: 16, height: 20 });
    const back = Array.from({ length: 20 * 16 * 3 }, (_, i) => {
      const [row, column, channel] = [Math.floor(i / 48), Math.floor(i / 3) % 16, i % 3];
      return mirrored.pixels[(row * 16 + 15 - column) * 3 + channel]!;
    });
    expect(difference(back, upright.pixels).most).toBeLessThanOrEqual(1);
  });

  test('transparency lies on black, on the pad colour where a picture is padded', async () => {
    const clear = Buffer.from(bytesOf('transparent.gif'));
    const at = (fit: Target['fit']) => decodePicture(clear, { ...TARGET, width: 37, height: 37, fit });
    const hole = files['transparent.gif']!.data as Uint8Array;
    const pixel = Array.from({ length: 37 * 24 }, (_, i) => i).find(
      (i) => hole[3 * i] === 0 && hole[3 * i + 1] === 0 && hole[3 * i + 2] === 0,
    )!;
    expect((await at('pad')).pixels.slice((6 * 37 + pixel) * 3, (6 * 37 + pixel) * 3 + 3)).toEqual(
      new Uint8Array([0x20, 0x40, 0x60]),
    );
  });
});

describe('bad files', () => {
  const reasonFor = (bytes: Uint8Array): Promise<string> =>
    decodePicture(bytes, TARGET).then(
      () => 'decodes',
      (error: Error) => error.message,
    );

  test('one that is cut short anywhere is damaged, in every format', async () => {
    const found = new Set<string>();
    for (const name of [
      ...['rgb.png', 'palette.png', 'baseline.jpg', 'progressive.jpg', 'cmyk.jpg', 'lossy.webp', 'lossless.webp'],
      ...['rgb.bmp', 'palette.bmp', 'rgb-plain.tiff', 'rgb-tiff_lzw.tiff', 'palette.tiff', 'palette.gif'],
    ]) {
      const bytes = bytesOf(name);
      for (const share of [0.2, 0.5, 0.95]) found.add(await reasonFor(bytes.subarray(0, bytes.length * share)));
    }
    expect([...found]).toEqual(['does not decode: the file is damaged or cut short']);
  });

  test('an empty one, and one that is no picture', async () => {
    expect(await reasonFor(new Uint8Array())).toBe('does not decode: the file is empty');
    const known = 'does not decode: it is no image of a known format, whatever its name says';
    expect(await reasonFor(Buffer.from('<!doctype html><title>404</title>'))).toBe(known);
    expect(await reasonFor(Buffer.alloc(1000))).toBe(known);
  });

  test('samples that are no light', async () => {
    for (const name of ['float.tiff', 'ycbcr.tiff', 'lab.tiff']) {
      expect(await reasonFor(bytesOf(name))).toMatch(/^the pixel format is not supported/);
    }
  });

  test('TIFFs that the libraries would read as black', async () => {
    for (const name of ['zstd.tiff', 'lzma.tiff']) {
      expect(await reasonFor(bytesOf(name))).toMatch(/^the compression is not supported/);
    }
    expect(await reasonFor(bytesOf('cmyk-jpeg.tiff'))).toMatch(/^the pixel format is not supported/);
  });

  test('one pixel is a picture', async () => {
    const one = png(1, 1, Buffer.from([0, 77]));
    expect(new Set((await decodePicture(one, TARGET)).pixels)).toEqual(new Set([77]));
  });

  test('30,000 × 30,000 pixels are refused before any is decoded', async () => {
    // 112 MB of zeros in 110 kB: a real picture, not only a header.
    const bomb = png(30_000, 30_000, Buffer.alloc(30_000 * (1 + 30_000 / 8)), 1);
    expect(bomb.length).toBeLessThan(200_000);
    const before = process.memoryUsage().rss;
    const started = performance.now();
    expect(await reasonFor(bomb)).toBe('has 30,000 × 30,000 pixels; images above 100 megapixels are not decoded');
    expect(performance.now() - started).toBeLessThan(100);
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6);
    expect(30_000 * 30_000).toBeGreaterThan(MOST_PIXELS);
  });

  test('a frame that is larger than its GIF says cannot fill memory', async () => {
    const bytes = Buffer.from(bytesOf('grey.gif'));
    const frame = bytes.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 37, 0, 24, 0]));
    expect(frame).toBeGreaterThan(0);
    bytes.writeUInt16LE(60_000, frame + 5);
    bytes.writeUInt16LE(60_000, frame + 7);
    expect(await reasonFor(bytes)).toBe('does not decode: the file is damaged or cut short');
    expect(process.memoryUsage().rss).toBeLessThan(1.5e9);
  });
});

/** A grey PNG from its filtered rows. */
function png(width: number, height: number, rows: Buffer, bits = 8): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.writeUInt8(bits, 8);
  return encodeChunks([
    { name: 'IHDR', data: header },
    { name: 'IDAT', data: deflateSync(rows) },
    { name: 'IEND', data: new Uint8Array() },
  ]);
}
