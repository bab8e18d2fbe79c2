import type { ImageShape } from '../../../shared/domain/shape.ts';

/** Screen pixels for one pixel of the image: whole numbers, or whole parts below 1. */
const ZOOMS = [
  1 / 16,
  1 / 8,
  1 / 4,
  1 / 3,
  1 / 2,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  10,
  12,
  14,
  16,
  20,
  24,
  32,
  40,
  48,
  64,
] as const;

/** How an image is looked at: zoom, and the point of the image, in its pixels, at the middle of the box. */
export interface PixelSight {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly width: number;
  readonly height: number;
}

/** The whole image in the middle of the box, as large as a zoom allows. */
export function fitSight([height, width]: ImageShape, box: Box): PixelSight {
  const room = Math.min(box.width / width, box.height / height);
  const zoom = ZOOMS.findLast((candidate) => candidate <= room) ?? ZOOMS[0];
  return { zoom, x: width / 2, y: height / 2 };
}

/** The next larger or smaller zoom, keeping the point of the image under `at` (in the box) where it is. */
export function zoomedBy(sight: PixelSight, box: Box, by: 1 | -1, at: readonly [number, number]): PixelSight {
  const next =
    by > 0
      ? (ZOOMS.find((candidate) => candidate > sight.zoom) ?? sight.zoom)
      : (ZOOMS.findLast((candidate) => candidate < sight.zoom) ?? sight.zoom);
  const [dx, dy] = [at[0] - box.width / 2, at[1] - box.height / 2];
  return {
    zoom: next,
    x: sight.x + dx / sight.zoom - dx / next,
    y: sight.y + dy / sight.zoom - dy / next,
  };
}

/** Keeps the image in sight: an image smaller than the box stays in its middle, a larger one covers it. */
export function withinImage(sight: PixelSight, [height, width]: ImageShape, box: Box): PixelSight {
  const clamp = (value: number, size: number, room: number): number => {
    const half = room / sight.zoom / 2;
    return size <= 2 * half ? size / 2 : Math.min(size - half, Math.max(half, value));
  };
  return { zoom: sight.zoom, x: clamp(sight.x, width, box.width), y: clamp(sight.y, height, box.height) };
}

/** Where the upper left corner of the image lies in the box, in whole screen pixels. */
export function cornerOf(sight: PixelSight, box: Box): readonly [number, number] {
  return [Math.round(box.width / 2 - sight.x * sight.zoom), Math.round(box.height / 2 - sight.y * sight.zoom)];
}

/** Column and row of the pixel at a point of the box; null outside the image. */
export function pixelAt(
  sight: PixelSight,
  [height, width]: ImageShape,
  box: Box,
  at: readonly [number, number],
): readonly [column: number, row: number] | null {
  const [left, top] = cornerOf(sight, box);
  const column = Math.floor((at[0] - left) / sight.zoom);
  const row = Math.floor((at[1] - top) / sight.zoom);
  return column >= 0 && row >= 0 && column < width && row < height ? [column, row] : null;
}

/** `4×` or `1/2×`. */
export function zoomText(zoom: number): string {
  return zoom >= 1 ? `${zoom}×` : `1/${Math.round(1 / zoom)}×`;
}

/** Values of one pixel as they are kept: bytes 0…255, or floats. */
export function valuesAt(
  pixels: ArrayLike<number>,
  [, width, channels]: ImageShape,
  [column, row]: readonly [number, number],
): readonly number[] {
  return Array.from({ length: channels }, (_, channel) => pixels[(row * width + column) * channels + channel] ?? 0);
}

/**
 * Shares of the pixels by value, for each channel.
 * @param pixels [height, width, channels] in [0, 1]
 * @returns [channels][bins], each adding up to 1
 */
export function channelHistograms(pixels: Float32Array, channels: number, bins: number): readonly Float64Array[] {
  const found = Array.from({ length: channels }, () => new Float64Array(bins));
  const share = channels / pixels.length;
  for (let at = 0; at < pixels.length; at += channels) {
    for (let channel = 0; channel < channels; channel += 1) {
      const bin = Math.min(bins - 1, Math.max(0, Math.floor((pixels[at + channel] ?? 0) * bins)));
      const bars = found[channel];
      if (bars) bars[bin] = (bars[bin] ?? 0) + share;
    }
  }
  return found;
}

/** Least, greatest and mean pixel, and their standard deviation. */
export function pixelNumbers(pixels: Float32Array): {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  readonly deviation: number;
} {
  let minimum = Infinity;
  let maximum = -Infinity;
  let sum = 0;
  let squares = 0;
  for (const value of pixels) {
    minimum = Math.min(minimum, value);
    maximum = Math.max(maximum, value);
    sum += value;
    squares += value * value;
  }
  const mean = sum / pixels.length;
  return { minimum, maximum, mean, deviation: Math.sqrt(Math.max(0, squares / pixels.length - mean * mean)) };
}
