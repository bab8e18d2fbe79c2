import { paletteBytes, type MapPalette } from '../../shared/domain/colour.ts';

/** Low and high end of a colour scale; values outside take the colour of the nearer end. */
export type Scale = readonly [low: number, high: number];

type Values = Float32Array | Uint8Array | Uint16Array;

/**
 * Draws one image into RGBA bytes [height × width × 4].
 * @param pixels [height, width, channels], bytes 0…255 or floats in [0, 1]; one channel is grey, three or more are RGB.
 */
export function paintImage(pixels: Values, channels: number, target: Uint8ClampedArray): void {
  const scale = pixels instanceof Float32Array ? 255 : 1;
  const green = channels >= 3 ? 1 : 0;
  const blue = channels >= 3 ? 2 : 0;
  for (let from = 0, to = 0; to < target.length; from += channels, to += 4) {
    target[to] = (pixels[from] ?? 0) * scale;
    target[to + 1] = (pixels[from + green] ?? 0) * scale;
    target[to + 2] = (pixels[from + blue] ?? 0) * scale;
    target[to + 3] = 255;
  }
}

/** Position 0…255 of a value in a palette; 0 for a scale without extent and for NaN. */
export function paletteIndex(value: number, [low, high]: Scale): number {
  const share = (value - low) / (high - low);
  return share >= 1 ? 255 : share > 0 ? Math.min(255, Math.floor(share * 256)) : 0;
}

/**
 * Draws a map of values into RGBA bytes.
 * @param values [height, width], any unit
 * @param alpha opacity 0…1 of every pixel, for overlays
 */
export function paintMap(
  values: ArrayLike<number>,
  scale: Scale,
  target: Uint8ClampedArray,
  palette: MapPalette = 'viridis',
  alpha = 1,
): void {
  const colours = paletteBytes(palette);
  for (let from = 0, to = 0; to < target.length; from++, to += 4) {
    const at = 3 * paletteIndex(values[from] ?? 0, scale);
    target[to] = colours[at] ?? 0;
    target[to + 1] = colours[at + 1] ?? 0;
    target[to + 2] = colours[at + 2] ?? 0;
    target[to + 3] = alpha * 255;
  }
}

/**
 * Draws a signed image, such as x' − x, centred on 0: one channel in blue–white–red, three or more as grey ± colour.
 * @param values [height, width, channels]
 * @param limit the absolute value that reaches the ends of the scale
 */
export function paintSigned(
  values: ArrayLike<number>,
  channels: number,
  limit: number,
  target: Uint8ClampedArray,
): void {
  if (channels < 3) {
    const first = Float32Array.from({ length: target.length / 4 }, (_, i) => values[i * channels] ?? 0);
    paintMap(first, [-limit, limit], target, 'diverging');
    return;
  }
  for (let from = 0, to = 0; to < target.length; from += channels, to += 4) {
    for (let channel = 0; channel < 3; channel++)
      target[to + channel] = 127.5 * (1 + (values[from + channel] ?? 0) / limit);
    target[to + 3] = 255;
  }
}

/** Least and greatest finite value of all arrays together; [0, 1] if there is none. */
export function valueRange(arrays: readonly ArrayLike<number>[]): Scale {
  let low = Infinity;
  let high = -Infinity;
  for (const array of arrays) {
    for (let i = 0; i < array.length; i++) {
      const value = array[i] ?? Number.NaN;
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low > high ? [0, 1] : [low, high];
}
