import { z } from 'zod';
import { engineChoice, engineInfo } from './engine.ts';
import { entityId } from './ids.ts';
import { settingValues } from './settings.ts';

/** SHA-256 of the content of a user's module, in hexadecimal. */
export const moduleHash = z.string().regex(/^[0-9a-f]{64}$/);

export const attackSpec = z.strictObject({
  name: z.string().min(1),
  settings: settingValues.default({}),
  /** The module that the attack comes from, in the version that was used; left out for what is built in. */
  module: moduleHash.optional(),
});
export type AttackSpec = z.infer<typeof attackSpec>;

/** Parts of a data set that models are evaluated on. */
export const evaluatedSplit = z.enum(['validation', 'test']);

/** Which examples: the first `count` of a split, or a seeded sample of it; null is the whole split. */
export const exampleChoice = z.strictObject({
  split: evaluatedSplit.default('test'),
  count: z.int().min(1).nullable().default(500),
  sample: z.boolean().default(false),
  seed: z.int().min(0).default(0),
});
export type ExampleChoice = z.infer<typeof exampleChoice>;

/** How x' reaches the target: on itself, or from an undefended source of the same or of another architecture. */
export const THREATS = ['white-box', 'gray-box', 'black-box'] as const;
export const threat = z.enum(THREATS);
export type Threat = z.infer<typeof threat>;

/**
 * What an attack leads to: any wrong class, or one class for each example: the least likely one of the clean prediction,
 * a random wrong one, the label plus one, or every wrong class in turn on what still stands.
 */
export const GOALS = ['untargeted', 'least-likely', 'random', 'next', 'all'] as const;
export const goal = z.enum(GOALS);
export type Goal = z.infer<typeof goal>;

/** Norms that ε is measured in, over all pixels and channels of an image in [0, 1]. */
export const NORMS = ['linf', 'l2', 'l1'] as const;
export const norm = z.enum(NORMS);
export type Norm = z.infer<typeof norm>;

/** What an attack may spend; it then stops, and its number says so. */
export const attackLimits = z.strictObject({
  /** On all examples of one model, or of one source; null for no limit. Numbers then depend on the machine. */
  seconds: z.number().positive().nullable().default(null),
  /** Gradients or queries on one example, over all starts; null for no limit. Whole starts are left out. */
  work: z.int().min(1).nullable().default(null),
});

export const evaluationRequest = z.strictObject({
  name: z.string().trim().max(120).optional(),
  dataset: entityId,
  /** Models under attack. A transfer attack makes each adversarial example once, for all of them. */
  targets: z.array(entityId).min(1).max(64),
  /** null: white-box, each target is its own source. A source may not be among the targets. */
  source: entityId.nullable().default(null),
  /** Further sources: x' is made on the mean of their logits and the source's (Liu et al. 2017, arXiv 1611.02770, section 4). */
  ensemble: z.array(entityId).max(15).default([]),
  attack: attackSpec,
  goal: goal.default('untargeted'),
  /** None if left out. */
  limits: attackLimits.optional(),
  examples: exampleChoice.prefault({}),
  /** Attack examples that are misclassified without an attack too, as the Python peers do. */
  includeMisclassified: z.boolean().default(false),
  /** Earlier evaluations on the same images: what they broke counts as broken here, and is not attacked again. */
  carryFrom: z.array(entityId).max(4096).default([]),
  seed: z.int().min(0).default(0),
  batchSize: z.int().min(1).max(4096).default(500),
  engine: engineChoice.default('auto'),
  deterministic: z.boolean().default(false),
});
export type EvaluationRequest = z.infer<typeof evaluationRequest>;
export type EvaluationRequestInput = z.input<typeof evaluationRequest>;

/** Wilson 95 % interval of a proportion. */
export const interval = z.tuple([z.number(), z.number()]);

/** The outcome for one target. Accuracies are shares 0…1 of all examples; misclassified ones count as failures. */
export const targetResult = z.object({
  model: entityId,
  threat,
  examples: z.int(),
  cleanAccuracy: z.number(),
  cleanInterval: interval,
  /** Worst case per example over all iterates and restarts (white-box) or over restarts (transfer). */
  robustAccuracy: z.number(),
  robustInterval: interval,
  /**
   * Judged on the last iterates only, for comparison with tools that do so: an example is broken if the last iterate of
   * some restart is misclassified and valid. Restarts go on for it until one is, also after an earlier iterate broke it
   * (unless the attack stops at the first success).
   */
  finalIterateAccuracy: z.number(),
  /** Robust accuracy after 1, 2, … restarts. */
  byRestart: z.array(z.number()),
  perturbation: z.object({ linfMax: z.number(), l2Mean: z.number(), l2Median: z.number() }),
  /**
   * Median size of the smallest perturbation that breaks an example, in the attack's norm, over all rightly classified
   * examples; those that nothing broke count as infinite, and null is an infinite median. Minimal-norm attacks only.
   */
  medianDistance: z.number().nullable().optional(),
  /** Examples that earlier attacks of the same plan had broken: counted as broken, and not attacked again. */
  carried: z.int().optional(),
  /** Share of all examples that stand if only those x' count that still break them once rounded to 8 bits towards x. */
  accuracy8Bit: z.number().optional(),
  /** Input gradients that were NaN or infinite, summed over steps and examples. */
  nonFiniteGradients: z.int(),
  /** Adversarial candidates that failed the float64 check of the constraint (always reported, never counted). */
  constraintViolations: z.int(),
});
export type TargetResult = z.infer<typeof targetResult>;

/** How fast an evaluation went, and where its time and memory went. */
export const evaluationSpeed = z.object({
  /** What its work is counted in: `gradients` of one example, or `queries`. */
  unit: z.string(),
  work: z.number(),
  /** Seconds of attacking (with judging and downloading), writing results, and pauses. */
  attackSeconds: z.number(),
  writeSeconds: z.number(),
  pauseSeconds: z.number(),
  /** Most bytes of the job's process, seen after each restart and at the end. */
  peakMemory: z.number(),
});
export type EvaluationSpeed = z.infer<typeof evaluationSpeed>;

export const evaluationResult = z.object({
  targets: z.array(targetResult),
  indices: z.array(z.int()),
  /** The attack's settings with every default filled in, and the step size that was used. */
  settings: settingValues,
  /** Remarks that belong beside the number: steps × step size < ε, ε at or beyond flat grey, … */
  notes: z.array(z.string()),
  engine: engineInfo,
  seconds: z.number(),
  /** Results from before this was measured have none. */
  speed: evaluationSpeed.optional(),
});
export type EvaluationResult = z.infer<typeof evaluationResult>;

/** One example under attack, for one target. */
export const exampleRecord = z.object({
  /** Position in the data set. */
  index: z.int(),
  /** Row of this example in the evaluation's arrays. */
  row: z.int(),
  label: z.int(),
  cleanPrediction: z.int(),
  adversarialPrediction: z.int(),
  /** True if x' is valid and misclassified, or x was misclassified already. */
  broken: z.boolean(),
  attacked: z.boolean(),
  /** Index of the first iterate, or of the first query, that broke it. */
  firstSuccessIteration: z.int().nullable(),
  restart: z.int().nullable(),
  linf: z.number(),
  l2: z.number(),
  l1: z.number().nullable().default(null),
  /** Size of the smallest perturbation found that breaks it, in the attack's norm; minimal-norm attacks only. */
  distance: z.number().nullable().default(null),
  /** Whether x' still breaks it once rounded to 8 bits towards x; null where nothing broke it. */
  survives8Bit: z.boolean().nullable().default(null),
  /** Evaluation of the same plan that broke it before, so that it was not attacked again: x' is from there. */
  carriedFrom: entityId.nullable().default(null),
  /** Softmax probability of the predicted class before and after. */
  cleanConfidence: z.number(),
  adversarialConfidence: z.number(),
  /** Forward passes that a search without gradients spent on it, over all starts; null for attacks with gradients. */
  queries: z.int().nullable().default(null),
});
export type ExampleRecord = z.infer<typeof exampleRecord>;

export const exampleQuery = z.strictObject({
  evaluation: entityId,
  model: entityId,
  show: z.enum(['all', 'broken', 'survived', 'misclassified']).default('all'),
  /** Only those of this class. */
  label: z.int().min(0).exactOptional(),
  /** Only those that are taken for this class without an attack; −1: whose logits are not finite. */
  before: z.int().min(-1).exactOptional(),
  /** Only those that are taken for this class in the end: as x' where it broke them, else as before. */
  after: z.int().min(-1).exactOptional(),
  sort: z.enum(['index', 'firstSuccess', 'linf', 'l2', 'l1', 'distance', 'confidence']).default('index'),
  descending: z.boolean().default(false),
  offset: z.int().min(0).default(0),
  limit: z.int().min(1).max(1000).default(100),
});
export type ExampleQuery = z.infer<typeof exampleQuery>;
