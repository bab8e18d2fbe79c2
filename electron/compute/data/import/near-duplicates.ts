/** Pairs of equal or similar images: positions, and the Hamming distance of their perceptual hashes. */
export type Pair = readonly [a: number, b: number, distance: number];

export interface NearPairs {
  /** a < b, in ascending order of a, then b. */
  readonly pairs: readonly Pair[];
  /** False if the search ended at the limit. */
  readonly complete: boolean;
}

const BANDS = 4;
const BAND_BITS = 16;

/**
 * All pairs of 64-bit hashes that differ in `distance` bits at most, found through bands: of four bands of 16 bits one
 * differs in a quarter of the bits at most, so that only hashes with a like band need comparing (M. Norouzi et al.,
 * "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012). None is missed.
 * @param hashes [high, low] 32 bits of each, one after the other.
 * @param distance from 0 to 16.
 * @param most pairs after which the search ends.
 * @param turn awaited now and then: gives the event loop a turn, and throws to end the search.
 */
export async function nearPairs(
  hashes: Uint32Array,
  distance: number,
  most: number,
  turn: () => Promise<void>,
): Promise<NearPairs> {
  const count = hashes.length / 2;
  const radius = Math.floor(distance / BANDS);
  const masks = flips(radius);
  const bands = Array.from({ length: BANDS }, (_, band) => indexBand(hashes, count, band));
  const pairs: Pair[] = [];
  for (let a = 0; a < count && pairs.length < most; a += 1) {
    for (let band = 0; band < BANDS; band += 1) {
      const index = bands[band];
      if (!index) continue;
      const own = bandOf(hashes, a, band);
      for (const mask of masks) {
        const key = own ^ mask;
        const end = index.starts[key + 1] ?? 0;
        for (let at = index.starts[key] ?? 0; at < end; at += 1) {
          const b = index.order[at] ?? 0;
          if (b <= a) continue;
          const high = (hashes[2 * a] ?? 0) ^ (hashes[2 * b] ?? 0);
          const low = (hashes[2 * a + 1] ?? 0) ^ (hashes[2 * b + 1] ?? 0);
          const found = bitCount(high) + bitCount(low);
          if (found > distance || firstLikeBand(high, low, radius) !== band) continue;
          if (pairs.length >= most) return { pairs: sorted(pairs), complete: false };
          pairs.push([a, b, found]);
        }
      }
    }
    if (a % 256 === 0) await turn();
  }
  return { pairs: sorted(pairs), complete: pairs.length < most };
}

const sorted = (pairs: readonly Pair[]): Pair[] => pairs.toSorted((x, y) => x[0] - y[0] || x[1] - y[1]);

/** Positions in the order of their band's bits: those with bits `key` are `order[starts[key]] … order[starts[key + 1] − 1]`, ascending. */
function indexBand(
  hashes: Uint32Array,
  count: number,
  band: number,
): { readonly starts: Uint32Array; readonly order: Uint32Array } {
  const starts = new Uint32Array(2 ** BAND_BITS + 1);
  for (let at = 0; at < count; at += 1) {
    const next = bandOf(hashes, at, band) + 1;
    starts[next] = (starts[next] ?? 0) + 1;
  }
  for (let key = 0; key < 2 ** BAND_BITS; key += 1) starts[key + 1] = (starts[key + 1] ?? 0) + (starts[key] ?? 0);
  const free = starts.slice();
  const order = new Uint32Array(count);
  for (let at = 0; at < count; at += 1) {
    const key = bandOf(hashes, at, band);
    const place = free[key] ?? 0;
    order[place] = at;
    free[key] = place + 1;
  }
  return { starts, order };
}

function bandOf(hashes: Uint32Array, at: number, band: number): number {
  const word = hashes[2 * at + (band >> 1)] ?? 0;
  return (band & 1) === 0 ? word >>> 16 : word & 0xffff;
}

/** The first band of a difference that has `radius` bits at most: the one through which a pair counts. */
function firstLikeBand(high: number, low: number, radius: number): number {
  if (bitCount(high >>> 16) <= radius) return 0;
  if (bitCount(high & 0xffff) <= radius) return 1;
  if (bitCount(low >>> 16) <= radius) return 2;
  return 3;
}

/** Every 16-bit number with `radius` ones at most. */
function flips(radius: number): Uint32Array {
  const all: number[] = [];
  for (let mask = 0; mask < 2 ** BAND_BITS; mask += 1) if (bitCount(mask) <= radius) all.push(mask);
  return Uint32Array.from(all);
}

/** Ones in 32 bits (H. Warren, "Hacker's Delight", figure 5-2). */
function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
