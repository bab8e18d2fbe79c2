/** Maps of many examples in one array: row i is the map of example i, [rows, positions]. */
export interface MapRows {
  readonly values: Float32Array;
  /** Positions of one map: height · width. */
  readonly positions: number;
}

/** The map of one example; a view, not a copy. */
export function mapRow(maps: MapRows, row: number): Float32Array {
  return maps.values.subarray(row * maps.positions, (row + 1) * maps.positions);
}

/**
 * The positions with the largest values of a map. Of equal values the earlier position comes first, so that the area
 * always has the same size.
 * @param topPercent share of the positions in per cent, above 0; at least one position is chosen.
 * @returns [positions], 1 inside and 0 outside
 */
export function topArea(map: Float32Array, topPercent: number): Uint8Array {
  const count = Math.max(1, Math.round((map.length * topPercent) / 100));
  const order = Array.from(map.keys()).sort((a, b) => (map[b] ?? 0) - (map[a] ?? 0) || a - b);
  const area = new Uint8Array(map.length);
  for (const position of order.slice(0, count)) area[position] = 1;
  return area;
}

/** A map divided by its own L2 norm, in float64; a map of zeros stays zeros. */
export function normalised(map: Float32Array): Float64Array {
  let squares = 0;
  for (const value of map) squares += value * value;
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  return Float64Array.from(map, (value) => value * scale);
}

/** Mean of a map over the positions of an area that is not empty. */
export function areaMean(map: ArrayLike<number>, area: Uint8Array): number {
  let sum = 0;
  let count = 0;
  for (let position = 0; position < area.length; position += 1) {
    if (!area[position]) continue;
    sum += map[position] ?? 0;
    count += 1;
  }
  return sum / count;
}

/** Intersection over union of two areas, 0…1. */
export function intersectionOverUnion(first: Uint8Array, second: Uint8Array): number {
  let both = 0;
  let either = 0;
  for (let position = 0; position < first.length; position += 1) {
    if (first[position] && second[position]) both += 1;
    if (first[position] || second[position]) either += 1;
  }
  return either === 0 ? 0 : both / either;
}

/** Cosine similarity of two maps; 0 if one of them is all zeros. */
export function cosine(first: Float32Array, second: Float32Array): number {
  const other = normalised(second);
  return normalised(first).reduce((sum, value, position) => sum + value * (other[position] ?? 0), 0);
}
