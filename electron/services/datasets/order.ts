import { breathe } from './breathe.ts';

/** Comes last in any order. */
const LAST = 0xff_ff_ff_ff;

/**
 * Keys whose order as whole numbers is that of the values as float32; NaN comes last, also in descending order.
 * IEEE 754's bits, with the sign turned: positive numbers above negative ones, these in reverse.
 */
export function numberKeys(values: ArrayLike<number>, descending: boolean): Uint32Array {
  const floats = Float32Array.from(values);
  const keys = new Uint32Array(floats.buffer);
  for (let i = 0; i < keys.length; i += 1) {
    const bits = keys[i] ?? 0;
    if (Number.isNaN(floats[i])) {
      keys[i] = LAST;
      continue;
    }
    const rising = (bits & 0x80_00_00_00) === 0 ? bits | 0x80_00_00_00 : ~bits;
    keys[i] = descending ? ~rising : rising;
  }
  return keys;
}

/** The same for whole numbers below 2³² − 1, exactly; that number itself comes last. */
export function wholeKeys(values: ArrayLike<number>, descending: boolean): Uint32Array {
  const keys = Uint32Array.from(values);
  if (!descending) return keys;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i] ?? 0;
    if (key !== LAST) keys[i] = LAST - 1 - key;
  }
  return keys;
}

/**
 * `positions` in ascending order of their keys, equal ones in the order in which they were: radix sort, 11 bits at a time.
 * @param keys by position.
 */
export function ordered(positions: Uint32Array, keys: Uint32Array): Uint32Array {
  let from = positions;
  for (const shift of [0, 11, 22]) {
    const starts = new Uint32Array(2049);
    for (const position of from) {
      const bucket = (((keys[position] ?? 0) >>> shift) & 2047) + 1;
      starts[bucket] = (starts[bucket] ?? 0) + 1;
    }
    // All in one bucket: nothing would move.
    if (starts.includes(from.length)) continue;
    for (let bucket = 1; bucket < starts.length; bucket += 1)
      starts[bucket] = (starts[bucket] ?? 0) + (starts[bucket - 1] ?? 0);
    const to = new Uint32Array(from.length);
    for (const position of from) {
      const bucket = ((keys[position] ?? 0) >>> shift) & 2047;
      const place = starts[bucket] ?? 0;
      to[place] = position;
      starts[bucket] = place + 1;
    }
    from = to;
  }
  return from === positions ? positions.slice() : from;
}

/** Compared in one go: some milliseconds. */
const PIECE = 4_096;

/**
 * Rank of each text among all, numbers in them by their value (`img_9` before `img_10`); equal texts share a rank, nulls
 * have the last. A merge sort that lets the process breathe.
 */
export async function naturalRanks(texts: readonly (string | null)[]): Promise<Uint32Array> {
  const before = (a: number, b: number): boolean => compareNatural(texts[a] ?? null, texts[b] ?? null) <= 0;
  let runs = new Uint32Array(texts.length).map((_, at) => at);
  let other = new Uint32Array(texts.length);
  let compared = 0;
  for (let width = 1; width < texts.length; width *= 2) {
    for (let start = 0; start < texts.length; start += 2 * width) {
      const middle = Math.min(start + width, texts.length);
      const end = Math.min(start + 2 * width, texts.length);
      let [left, right] = [start, middle];
      for (let at = start; at < end; at += 1) {
        const takeLeft = left < middle && (right >= end || before(runs[left] ?? 0, runs[right] ?? 0));
        other[at] = (takeLeft ? runs[left++] : runs[right++]) ?? 0;
        compared += 1;
        if (compared % PIECE === 0) await breathe();
      }
    }
    [runs, other] = [other, runs];
  }
  const ranks = new Uint32Array(texts.length);
  let rank = 0;
  for (let at = 0; at < runs.length; at += 1) {
    const here = runs[at] ?? 0;
    const previous = at > 0 ? (texts[runs[at - 1] ?? 0] ?? null) : null;
    const own = texts[here] ?? null;
    if (at > 0 && compareNatural(previous, own) !== 0) rank = at;
    ranks[here] = own === null ? LAST : rank;
  }
  return ranks;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** Negative, zero or positive; runs of digits count as numbers. Null comes last. */
function compareNatural(a: string | null, b: string | null): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    const [one, two] = [a.charCodeAt(i), b.charCodeAt(j)];
    if (isDigit(one) && isDigit(two)) {
      const [startA, startB] = [i, j];
      while (a.charCodeAt(i) === 48) i += 1;
      while (b.charCodeAt(j) === 48) j += 1;
      const [zerosA, zerosB] = [i, j];
      while (isDigit(a.charCodeAt(i))) i += 1;
      while (isDigit(b.charCodeAt(j))) j += 1;
      if (i - zerosA !== j - zerosB) return i - zerosA - (j - zerosB);
      for (let k = 0; k < i - zerosA; k += 1) {
        const difference = a.charCodeAt(zerosA + k) - b.charCodeAt(zerosB + k);
        if (difference !== 0) return difference;
      }
      if (i - startA !== j - startB) return i - startA - (j - startB);
    } else {
      if (one !== two) return one - two;
      i += 1;
      j += 1;
    }
  }
  return a.length - i - (b.length - j);
}
