import { describe, expect, it } from 'vitest';
import { logLogSlope, median, ratioOf, type Pair } from './statistics.ts';

const pair = (ours: number, theirs: number, disturbed = false): Pair => ({ ours, theirs, disturbed });

describe('the median', () => {
  it('is the middle value, or the mean of the two in the middle', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });
});

describe('the ratio of pairs', () => {
  it('is the median of theirs ÷ ours, not the ratio of the medians', () => {
    // Medians: 2 and 6, so 3; ratios of the pairs: 4, 1, 3.5.
    expect(ratioOf([pair(1, 4), pair(6, 6), pair(2, 7)])).toEqual({
      median: 3.5,
      low: 1,
      high: 4,
      pairs: 3,
      leftOut: 0,
      disturbed: false,
    });
  });

  it('leaves disturbed pairs out where at least half were quiet, and says how many', () => {
    expect(ratioOf([pair(1, 2), pair(1, 20, true)])).toMatchObject({
      median: 2,
      pairs: 1,
      leftOut: 1,
      disturbed: false,
    });
  });

  it('counts all pairs, and is marked, where most were disturbed', () => {
    const ratio = ratioOf([pair(1, 2), pair(1, 3, true), pair(1, 4, true)]);
    expect(ratio).toMatchObject({ median: 3, pairs: 3, leftOut: 0, disturbed: true });
  });

  it('is null without pairs', () => {
    expect(ratioOf([])).toBeNull();
  });
});

describe('the slope over logarithms', () => {
  it('is the exponent of a power law', () => {
    expect(logLogSlope([1, 2, 4, 8].map((x) => [x, 3 * x ** 1.5] as const))).toBeCloseTo(1.5, 12);
    expect(logLogSlope([10, 20].map((x) => [x, 7] as const))).toBeCloseTo(0, 12);
  });

  it('is not a number where x never changes', () => {
    expect(logLogSlope([[2, 1] as const, [2, 5] as const])).toBeNaN();
  });
});
