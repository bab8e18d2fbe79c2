import { z } from 'zod';
import { entityId } from './ids.ts';
import type { SettingValues } from './settings.ts';
import { sweepParts, sweepRequest } from './sweep.ts';

const values = z.custom<SettingValues>();

/** More trainings than this are asked about before they start. */
export const MANY_TRAININGS = 100;
/** More are refused: nobody waits for them. */
export const MOST_TRAININGS = 20_000;

/** A place in a sweep's text where something is wrong, counted from 1. */
export const sweepFault = z.object({ line: z.int().min(1), column: z.int().min(1), message: z.string() });
export type SweepFault = z.infer<typeof sweepFault>;

/** A sweep's text as it was understood, with one of its presets taken over. */
export const sweepReading = z.object({
  /** What is wrong in the text; the rest is as far as it could be read. */
  faults: z.array(sweepFault),
  presets: z.array(z.string()),
  /** null where the text has faults. */
  content: z
    .object({
      name: z.string(),
      parts: sweepParts,
      /** Name of the data set that the text asks for, and what the library has under it; null: nothing. */
      datasetName: z.string(),
      dataset: entityId.nullable(),
    })
    .nullable(),
});
export type SweepReading = z.infer<typeof sweepReading>;

/** What a sweep will make, before it begins. */
export const sweepPlan = z.object({
  rows: z.array(z.object({ label: z.string(), varied: values, seeds: z.array(z.int()) })),
  surrogates: z.array(z.object({ name: z.string(), label: z.string(), seed: z.int() })),
  trainings: z.int(),
  /** How many of them another sweep has finished. */
  trainedBefore: z.int(),
  measurements: z.int(),
  checks: z.int(),
  galleries: z.int(),
  /** At the speeds that were measured on this computer; null where nothing is known. */
  seconds: z.number().nullable(),
  /** What is unusual about the surrogates. */
  notes: z.array(z.string()),
});
export type SweepPlan = z.infer<typeof sweepPlan>;

export const sweepPreview = z.object({
  /** Trainings that it asks for, equal ones counted as often as they are named. */
  asked: z.int(),
  /** null: so many that they are only expanded when that is wanted. */
  plan: sweepPlan.nullable(),
});
export type SweepPreviewView = z.infer<typeof sweepPreview>;

/** A sweep as the window lists it. */
export const sweepRow = z.object({
  id: entityId,
  name: z.string(),
  created: z.string(),
  request: sweepRequest,
  /** Trainings that it asks for, those of surrogates among them; equal ones are one. */
  trainings: z.int(),
  /** Models that are measured. */
  models: z.int(),
  /** What was made for it so far, by the part's key. */
  parts: z.array(z.tuple([z.string(), entityId])),
  /** Somebody here sees to it that what is missing is made. */
  driven: z.boolean(),
  /** Another process, such as a command, runs a part of it. */
  elsewhere: z.boolean(),
  /** Why the last attempt ended before everything was there; null where it did not. */
  stopped: z.string().nullable(),
  /** What came to no result in the last attempt, and why. */
  failed: z.array(z.object({ title: z.string(), message: z.string() })),
});
export type SweepRow = z.infer<typeof sweepRow>;

/** One number of a row over the seeds that are done. */
export interface SweepCellView {
  readonly mean: number;
  /** n − 1; null for one seed. */
  readonly std: number | null;
  readonly seeds: number;
  readonly values: readonly number[];
  /** Models that the values are of, in their order. */
  readonly models: readonly string[];
  readonly examples: number;
}

export interface SweepColumnView {
  readonly key: string;
  /** `accuracy`: shares 0…1. `attention`: ratios, overlaps and cosines, which are no shares. */
  readonly kind: 'accuracy' | 'attention';
  readonly label: string;
  /** Why its numbers alone are no claim; null where they are strong enough. */
  readonly weak: string | null;
}

export interface SweepRowView {
  readonly label: string;
  readonly varied: SettingValues;
  /** Trained models, in the order of their seeds. */
  readonly models: readonly string[];
  readonly seeds: readonly number[];
  /** By column; left out where nothing was run. */
  readonly cells: Readonly<Record<string, SweepCellView>>;
  /** Verdict of the masking check of each model, in the order of `models`. */
  readonly checks: readonly string[];
  /** Seconds of computing so far over all models of the row. */
  readonly seconds: { readonly training: number; readonly evaluation: number };
}

/** Every number of a sweep so far: a row for each setting, mean and standard deviation over its seeds. */
export interface SweepTableView {
  readonly sweep: string;
  readonly columns: readonly SweepColumnView[];
  readonly rows: readonly SweepRowView[];
  readonly notes: readonly string[];
}
export const sweepTableView = z.custom<SweepTableView>();

export const SWEEP_EXPORTS = ['csv', 'latex', 'markdown', 'yaml'] as const;
