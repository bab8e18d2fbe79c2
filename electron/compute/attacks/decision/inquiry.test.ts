import { describe, expect, it } from 'vitest';
import { runInquiries } from './inquiry.ts';
import type { Inquiry } from './inquiry.ts';
import type { AttackOptions } from '../options.ts';
import type { Candidate } from '../base/outcome.ts';

const optionsOf = (batchSize: number): Pick<AttackOptions, 'examples' | 'batchSize'> => ({
  batchSize,
  examples: {
    images: new Float32Array(20),
    labels: new Int32Array(20),
    indices: new Uint32Array(20),
    shape: [1, 1, 1],
  },
});

/** Images of one pixel; logits are (pixel, −pixel). */
const oracleOf = (calls: number[]) => (images: Float32Array, count: number) => {
  calls.push(count);
  return Promise.resolve(Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 ? -1 : 1) * images[i >> 1]!));
};

/** Asks as many images as the row's number and a half as many again, and sums what it is told. */
function* ask(row: number): Inquiry {
  let sum = 0;
  for (const count of [row + 1, 1, 2 * row + 1]) {
    const images = Float32Array.from({ length: count }, (_, at) => row + at / 100);
    const logits: Float32Array = yield { images, count };
    expect(logits).toHaveLength(2 * count);
    images.forEach((pixel, at) => expect(logits[2 * at]).toBe(pixel));
    sum += logits.reduce((total, value, i) => (i % 2 ? total : total + value), 0);
  }
  return { image: Float32Array.of(sum), iteration: row, lastWrong: false, nonFinite: row };
}

async function run(rows: readonly number[], batchSize: number) {
  const calls: number[] = [];
  const work: [number, number][] = [];
  const found: Candidate[] = [];
  let nonFinite = 0;
  const parts = runInquiries(rows, ask, 60, oracleOf(calls), optionsOf(batchSize), (done, left) =>
    work.push([done, left]),
  );
  for await (const part of parts) {
    found.push(...part.candidates);
    nonFinite += part.nonFinite;
  }
  return { calls, work, nonFinite, found: found.toSorted((a, b) => a.row - b.row) };
}

describe('inquiries', () => {
  const rows = Array.from({ length: 12 }, (_, row) => row);
  const questions = rows.reduce((sum, row) => sum + 3 * row + 3, 0);

  it.each([1, 4, 7, 64])('give every row its own answers in batches of %i', async (batchSize) => {
    const { found, calls, nonFinite, work } = await run(rows, batchSize);
    expect(found).toEqual((await run(rows, 1000)).found);
    expect(found.map(({ row, iteration }) => [row, iteration])).toEqual(rows.map((row) => [row, row]));
    expect(nonFinite).toBe(66);
    expect(calls.reduce((sum, count) => sum + count, 0)).toBe(questions);
    expect(Math.max(...calls)).toBeLessThanOrEqual(batchSize);
    expect(work.reduce((sum, [done]) => sum + done, 0)).toBe(questions);
    expect(work.at(-1)?.[1]).toBe(0);
  });

  it('fill batches with the questions of many rows', async () => {
    const { calls } = await run(rows, 8);
    expect(calls.slice(0, -6).every((count) => count === 8)).toBe(true);
  });

  it('of no rows are no work', async () => {
    expect(await run([], 8)).toEqual({ calls: [], work: [], nonFinite: 0, found: [] });
  });

  it('end with the error of the oracle', async () => {
    const parts = runInquiries(
      [0, 1],
      ask,
      60,
      () => Promise.reject(new Error('gone')),
      optionsOf(4),
      () => {},
    );
    await expect(parts.next()).rejects.toThrow('gone');
  });
});
