import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { stream } from '../random/stream.ts';
import { checkAugmentation, drawVariation, writeVaried, type Augmentation, type Variation } from './augment.ts';

const MIDDLE: Variation = { mirrored: false, top: 0, left: 0, holeRow: 0, holeColumn: 0 };
const OFF: Augmentation = { flip: false, cropPadding: 0, cutout: 0 };

/** The varied image in steps of 1/255, rows of pixels of one channel. */
function varied(
  bytes: readonly number[],
  shape: ImageShape,
  augmentation: Partial<Augmentation>,
  variation: Partial<Variation>,
  fill: readonly number[] = [],
): number[] {
  const into = new Float32Array(bytes.length);
  const all = { ...OFF, ...augmentation };
  writeVaried(Uint8Array.from(bytes), 0, into, 0, shape, all, { ...MIDDLE, ...variation }, fill);
  return Array.from(into, (value) => Math.round(255 * value));
}

describe('one variation of an image', () => {
  const pixels = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const shape: ImageShape = [3, 3, 1];

  it('mirrors left to right, channel by channel', () => {
    expect(varied(pixels, shape, { flip: true }, { mirrored: true })).toEqual([3, 2, 1, 6, 5, 4, 9, 8, 7]);
    expect(varied([1, 2, 3, 4], [1, 2, 2], { flip: true }, { mirrored: true })).toEqual([3, 4, 1, 2]);
  });

  it('crops from the image with a black border', () => {
    const crop = { cropPadding: 1 };
    expect(varied(pixels, shape, crop, { top: 1, left: 1 })).toEqual(pixels);
    expect(varied(pixels, shape, crop, { top: 0, left: 0 })).toEqual([0, 0, 0, 0, 1, 2, 0, 4, 5]);
    expect(varied(pixels, shape, crop, { top: 2, left: 1 })).toEqual([4, 5, 6, 7, 8, 9, 0, 0, 0]);
    // Cropped first, then mirrored.
    const both = { ...crop, flip: true };
    expect(varied(pixels, shape, both, { top: 1, left: 0, mirrored: true })).toEqual([2, 1, 0, 5, 4, 0, 8, 7, 0]);
  });

  it('paints a square around its centre, cut off at the border', () => {
    const fill = [50 / 255];
    expect(varied(pixels, shape, { cutout: 2 }, { holeRow: 1, holeColumn: 1 }, fill)).toEqual([
      50, 50, 3, 50, 50, 6, 7, 8, 9,
    ]);
    expect(varied(pixels, shape, { cutout: 2 }, { holeRow: 0, holeColumn: 2 }, fill)).toEqual([
      1, 50, 50, 4, 5, 6, 7, 8, 9,
    ]);
    expect(varied([1, 2, 3, 4], [1, 2, 2], { cutout: 1 }, { holeColumn: 1 }, [7 / 255, 9 / 255])).toEqual([1, 2, 7, 9]);
  });
});

const image = fc
  .tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 3, max: 9 }), fc.constantFrom(1, 3))
  .chain(([height, width, channels]) => {
    const size = height * width * channels;
    return fc.record({
      shape: fc.constant<ImageShape>([height, width, channels]),
      bytes: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: size, maxLength: size }),
      padding: fc.integer({ min: 0, max: 2 }),
      cutout: fc.integer({ min: 0, max: 2 }),
      seed: fc.integer(),
      epoch: fc.nat(50),
    });
  });

test('every pixel of a variation is a pixel of the image, black border or the hole', () => {
  fc.assert(
    fc.property(image, ({ shape, bytes, padding, cutout, seed, epoch }) => {
      const augmentation = { flip: true, cropPadding: padding, cutout };
      const variation = drawVariation(stream(seed, 'augment', 3, epoch), augmentation, shape);
      const [height, width, channels] = shape;
      const fill = new Array<number>(channels).fill(0.5);
      const result = varied(bytes, shape, augmentation, variation, fill);
      const holes = result.flatMap((value, at) => {
        const [row, column, channel] = [
          Math.floor(at / channels / width),
          Math.floor(at / channels) % width,
          at % channels,
        ];
        const sourceRow = row + variation.top - padding;
        const sourceColumn = (variation.mirrored ? width - 1 - column : column) + variation.left - padding;
        const outside = sourceRow < 0 || sourceRow >= height || sourceColumn < 0 || sourceColumn >= width;
        const expected = outside ? 0 : bytes[(sourceRow * width + sourceColumn) * channels + channel];
        return value === expected ? [] : [value];
      });
      expect(holes.length).toBeLessThanOrEqual(cutout * cutout * channels);
      expect(holes.every((value) => value === Math.round(127.5))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('a mirrored mirror image is the image again', () => {
  fc.assert(
    fc.property(image, ({ shape, bytes }) => {
      const once = varied(bytes, shape, { flip: true }, { mirrored: true });
      expect(varied(once, shape, { flip: true }, { mirrored: true })).toEqual(bytes);
    }),
    { numRuns: 30 },
  );
});

describe('what is drawn', () => {
  const shape: ImageShape = [8, 6, 3];
  const draw = (augmentation: Augmentation, example: number, epoch = 0): Variation =>
    drawVariation(stream(4, 'augment', example, epoch), augmentation, shape);

  it('covers every place, and mirrors half of the examples', () => {
    const drawn = Array.from({ length: 2000 }, (_, example) =>
      draw({ flip: true, cropPadding: 2, cutout: 3 }, example),
    );
    for (const [key, places] of [
      ['top', 5],
      ['left', 5],
      ['holeRow', 8],
      ['holeColumn', 6],
    ] as const) {
      const counts = Array.from({ length: places }, (_, at) => drawn.filter((each) => each[key] === at).length);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2000);
      for (const count of counts) expect(Math.abs(count - 2000 / places)).toBeLessThan(5 * Math.sqrt(2000 / places));
    }
    expect(Math.abs(drawn.filter((each) => each.mirrored).length - 1000)).toBeLessThan(5 * Math.sqrt(500));
  });

  it('differs from epoch to epoch, and one part does not depend on whether another is on', () => {
    const places = (epoch: number): string =>
      Array.from({ length: 20 }, (_, example) =>
        JSON.stringify(draw({ ...OFF, cropPadding: 4 }, example, epoch)),
      ).join();
    expect(places(1)).not.toBe(places(0));
    expect(places(0)).toBe(places(0));
    const [alone, together] = [draw({ ...OFF, cropPadding: 4 }, 7), draw({ flip: true, cropPadding: 4, cutout: 2 }, 7)];
    expect([alone.top, alone.left, alone.holeRow]).toEqual([together.top, together.left, together.holeRow]);
  });
});

test('lengths that do not fit the images are refused by name', () => {
  expect(() => checkAugmentation({ ...OFF, cropPadding: 7, cutout: 7 }, [8, 9, 3])).not.toThrow();
  expect(() => checkAugmentation({ ...OFF, cropPadding: 8 }, [8, 9, 3])).toThrow(/cropPadding: 8 pixels.*9 × 8/);
  expect(() => checkAugmentation({ ...OFF, cutout: 9 }, [28, 9, 1])).toThrow(/cutout.*less than 9/);
});
