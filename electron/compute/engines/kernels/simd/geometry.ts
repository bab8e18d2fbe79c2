import type { ConvPadding } from '../shapes.ts';
import type { FunctionWriter, Local } from './assembler.ts';

/**
 * A convolution of one image: x [height, width, channels] in a border of zeros ∗ filter [kh, kw, channels, outputs],
 * windows `stride` apart. The output's rows and columns may lie apart, for outputs that are written in turns.
 */
export interface ConvShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly outputs: number;
  readonly padding: ConvPadding;
  readonly stride: number;
  readonly outHeight: number;
  readonly outWidth: number;
  /** Elements from one output image, row and column to the next. */
  readonly outImage: number;
  readonly outRow: number;
  readonly outColumn: number;
}

export interface ConvKernel {
  readonly module: Uint8Array<ArrayBuffer>;
  /** Elements of zeroed memory that it needs for padded copies of images; 0 if it needs none. */
  readonly scratch: number;
  /** Output channels that one block of packed weights holds. */
  readonly block: number;
}

/** An image and the border that it needs. */
export type Image = Pick<ConvShape, 'height' | 'width' | 'channels' | 'padding'>;

/** The image that a kernel reads: a copy inside its border, or the original. Sizes in elements. */
export interface ImageExtents {
  /** Channels of the copy. */
  readonly channels: number;
  readonly row: number;
  readonly image: number;
  readonly copied: boolean;
}

/** @param channels as many as the copy shall have. */
export function extentsOf({ height, width, channels: own, padding }: Image, channels: number): ImageExtents {
  const { top, bottom, left, right } = padding;
  const row = (width + left + right) * channels;
  return {
    channels,
    row,
    image: (height + top + bottom) * row,
    copied: top + bottom + left + right > 0 || channels !== own,
  };
}

/** Copies the image at x into the zeroed memory at `to`, inside its border, and moves x to the next one. */
export function writeCopy(f: FunctionWriter, shape: Image, extents: ImageExtents, x: Local, to: Local): void {
  const { height, width, channels, padding } = shape;
  const at = f.local();
  f.move(at, to, (padding.top * extents.row + padding.left * extents.channels) * 4);
  const whole = extents.channels === channels;
  f.repeat(height, () => {
    f.repeat(whole ? 1 : width, () => {
      f.copy(at, x, (whole ? width : 1) * channels * 4);
      f.advance(x, (whole ? width : 1) * channels * 4).advance(at, (whole ? width : 1) * extents.channels * 4);
    });
    f.advance(at, (extents.row - width * extents.channels) * 4);
  });
}

/** So many parts of one size. */
export interface Parts {
  readonly size: number;
  readonly count: number;
}

/** A length in as few parts of at most `largest` as can be, of at most two sizes. */
export function partsOf(length: number, largest: number): readonly Parts[] {
  const count = Math.ceil(length / largest);
  const size = Math.floor(length / count);
  const larger = length - size * count;
  return [
    { size: size + 1, count: larger },
    { size, count: count - larger },
  ].filter((parts) => parts.count > 0);
}

export function largestDivisor(value: number, atMost: number): number {
  for (let divisor = Math.min(value, atMost); divisor > 1; divisor--) if (value % divisor === 0) return divisor;
  return 1;
}
