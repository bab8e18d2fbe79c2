import { describe, expect, it } from 'vitest';
import { stream } from '../random/stream.ts';
import { bootstrap, bootstrapMean, bootstrapRatio, quantile } from './bootstrap.ts';
import { holm } from './holm.ts';
import { mcnemarOneSided, mcnemarTwoSided } from './mcnemar.ts';
import { smallestDifference } from './power.ts';
import { spread } from './spread.ts';
import { wilsonInterval } from './wilson.ts';

describe('wilsonInterval', () => {
  // Worked out apart in Python from the formula; the next test but one checks the equation behind it.
  it.each([
    [8, 10, 0.4901625, 0.9433178],
    [0, 20, 0, 0.1611252],
    [20, 20, 0.8388748, 1],
    [1, 29, 0.0061135, 0.1717552],
    [480, 500, 0.9390264, 0.9739592],
  ])('%i of %i has its interval', (successes, trials, low, high) => {
    const [found, upper] = wilsonInterval(successes, trials);
    expect(found).toBeCloseTo(low, 4);
    expect(upper).toBeCloseTo(high, 4);
  });

  it('knows nothing without trials', () => {
    expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  });

  it('its ends solve the score equation |p − s| = z √(p (1 − p) / n)', () => {
    for (const [successes, trials] of [
      [3, 11],
      [77, 90],
      [1, 1000],
    ] as const) {
      for (const p of wilsonInterval(successes, trials)) {
        const score = Math.abs(p - successes / trials) / Math.sqrt((p * (1 - p)) / trials);
        expect(score).toBeCloseTo(1.959964, 5);
      }
    }
  });
});

describe('bootstrap', () => {
  const random = stream(3, 'values');
  const values = Float64Array.from({ length: 200 }, () => 2 + random.normal());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;

  it("of a mean is near the normal theory's interval", () => {
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    const half = (1.96 * deviation) / Math.sqrt(values.length);
    const estimate = bootstrapMean(values, { seed: 1 });
    expect(estimate.mean).toBeCloseTo(mean, 12);
    expect(estimate.low).toBeGreaterThan(mean - 1.2 * half);
    expect(estimate.low).toBeLessThan(mean - 0.8 * half);
    expect(estimate.high).toBeGreaterThan(mean + 0.8 * half);
    expect(estimate.high).toBeLessThan(mean + 1.2 * half);
  });

  it('is the same for the same seed and another for another', () => {
    expect(bootstrapMean(values, { seed: 1 })).toEqual(bootstrapMean(values, { seed: 1 }));
    expect(bootstrapMean(values, { seed: 2 }).low).not.toBe(bootstrapMean(values, { seed: 1 }).low);
  });

  it('of a ratio keeps pairs together: a constant ratio has no width', () => {
    const doubled = values.map((value) => 2 * value);
    const { mean: ratio, low, high } = bootstrapRatio(doubled, values);
    for (const value of [ratio, low, high]) expect(value).toBeCloseTo(2, 10);
  });

  it('refuses to estimate from nothing', () => {
    expect(() => bootstrap(0, () => 0)).toThrow(/at least one example/);
  });

  it('quantiles interpolate as NumPy does', () => {
    expect(quantile([1, 2, 4, 8], 0.5)).toBe(3);
    expect(quantile([1, 2, 4, 8], 0.9)).toBeCloseTo(6.8, 12);
    expect(quantile([5], 0.3)).toBe(5);
  });
});

describe('mcnemarOneSided', () => {
  it('is the binomial tail: 10 of 12 pairs', () => {
    expect(mcnemarOneSided(10, 2)).toBeCloseTo((66 + 12 + 1) / 4096, 12);
  });

  it('is 1 without discordant pairs, and above a half in the other direction', () => {
    expect(mcnemarOneSided(0, 0)).toBe(1);
    expect(mcnemarOneSided(2, 10)).toBeGreaterThan(0.99);
  });

  it('stays finite for thousands of pairs', () => {
    expect(mcnemarOneSided(5000, 5000)).toBeCloseTo(0.504, 2);
  });
});

describe('mcnemarTwoSided', () => {
  it('is twice the smaller tail, the same either way round, and at most 1', () => {
    expect(mcnemarTwoSided(10, 2)).toBeCloseTo((2 * (66 + 12 + 1)) / 4096, 12);
    expect(mcnemarTwoSided(2, 10)).toBe(mcnemarTwoSided(10, 2));
    expect(mcnemarTwoSided(4, 4)).toBe(1);
    expect(mcnemarTwoSided(0, 0)).toBe(1);
  });
});

describe('holm', () => {
  it('multiplies the i-th smallest of m by m − i + 1, and never falls', () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((value, at) => expect(adjusted[at]).toBeCloseTo(value, 12));
  });

  it('leaves a single test alone, and ends at 1', () => {
    expect(holm([0.2])).toEqual([0.2]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });
});

describe('smallestDifference', () => {
  /** The exact power of the two-sided test at 5 %, summed over all numbers of differing pairs. */
  function exactPower(pairs: number, disagreement: number, difference: number): number {
    const share = (disagreement + difference) / (2 * disagreement);
    let power = 0;
    let logDiffering = pairs * Math.log(1 - disagreement);
    for (let differing = 0; differing <= pairs; differing += 1) {
      const weight = Math.exp(logDiffering);
      logDiffering += Math.log(((pairs - differing) * disagreement) / ((differing + 1) * (1 - disagreement)));
      if (weight < 1e-9) continue;
      let logWins = differing * Math.log(1 - share);
      for (let wins = 0; wins <= differing; wins += 1) {
        if (mcnemarTwoSided(wins, differing - wins) < 0.05) power += weight * Math.exp(logWins);
        logWins += Math.log(((differing - wins) * share) / ((wins + 1) * (1 - share)));
      }
    }
    return power;
  }

  it.each([
    [500, 0.1],
    [500, 0.3],
    [200, 0.4],
  ])('is shown by the exact test of %i pairs that differ in %f with a power near 80 %', (pairs, disagreement) => {
    const difference = smallestDifference(pairs, disagreement) ?? 0;
    const power = exactPower(pairs, disagreement, difference);
    // The exact test is a little conservative: its level is below 5 %.
    expect(power).toBeGreaterThan(0.73);
    expect(power).toBeLessThan(0.83);
  });

  it('falls with the number of pairs, and is nothing where too few differ', () => {
    expect(smallestDifference(2000, 0.2)).toBeLessThan(smallestDifference(500, 0.2) ?? 0);
    expect(smallestDifference(500, 0)).toBeNull();
    expect(smallestDifference(100, 0.01)).toBeNull();
  });
});

describe('spread', () => {
  it('is the sample standard deviation, and none of one value', () => {
    expect(spread([2, 4, 9])).toEqual({ mean: 5, std: Math.sqrt(13) });
    expect(spread([0.5])).toEqual({ mean: 0.5, std: null });
  });
});
