import type { Sample } from './alternate.ts';
import type { Machine } from './machine.ts';
import type { Ratio } from './statistics.ts';

export interface SideResult {
  readonly name: string;
  readonly version: string;
  /** Medians over the rounds. */
  readonly examplesPerSecond: number;
  readonly secondsEach: number;
  readonly cpuSecondsEach: number;
  /** Peak resident memory of the side's process. */
  readonly peakBytes: number;
  /** Examples that withstood, over all rounds; null where none are counted. */
  readonly robust: number | null;
  /** Samples during which other processes took more than a tenth of the machine. */
  readonly disturbed: number;
  /** Speed and processor time of the first side over this one; null for the first side itself. */
  readonly ratio: Ratio | null;
  readonly cpuRatio: Ratio | null;
  readonly samples: readonly Sample[];
}

/** A figure beside what it should be. */
export interface Verdict {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  readonly met: boolean;
  /** The same ratio by processor time; null where that says nothing. */
  readonly byCpu: number | null;
  /** True if the machine was not quiet enough for the figure to be trusted. */
  readonly disturbed: boolean;
}

export interface ComparisonResult {
  readonly kind: 'comparison';
  readonly name: string;
  readonly title: string;
  /** Examples in one repetition. */
  readonly images: number;
  readonly sides: readonly SideResult[];
  readonly verdicts: readonly Verdict[];
  readonly notes: readonly string[];
}

/** Figures of whole jobs, and tables of how cost grows. */
export interface FigureResult {
  readonly kind: 'figures';
  readonly name: string;
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly verdicts: readonly Verdict[];
  readonly notes: readonly string[];
}

export interface SkippedResult {
  readonly kind: 'skipped';
  readonly name: string;
  readonly title: string;
  readonly reason: string;
  /** True if it went wrong on the way, false if something that it needs is not there. */
  readonly failed: boolean;
}

export type WorkResult = ComparisonResult | FigureResult | SkippedResult;

/** Everything that one run of the bench found; its JSON file. */
export interface BenchReport {
  readonly format: 1;
  readonly date: string;
  readonly seconds: number;
  readonly extent: 'quick' | 'full';
  readonly version: string;
  readonly threads: number;
  readonly machine: Machine;
  /** Load average over the last minute. */
  readonly load: { readonly before: number; readonly after: number };
  readonly results: readonly WorkResult[];
}
