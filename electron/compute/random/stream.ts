import { AppError } from '../../../shared/domain/errors.ts';

/** What a stream may be derived from, besides the seed: names of purposes, positions, counters. */
export type StreamKey = number | string;

/**
 * A seeded source of random numbers. Streams with different keys are independent of each other, so that for instance
 * the start noise of an example does not depend on which other examples share its batch.
 */
export interface RandomStream {
  /** The next 32 random bits as an unsigned integer. */
  bits(): number;
  /** Uniform in [low, high); 24 bits of resolution, so that every value of [0, 1) is exact in float32. */
  uniform(low?: number, high?: number): number;
  /** Uniform integer in [0, n), without bias. @throws AppError `invalid-input` unless 1 ≤ n ≤ 2³². */
  integer(n: number): number;
  /** Standard normal deviate (Box–Muller). */
  normal(): number;
  /** Fills `array[offset … offset + length)` with uniform deviates. */
  fillUniform(array: Float32Array, offset: number, length: number, low: number, high: number): void;
  /** Fills `array[offset … offset + length)` with normal deviates. */
  fillNormal(array: Float32Array, offset: number, length: number, mean?: number, deviation?: number): void;
  /** A random order of 0 … n − 1 (Fisher–Yates). */
  permutation(n: number): Uint32Array;
}

/**
 * The stream of (seed, keys): the same arguments give the same numbers on every machine and engine.
 * Generator: xoshiro128** (Blackman & Vigna 2021, "Scrambled linear pseudorandom number generators"),
 * its state made from the keys with MurmurHash3's mixing.
 * @throws AppError `invalid-input` if the seed or a key is not a finite number or a string.
 */
export function stream(seed: number, ...keys: readonly StreamKey[]): RandomStream {
  const state = seedState([seed, ...keys]);
  let [a, b, c, d] = state;
  let spare: number | null = null;

  function bits(): number {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  }

  function uniform(low = 0, high = 1): number {
    return low + (high - low) * ((bits() >>> 8) * 2 ** -24);
  }

  function integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) {
      throw new AppError('invalid-input', `A random integer needs a range from 1 to 2³², not ${n}.`);
    }
    const limit = 2 ** 32 - (2 ** 32 % n);
    let value = bits();
    while (value >= limit) value = bits();
    return value % n;
  }

  function normal(): number {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log((bits() + 1) * 2 ** -32));
    const angle = 2 * Math.PI * (bits() * 2 ** -32);
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  return {
    bits,
    uniform,
    integer,
    normal,
    fillUniform(array, offset, length, low, high) {
      // The same as a loop over `uniform`; with the state in local variables it is several times as fast.
      let [p, q, r, s] = [a, b, c, d];
      for (let index = offset; index < offset + length; index++) {
        const product = Math.imul(q, 5);
        const result = Math.imul((product << 7) | (product >>> 25), 9);
        const shifted = q << 9;
        r ^= p;
        s ^= q;
        q ^= r;
        p ^= s;
        r ^= shifted;
        s = (s << 11) | (s >>> 21);
        array[index] = low + (high - low) * ((result >>> 8) * 2 ** -24);
      }
      [a, b, c, d] = [p, q, r, s];
    },
    fillNormal(array, offset, length, mean = 0, deviation = 1) {
      for (let index = offset; index < offset + length; index++) array[index] = mean + deviation * normal();
    },
    permutation(n) {
      const order = Uint32Array.from({ length: n }, (_, index) => index);
      for (let index = n - 1; index > 0; index--) {
        const other = integer(index + 1);
        const value = order[index] ?? 0;
        order[index] = order[other] ?? 0;
        order[other] = value;
      }
      return order;
    },
  };
}

/** Four words of state from the keys. Numbers enter with all 64 bits, strings as UTF-16, each tagged with its kind. */
function seedState(keys: readonly StreamKey[]): [number, number, number, number] {
  let hash = 0x9747b28c;
  let words = 0;
  const add = (word: number): void => {
    let mixed = Math.imul(word, 0xcc9e2d51);
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    hash ^= mixed;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    second = Math.imul(second ^ word, 0x85ebca6b) ^ ((second >>> 15) + words);
    words += 1;
  };
  let second = 0x3c6ef372;
  const view = new DataView(new ArrayBuffer(8));
  for (const key of keys) {
    if (typeof key === 'string') {
      add(0x73 ^ (key.length << 8));
      for (let index = 0; index < key.length; index++) add(key.charCodeAt(index));
    } else {
      if (!Number.isFinite(key))
        throw new AppError('invalid-input', `A random seed must be a finite number, not ${key}.`);
      view.setFloat64(0, key === 0 ? 0 : key);
      add(0x6e);
      add(view.getUint32(0));
      add(view.getUint32(4));
    }
  }
  const state: [number, number, number, number] = [0, 0, 0, 0];
  let mixed = (hash ^ words) | 0;
  for (let index = 0; index < 4; index++) {
    mixed = (mixed + 0x9e3779b9) | 0;
    second = finalise(second ^ mixed);
    state[index] = finalise((mixed ^ second) + index);
  }
  if (state.every((word) => word === 0)) state[0] = 1;
  return state;
}

/** MurmurHash3's 32-bit finaliser. */
function finalise(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
