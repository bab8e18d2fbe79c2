import type { Ratio } from './results.ts';

/** The middle one of the values, or the mean of the two in the middle; NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** One round in which both sides were measured one after the other. */
export interface Pair {
  /** Seconds of one repetition. */
  readonly ours: number;
  readonly theirs: number;
  /** Whether another process took a good part of the machine meanwhile. */
  readonly disturbed: boolean;
}

/** Speed of ours over theirs. Disturbed pairs are left out if at least half of all pairs were quiet. Null without pairs. */
export function ratioOf(pairs: readonly Pair[]): Ratio | null {
  if (pairs.length === 0) return null;
  const quiet = pairs.filter((pair) => !pair.disturbed);
  const disturbed = quiet.length * 2 < pairs.length;
  const counted = disturbed ? pairs : quiet;
  const ratios = counted.map(({ ours, theirs }) => theirs / ours);
  return {
    median: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    pairs: counted.length,
    leftOut: pairs.length - counted.length,
    disturbed,
  };
}

/**
 * Slope of log y over log x by least squares: 1 where cost grows in proportion, 2 where it grows with the square.
 * NaN with fewer than two different x.
 */
export function logLogSlope(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (index: 0 | 1): number => logs.reduce((sum, point) => sum + point[index], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  const variance = logs.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return variance === 0 ? Number.NaN : covariance / variance;
}
