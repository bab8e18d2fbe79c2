import { z } from 'zod';
import { CHECK_DEPTHS } from './check.ts';
import { importPlan } from './import-plan.ts';
import { engineChoice } from './engine.ts';
import { attackSpec, exampleChoice, goal } from './evaluation.ts';
import { galleryRequest } from './gallery.ts';
import { entityId } from './ids.ts';
import { PLAN_MODES, planAttack } from './plan.ts';
import { settingValues } from './settings.ts';

const seed = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

/**
 * Settings of a training side by side: `architecture`, `defence`, `initial`, `freeze`, and any setting of the trainer, the
 * architecture or the defence.
 */
const settings = settingValues;

const axis = z.array(settings.valueType).min(1, 'is an empty axis: give it a value, or leave it out');

/** What is measured on every trained model, as a plan has it. */
const sweepEvaluation = z.strictObject({
  attacks: z.array(z.union([z.string().min(1), planAttack])).min(1),
  epsilons: z.array(z.number().min(0)).max(32).optional(),
  /** `white-box` or the name of a surrogate; left out: white-box and every surrogate. */
  sources: z.array(z.string()).min(1).optional(),
  goal: goal.optional(),
  examples: exampleChoice.optional(),
  includeMisclassified: z.boolean().optional(),
  seeds: z.array(seed).min(1).max(32).optional(),
  mode: z.enum(PLAN_MODES).optional(),
  batchSize: z.int().min(1).max(4096).optional(),
});

/** The gradient-masking check of every trained model. */
const sweepCheck = z.strictObject({
  depth: z.enum(CHECK_DEPTHS).optional(),
  epsilon: z.number().positive().max(1).optional(),
  examples: z.int().min(1).optional(),
});

const { methods, layer, exponent, target, topPercent } = galleryRequest.shape;

/** Key-area measures of every trained model under a white-box attack, as galleries have them. */
const sweepAttention = z.strictObject({
  /** How many of the images that the evaluation chooses, from the first on. */
  examples: z.int().min(1).max(512).optional(),
  attack: z.union([z.string().min(1), attackSpec]).optional(),
  /** Takes the place of the attack's own. */
  epsilon: z.number().positive().max(1).optional(),
  methods: methods.unwrap().optional(),
  layer: layer.unwrap().optional(),
  exponent: exponent.unwrap().optional(),
  target: target.unwrap().optional(),
  topPercent: topPercent.unwrap().optional(),
  /** Name of the surrogate whose clean map defines the key area; null: each model's own clean map. */
  reference: z.string().min(1).nullable().optional(),
  seed: seed.optional(),
});

const parts = {
  /** What every training has. */
  base: settings.optional(),
  /** Axes: every combination of their values. */
  grid: z.record(z.string(), axis).optional(),
  /** Rows, each with every combination of the grid. */
  list: z.array(settings).min(1, 'is empty: give it a row, or leave it out').optional(),
  seeds: z.array(seed).min(1, 'is an empty axis: give it a seed, or leave it out').optional(),
  /** By name: undefended models for transfer attacks, trained with `base` and these settings (`seed` among them). */
  surrogates: z.record(z.string().min(1), settings).optional(),
  evaluate: sweepEvaluation.nullable().optional(),
  check: sweepCheck.nullable().optional(),
  attention: sweepAttention.nullable().optional(),
  engine: engineChoice.optional(),
  deterministic: z.boolean().optional(),
};

/** What a sweep asks for, whatever its name and data set. */
export const sweepParts = z.strictObject(parts);
export type SweepParts = z.infer<typeof sweepParts>;

const importRecipe = importPlan.omit({ path: true }).partial().required({ name: true });

/** Name of a data set, or how it is imported from a folder, its name among it. */
const sweepDataset = z.union(
  [z.string().min(1), importRecipe],
  'must be the name of a data set, or how it is imported, its name among it',
);

/** A sweep's file, as YAML holds it. */
export const sweepFile = z.strictObject({
  name: z.string().trim().min(1).max(80),
  dataset: sweepDataset,
  ...parts,
  /** Variants by name. `base`, `grid`, `surrogates`, `evaluate`, `check` and `attention` are taken over key by key, the rest as a whole. */
  presets: z
    .record(
      z.string().min(1),
      z.strictObject({
        dataset: sweepDataset.optional(),
        ...parts,
        evaluate: sweepEvaluation.partial().nullable().optional(),
      }),
    )
    .optional(),
});
export type SweepFile = z.infer<typeof sweepFile>;

/** By the place in the file where they stand: the keys that are valid there. */
export const SWEEP_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(sweepFile.shape),
  preset: ['dataset', ...Object.keys(parts)],
  evaluate: Object.keys(sweepEvaluation.shape),
  'evaluate.examples': ['split', 'count', 'sample', 'seed'],
  check: Object.keys(sweepCheck.shape),
  attention: Object.keys(sweepAttention.shape),
  'attention.attack': Object.keys(attackSpec.shape),
  dataset: Object.keys(importRecipe.shape),
};

/** A sweep with one preset taken over, on a data set of the library. */
export const sweepRequest = z.strictObject({
  name: z.string().trim().min(1).max(120),
  dataset: entityId,
  ...parts,
});
export type SweepRequest = z.infer<typeof sweepRequest>;

/** Beginnings of the keys of what a sweep makes: of a training, of a plan and a gallery (a number follows), of a model's check. */
export const TRAINING_PART = 'train ';
export const PLAN_PART = 'evaluate ';
export const GALLERY_PART = 'attention ';
export const CHECK_PART = 'check ';

/** Where x′ is made on the model under attack itself. */
export const WHITE_BOX = 'white-box';
