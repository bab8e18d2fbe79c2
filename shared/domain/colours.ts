import { interpolateCividis, interpolateRdBu, interpolateViridis } from 'd3-scale-chromatic';

/** Categorical colours of Okabe & Ito (Wong 2011), in the order in which models take them. */
export const CATEGORY_COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#7f7f7f',
  '#000000',
] as const;

/** Dash patterns in pixels that go with the colours, so that a figure reads in grey too. */
export const CATEGORY_DASHES: readonly (readonly number[])[] = [
  [],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
  [1, 3],
  [10, 4],
  [4, 4],
  [3, 1],
];

/** Colour of a model's slot; slots beyond the palette begin again. */
export function categoryColour(slot: number): string {
  return CATEGORY_COLOURS[slot % CATEGORY_COLOURS.length] ?? CATEGORY_COLOURS[0];
}

export function categoryDash(slot: number): readonly number[] {
  return CATEGORY_DASHES[slot % CATEGORY_DASHES.length] ?? [];
}

/** `viridis` and `cividis` for values from 0 up, `signed` (blue–white–red, centred on 0) for differences. */
export type ColourMap = 'viridis' | 'cividis' | 'signed';

const INTERPOLATORS: Record<ColourMap, (t: number) => string> = {
  viridis: interpolateViridis,
  cividis: interpolateCividis,
  signed: (t) => interpolateRdBu(1 - t),
};

const tables = new Map<ColourMap, Uint8Array>();

/** 256 RGB triples of a colour map, from its low end to its high end. */
export function colourTable(map: ColourMap): Uint8Array {
  const known = tables.get(map);
  if (known) return known;
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) table.set(parseColour(INTERPOLATORS[map](i / 255)), i * 3);
  tables.set(map, table);
  return table;
}

function parseColour(colour: string): readonly [number, number, number] {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (hex) return [parseInt(hex[1] ?? '0', 16), parseInt(hex[2] ?? '0', 16), parseInt(hex[3] ?? '0', 16)];
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map(Number);
  return [red, green, blue];
}
