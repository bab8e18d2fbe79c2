import { encode } from 'fast-png';
import { paletteBytes, type MapPalette } from '../../../shared/domain/colour.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';

/** Pixels of one image, [height, width, channels] with values in [0, 1], 1 (grey) or 3 channels. */
export interface Picture {
  readonly shape: ImageShape;
  readonly values: ArrayLike<number>;
}

/** A heat map of a layer at its own resolution, [height, width]. */
export interface Map2D {
  readonly height: number;
  readonly width: number;
  readonly values: ArrayLike<number>;
}

/** Image pixels of the PNG for each pixel of the picture: nearest neighbour, as printers and viewers smooth otherwise. */
const ENLARGE = 4;

/** A picture as PNG, each pixel a square. */
export function picturePng(picture: Picture): Buffer {
  return overlayPng(picture, null, 1, 0);
}

/**
 * A heat map over its picture as PNG. The map is interpolated linearly between the centres of its cells, which shows
 * its true resolution without blocks; the picture stays visible below in grey.
 * @param maximum value at the top of the colour scale; 0 is its low end, or −maximum of the diverging palette.
 * @param opacity share of the map in the mixture, 0 to 1.
 */
export function overlayPng(
  picture: Picture,
  map: Map2D | null,
  maximum: number,
  opacity: number,
  palette: MapPalette = 'viridis',
): Buffer {
  const [rows, columns] = picture.shape;
  const height = rows * ENLARGE;
  const width = columns * ENLARGE;
  const colours = paletteBytes(palette);
  const share = (value: number): number =>
    clampUnit(palette === 'diverging' ? (value / maximum + 1) / 2 : value / maximum);
  const data = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      const level = map ? share(sampleMap(map, (y + 0.5) / height, (x + 0.5) / width)) : 0;
      const entry = Math.round(level * 255) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const below = 255 * pixel(picture, Math.floor(y / ENLARGE), Math.floor(x / ENLARGE), channel);
        data[at + channel] = Math.round((1 - opacity) * below + opacity * (colours[entry + channel] ?? 0));
      }
    }
  }
  return Buffer.from(encode({ width, height, data, channels: 3, depth: 8 }));
}

/** The colour scale itself, low end left. */
export function scalePng(palette: MapPalette = 'viridis'): Buffer {
  return Buffer.from(encode({ width: 256, height: 1, data: paletteBytes(palette), channels: 3, depth: 8 }));
}

function pixel({ shape: [, width, channels], values }: Picture, y: number, x: number, channel: number): number {
  return clampUnit(values[(y * width + x) * channels + Math.min(channel, channels - 1)] ?? 0);
}

/** The map at a place given in shares of its height and width, linear between cell centres, constant beyond them. */
function sampleMap(map: Map2D, v: number, u: number): number {
  const y = Math.min(Math.max(v * map.height - 0.5, 0), map.height - 1);
  const x = Math.min(Math.max(u * map.width - 0.5, 0), map.width - 1);
  const top = Math.floor(y);
  const left = Math.floor(x);
  const value = (row: number, column: number): number =>
    map.values[Math.min(row, map.height - 1) * map.width + Math.min(column, map.width - 1)] ?? 0;
  const upper = value(top, left) + (x - left) * (value(top, left + 1) - value(top, left));
  const lower = value(top + 1, left) + (x - left) * (value(top + 1, left + 1) - value(top + 1, left));
  return upper + (y - top) * (lower - upper);
}

function clampUnit(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}
