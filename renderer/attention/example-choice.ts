/** How the rows of a gallery are chosen. */
export const CHOICE_MODES = ['positions', 'random', 'classes'] as const;
export type ChoiceMode = (typeof CHOICE_MODES)[number];

/**
 * Positions typed by a person: numbers and ranges, `0, 5, 10-14`, kept in order, each once.
 * @param images number of images in the data set.
 * @returns the positions, or the part that cannot be read or lies outside the data set.
 */
export function parsePositions(
  text: string,
  images: number,
): { readonly positions: readonly number[] } | { readonly wrong: string } {
  const positions = new Set<number>();
  for (const part of text.split(/[\s,;]+/).filter((piece) => piece !== '')) {
    const match = /^(\d{1,9})(?:[-–](\d{1,9}))?$/.exec(part);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (!match || to < from || to >= images || to - from >= MOST_ROWS) return { wrong: part };
    for (let position = from; position <= to; position += 1) positions.add(position);
  }
  return positions.size > MOST_ROWS ? { wrong: `${positions.size} > ${MOST_ROWS}` } : { positions: [...positions] };
}

/** Rows that a gallery takes at most. */
export const MOST_ROWS = 512;

/**
 * A seeded sample without repetition, in ascending order, the same for the same seed everywhere.
 * @param candidates positions to choose from.
 */
export function samplePositions(candidates: readonly number[], count: number, seed: number): readonly number[] {
  const pool = [...candidates];
  const next = mulberry32(seed);
  const chosen = Math.min(count, pool.length);
  for (let index = 0; index < chosen; index += 1) {
    const other = index + Math.floor(next() * (pool.length - index));
    [pool[index], pool[other]] = [pool[other] ?? 0, pool[index] ?? 0];
  }
  return pool.slice(0, chosen).sort((a, b) => a - b);
}

/** The first `perClass` positions of each class among `candidates`, class by class. */
export function firstOfEachClass(
  candidates: readonly number[],
  labels: ArrayLike<number>,
  classes: number,
  perClass: number,
): readonly number[] {
  return Array.from({ length: classes }, (_, label) =>
    candidates.filter((position) => labels[position] === label).slice(0, perClass),
  ).flat();
}

/** Small generator of uniform numbers in [0, 1) (Tommy Ettinger's Mulberry32); enough for choosing rows. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
