import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';

/** What every image of a data set becomes, whatever it was. */
export interface Target {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** 1 is grey (luminance of ITU-R BT.601), 3 is RGB. */
  readonly channels: 1 | 3;
  readonly fit: ImportPlan['fit'];
  /** `#rrggbb`, around padded images and behind transparent pixels of them; others lie on black. */
  readonly padColour: string;
  readonly filter: ImportPlan['filter'];
  /** Bytes 0…255, or float32 in [0, 1], which keep all of 16 bits. */
  readonly depth: 'u8' | 'f32';
}

/** Samples in whichever form a source has them. */
export type Samples = Uint8Array | Uint16Array | Float32Array;

/** A picture as it was decoded: not yet turned upright, of the source's own size and depth. */
export interface RawPicture {
  readonly width: number;
  readonly height: number;
  /** Grey, grey and alpha, RGB, RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4;
  /** [height, width, channels]: 0…255, 0…65,535 or [0, 1]. */
  readonly data: Samples;
  /** What its decoder is too low by, on average, in each channel; it is added once pixels are averaged. */
  readonly tooLow?: readonly number[];
}

/** Red, green and blue, 0…255, of `#rrggbb`. */
export function colourOf(text: string): readonly [number, number, number] {
  const value = Number.parseInt(text.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * Luminance of ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B) in the sixteenth-bit integers that Pillow and libjpeg use.
 * @param red, green, blue 0…255.
 */
export function luminance(red: number, green: number, blue: number): number {
  return (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16;
}
