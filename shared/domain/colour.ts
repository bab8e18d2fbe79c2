import { interpolateCividis, interpolateRdBu, interpolateViridis } from 'd3-scale-chromatic';

/** Okabe–Ito categorical colours for light backgrounds and paper, by colour slot; readable with colour-vision deficiency. */
export const CATEGORICAL = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#b8860b',
  '#56b4e9',
  '#7a5195',
  '#5f6368',
] as const;

/** The same slots, lightened for dark backgrounds. */
export const CATEGORICAL_DARK = [
  '#4aa8e0',
  '#f0803c',
  '#33c79c',
  '#e29cc2',
  '#f1b73a',
  '#8acdf2',
  '#b79ad6',
  '#a5abb3',
] as const;

/** Line dashes by slot, in pixels on and off, so that lines differ without colour too. */
export const DASHES: readonly (readonly number[])[] = [
  [],
  [5, 3],
  [2, 2],
  [7, 2, 2, 2],
  [1, 2],
  [10, 3],
  [4, 2, 1, 2, 1, 2],
  [3, 5],
];

export type MapPalette = 'viridis' | 'cividis' | 'diverging';

const INTERPOLATORS: Record<MapPalette, (t: number) => string> = {
  viridis: interpolateViridis,
  cividis: interpolateCividis,
  diverging: (t) => interpolateRdBu(1 - t),
};

const cache = new Map<MapPalette, Uint8Array>();

/** 256 colours of a palette as bytes [256, 3], first for the low end of the scale. */
export function paletteBytes(palette: MapPalette): Uint8Array {
  const known = cache.get(palette);
  if (known) return known;
  const bytes = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) bytes.set(parseColour(INTERPOLATORS[palette](i / 255)), i * 3);
  cache.set(palette, bytes);
  return bytes;
}

/** `#rrggbb` or `rgb(r, g, b)` as three bytes. */
function parseColour(colour: string): readonly number[] {
  const hex = /^#(..)(..)(..)$/.exec(colour);
  if (hex) return hex.slice(1).map((pair) => Number.parseInt(pair, 16));
  return (colour.match(/\d+/g) ?? []).map(Number);
}

/** Colour of a model's slot on paper; slots beyond the palette begin again. */
export function categoricalColour(slot: number): string {
  return CATEGORICAL[slot % CATEGORICAL.length] ?? CATEGORICAL[0];
}

/** Dash pattern of a slot, empty for a solid line. */
export function dashPattern(slot: number): readonly number[] {
  return DASHES[slot % DASHES.length] ?? [];
}
