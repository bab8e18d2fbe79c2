import { z } from 'zod';

/** Theirs ÷ ours over pairs of neighbouring samples; see `ratioOf`. */
const ratio = z.object({
  /** Above 1, we are faster. */
  median: z.number(),
  low: z.number(),
  high: z.number(),
  /** Pairs that count, and pairs that were left out because they were disturbed. */
  pairs: z.int(),
  leftOut: z.int(),
  /** True if too few pairs were quiet, so that disturbed ones count as well. */
  disturbed: z.boolean(),
});
export type Ratio = Readonly<z.infer<typeof ratio>>;

/** One side's part of one round. */
const sample = z.object({
  secondsEach: z.number(),
  cpuSecondsEach: z.number(),
  /** Share of the machine that other processes took meanwhile. */
  others: z.number(),
  robust: z.int().nullable(),
});
export type Sample = Readonly<z.infer<typeof sample>>;

const sideResult = z.object({
  name: z.string(),
  version: z.string(),
  /** Medians over the rounds. */
  examplesPerSecond: z.number(),
  secondsEach: z.number(),
  cpuSecondsEach: z.number(),
  /** Peak resident memory of the side's process. */
  peakBytes: z.number(),
  /** Examples that withstood, over all rounds that the side took part in; null where none are counted. */
  robust: z.object({ count: z.int(), of: z.int() }).nullable(),
  /** Samples during which other processes took more than a tenth of the machine. */
  disturbed: z.int(),
  /** Speed and processor time of the first side over this one; null for the first side itself. */
  ratio: ratio.nullable(),
  cpuRatio: ratio.nullable(),
  samples: z.array(sample),
});
export type SideResult = z.infer<typeof sideResult>;

/** A figure beside what it should be. */
const verdict = z.object({
  what: z.string(),
  value: z.number(),
  unit: z.string(),
  target: z.string(),
  met: z.boolean(),
  /** The same ratio by processor time; null where that says nothing. */
  byCpu: z.number().nullable(),
  /** True if the machine was not quiet enough for the figure to be trusted. */
  disturbed: z.boolean(),
});
export type Verdict = Readonly<z.infer<typeof verdict>>;

const named = { name: z.string(), title: z.string() };
const judged = { verdicts: z.array(verdict), notes: z.array(z.string()) };

const comparisonResult = z.object({
  kind: z.literal('comparison'),
  ...named,
  /** Examples in one repetition. */
  images: z.number(),
  sides: z.array(sideResult).min(1),
  ...judged,
});
export type ComparisonResult = z.infer<typeof comparisonResult>;

/** Figures of whole jobs, how cost grows, profiles. */
const figureResult = z.object({
  kind: z.literal('figures'),
  ...named,
  head: z.array(z.string()),
  rows: z.array(z.array(z.string())),
  ...judged,
});
export type FigureResult = z.infer<typeof figureResult>;

const skippedResult = z.object({
  kind: z.literal('skipped'),
  ...named,
  reason: z.string(),
  /** True if it went wrong on the way, false if something that it needs is not there. */
  failed: z.boolean(),
});

export const workResult = z.discriminatedUnion('kind', [comparisonResult, figureResult, skippedResult]);
export type WorkResult = z.infer<typeof workResult>;

/** Everything that one run of the bench found; its JSON file. */
export const benchReport = z.object({
  format: z.literal(1),
  date: z.iso.datetime(),
  seconds: z.number(),
  extent: z.enum(['quick', 'full']),
  version: z.string(),
  threads: z.int(),
  /** What figures of speed depend on. */
  machine: z.object({
    cpu: z.string(),
    cores: z.int(),
    memoryBytes: z.number(),
    system: z.string(),
    node: z.string(),
    electron: z.string().nullable(),
  }),
  /** Load average over the last minute. */
  load: z.object({ before: z.number(), after: z.number() }),
  results: z.array(workResult),
});
export type BenchReport = z.infer<typeof benchReport>;
