/** How far one colour scale reaches: over the whole gallery, one row, or one clean–adversarial pair. */
export const SCALE_MODES = ['all', 'row', 'pair'] as const;
export type ScaleMode = (typeof SCALE_MODES)[number];

/** Normalised maps of one model: a map for each row of the gallery. */
export interface MapPair {
  readonly clean: readonly Float32Array[];
  readonly adversarial: readonly Float32Array[];
}

/**
 * A map over its Euclidean norm, so that maps of different models can stand beside each other; zeros stay zeros.
 * @param map raw values, [height × width].
 */
export function normaliseMap(map: Float32Array): Float32Array {
  let squares = 0;
  for (const value of map) squares += value * value;
  const norm = Math.sqrt(squares);
  return norm > 0 ? map.map((value) => value / norm) : map.slice();
}

/** Splits an array [rows, height, width] into a normalised map for each row. */
export function normalisedRows(values: Float32Array, shape: readonly number[]): readonly Float32Array[] {
  const [rows = 0, height = 0, width = 0] = shape;
  const size = height * width;
  return Array.from({ length: rows }, (_, row) => normaliseMap(values.slice(row * size, (row + 1) * size)));
}

/**
 * Upper end of the colour scale for one map; the lower end is 0, or as far below 0 for maps that have a sign.
 * @param models the maps of every model shown together.
 * @param row the gallery's row.
 * @param model position of the map's model in `models`.
 * @returns a positive number; 1 if everything on the scale is 0.
 */
export function scaleMaximum(models: readonly MapPair[], mode: ScaleMode, row: number, model: number): number {
  const pairs = mode === 'pair' ? models.slice(model, model + 1) : models;
  let highest = 0;
  for (const pair of pairs) {
    for (const maps of [pair.clean, pair.adversarial]) {
      for (const map of mode === 'all' ? maps : maps.slice(row, row + 1)) {
        for (const value of map) highest = Math.max(highest, Math.abs(value));
      }
    }
  }
  return highest > 0 ? highest : 1;
}

/**
 * Ticks for a scale from 0 to `maximum`, or from −`maximum` for maps that have a sign: its ends and the middle, with as
 * many digits as tell them apart. `at` is the share of the scale.
 */
export function scaleTicks(maximum: number, signed = false): readonly { readonly at: number; readonly text: string }[] {
  const digits = Math.max(2, Math.min(6, 2 - Math.floor(Math.log10(maximum))));
  return [0, 0.5, 1].map((at) => {
    const value = (signed ? 2 * at - 1 : at) * maximum;
    return { at, text: value === 0 ? '0' : value.toFixed(digits).replace('-', '−') };
  });
}
