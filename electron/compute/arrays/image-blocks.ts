import type { AppError } from '../../../shared/domain/errors.ts';
import { badData } from './byte-stream.ts';
import { elementsOf } from './elements.ts';
import type { ElementType, Elements } from './elements.ts';
import { imageRecord } from './image-layout.ts';
import type { ImageLayout } from './image-layout.ts';
import { cutRecords, recordsPerBlock } from './records.ts';
import { cutShort, mebibytes, readWhole } from './stored.ts';
import { shapeSize } from './npy.ts';
import type { StoredArray } from './stored.ts';

/** What float32 rounding may put beyond [0, 1]. */
const SLACK = 1e-6;
/** An array whose images do not follow one another is read whole, up to so many bytes. */
const WHOLE_BYTES = 256 * 2 ** 20;

export type Samples = 'u8' | 'u16' | 'f32';

/** Some images: [count, height, width, channels]. */
export interface PixelBlock {
  readonly first: number;
  readonly count: number;
  readonly pixels: Uint8Array | Uint16Array | Float32Array;
}

/**
 * What the pixels of an array become: bytes and truth values bytes, 16 bits 16 bits, floats in [0, 1] float32.
 * @throws AppError `bad-data` for other types, and for an array that would have to be in memory whole and is too large.
 */
export function samplesOf(array: StoredArray, layout: ImageLayout): Samples {
  const samples = SAMPLES[array.type];
  if (!samples) {
    throw badData(
      array.name,
      `has pixels of type ${TYPE_NAMES[array.type]}, where uint8, uint16 or floats in [0, 1] were expected. Convert it, for instance by .astype('uint8')`,
    );
  }
  const { stride, inRow } = imageRecord(array, layout);
  if (!inRow && stride * layout.images > WHOLE_BYTES) {
    const order = array.columnMajor ? 'so that the images are the last axis' : 'so that the images are the first axis';
    throw badData(
      array.name,
      `has ${mebibytes(stride * layout.images)} in an order in which the pixels of an image lie far apart, and can be read up to ${mebibytes(WHOLE_BYTES)} only. Transpose it ${order}, and save it again`,
    );
  }
  return samples;
}

const SAMPLES: Readonly<Partial<Record<ElementType, Samples>>> = {
  bool: 'u8',
  u8: 'u8',
  u16: 'u16',
  f32: 'f32',
  f64: 'f32',
};
const TYPE_NAMES: Readonly<Record<ElementType, string>> = {
  bool: 'bool',
  u8: 'uint8',
  i8: 'int8',
  u16: 'uint16',
  i16: 'int16',
  u32: 'uint32',
  i32: 'int32',
  u64: 'uint64',
  i64: 'int64',
  f32: 'float32',
  f64: 'float64',
};

/**
 * The images of an array from number `from` on, in blocks of some megabytes.
 * @throws AppError `bad-data` where the file is damaged or ends early, and for floats beyond [0, 1].
 */
export async function* imageBlocks(array: StoredArray, layout: ImageLayout, from: number): AsyncGenerator<PixelBlock> {
  const { stride, inRow } = imageRecord(array, layout);
  const { images } = layout;
  if (from >= images) return;
  if (inRow) {
    const wrong = (expected: number, found: number): AppError => cutShort(array.name, expected, found);
    const records = cutRecords(array.bytes(from * stride), { stride, count: images, first: from }, wrong);
    for await (const { first, count, bytes } of records) {
      const elements = elementsOf(array.stored, bytes, array.bigEndian);
      yield { first, count, pixels: pixelsOf(array, layout, elements, 0, count, first) };
    }
    return;
  }
  const all = elementsOf(array.stored, await readWhole(array, WHOLE_BYTES), array.bigEndian);
  const perBlock = recordsPerBlock(stride);
  for (let first = from; first < images; first += perBlock) {
    const count = Math.min(perBlock, images - first);
    yield { first, count, pixels: pixelsOf(array, layout, all, first, count, first) };
  }
}

/** `count` images from number `start` of `elements` on, as [count, height, width, channels]. */
function pixelsOf(
  array: StoredArray,
  layout: ImageLayout,
  elements: Elements,
  start: number,
  count: number,
  named: number,
): PixelBlock['pixels'] {
  const length = count * shapeSize(layout.shape);
  if (array.type === 'bool')
    return ordered(elements, layout, start, new Uint8Array(length)).map((on) => (on ? 255 : 0));
  if (array.type === 'u8' || array.type === 'u16') {
    const kept = array.type === 'u8' ? Uint8Array : Uint16Array;
    if (isOrdered(layout) && elements instanceof kept && elements.length === length) return elements;
    return ordered(elements, layout, start, new kept(length));
  }
  const pixels = ordered(elements, layout, start, new Float32Array(length));
  const wrong = pixels.findIndex((value) => !(value >= -SLACK && value <= 1 + SLACK));
  if (wrong >= 0) {
    const image = named + Math.floor(wrong / shapeSize(layout.shape));
    throw badData(
      array.name,
      `has a pixel of ${pixels[wrong]} in image ${image}: floats must be in [0, 1]. Undo their normalisation, or convert pixels of 0 to 255 to uint8`,
    );
  }
  return pixels;
}

/** Whether the pixels lie in the file as they are wanted. */
function isOrdered({ shape: [height, width, channels], strides }: ImageLayout): boolean {
  return (
    (channels === 1 || strides.channel === 1) &&
    (width === 1 || strides.column === channels) &&
    (height === 1 || strides.row === width * channels)
  );
}

function ordered<T extends PixelBlock['pixels']>(elements: Elements, layout: ImageLayout, start: number, into: T): T {
  const numbers = elements as ArrayLike<number>;
  const [height, width, channels] = layout.shape;
  const { image, row, column, channel } = layout.strides;
  let to = 0;
  for (let base = start * image; to < into.length; base += image) {
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const at = base + y * row + x * column;
        for (let c = 0; c < channels; c += 1) into[to++] = numbers[at + c * channel] ?? 0;
      }
    }
  }
  return into;
}
