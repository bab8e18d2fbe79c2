import { expect, test } from 'vitest';
import { stream } from '../../random/stream.ts';
import { nearPairs } from './near-duplicates.ts';

const turn = async (): Promise<void> => undefined;

function bits(a: number): number {
  return a.toString(2).replaceAll('0', '').length;
}

/** Hashes of which some are others with a few bits turned. */
function someHashes(count: number, seed: number): Uint32Array {
  const random = stream(seed, 'hashes');
  const hashes = Uint32Array.from({ length: 2 * count }, () => random.bits());
  for (let at = 0; at + 3 < count; at += 3) {
    for (const word of [0, 1]) {
      let changed = hashes[2 * at + word]!;
      for (let flip = 0; flip < (at % 12 === 0 ? 0 : random.integer(10)); flip += 1) changed ^= 1 << random.integer(32);
      hashes[2 * (at + 1) + word] = changed;
    }
  }
  return hashes;
}

test.each([0, 3, 7, 11, 16])('no pair within %i bits is missed, and none is found twice', async (distance) => {
  const hashes = someHashes(300, distance);
  const truth: [number, number, number][] = [];
  for (let a = 0; a < 300; a += 1) {
    for (let b = a + 1; b < 300; b += 1) {
      const high = (hashes[2 * a]! ^ hashes[2 * b]!) >>> 0;
      const low = (hashes[2 * a + 1]! ^ hashes[2 * b + 1]!) >>> 0;
      if (bits(high) + bits(low) <= distance) truth.push([a, b, bits(high) + bits(low)]);
    }
  }
  expect(truth.length).toBeGreaterThan(1);
  expect(await nearPairs(hashes, distance, 10_000, turn)).toEqual({ pairs: truth, complete: true });
});

test('100,000 hashes take seconds, and hashes that are all alike end at the limit', async () => {
  const many = someHashes(100_000, 1);
  const started = process.cpuUsage();
  await nearPairs(many, 7, 1_000_000, turn);
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1e6).toBeLessThan(5);
  const { pairs, complete } = await nearPairs(new Uint32Array(200_000), 5, 1_000, turn);
  expect([pairs.length, complete]).toEqual([1_000, false]);
});
