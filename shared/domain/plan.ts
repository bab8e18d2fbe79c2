import { z } from 'zod';
import { engineChoice } from './engine.ts';
import { attackSpec, exampleChoice, goal, interval, norm } from './evaluation.ts';
import { entityId } from './ids.ts';
import { runState } from './training.ts';

/** An attack of a plan. Each ε takes the place of the one in its settings. */
export const planAttack = attackSpec.extend({
  /** null: the plan's ε. Give them where norms differ: an ε of L2 is no ε of L∞. */
  epsilons: z.array(z.number().min(0)).min(1).max(32).nullable().default(null),
});

/** Where x' is made: [] is on the model itself; one model, or several whose logits are averaged. */
export const planSource = z.array(entityId).max(16);

/**
 * `survivors`: cheapest attacks first, and an example that was broken at the same or a smaller ε of the same norm, on the
 * same model from the same source with the same seed and goal, is not attacked again. `each`: every attack by itself.
 */
export const PLAN_MODES = ['survivors', 'each'] as const;

export const planRequest = z.strictObject({
  name: z.string().trim().max(120).optional(),
  dataset: entityId,
  models: z.array(entityId).min(1).max(64),
  attacks: z.array(planAttack).min(1).max(64),
  /** Empty: each attack's own. */
  epsilons: z.array(z.number().min(0)).max(32).default([]),
  /** A source is never a target of itself: it is left out of the targets there. */
  sources: z.array(planSource).min(1).max(64).default([[]]),
  goal: goal.default('untargeted'),
  examples: exampleChoice.prefault({}),
  includeMisclassified: z.boolean().default(false),
  /** Seeds of all that is random in the attacks; numbers are then given as mean ± standard deviation. */
  seeds: z.array(z.int().min(0)).min(1).max(32).default([0]),
  mode: z.enum(PLAN_MODES).default('survivors'),
  batchSize: z.int().min(1).max(4096).default(500),
  engine: engineChoice.default('auto'),
  deterministic: z.boolean().default(false),
});
export type PlanRequest = z.infer<typeof planRequest>;
export type PlanRequestInput = z.input<typeof planRequest>;

/** What is to be added to a plan; only what is missing is run. */
export const planExtension = z.strictObject({
  id: entityId,
  models: z.array(entityId).max(64).default([]),
  attacks: z.array(planAttack).max(64).default([]),
  epsilons: z.array(z.number().min(0)).max(32).default([]),
  sources: z.array(planSource).max(64).default([]),
  seeds: z.array(z.int().min(0)).max(32).default([]),
});
export type PlanExtension = z.infer<typeof planExtension>;

export const planRow = z.object({
  id: entityId,
  name: z.string(),
  request: planRequest,
  /** Its evaluations in the order in which they run; each is a row of the library like any other. */
  evaluations: z.array(entityId),
  /** `running` while any runs, `waiting` while any waits; `failed` and the like where one is, else `done`. */
  state: runState,
  /** Evaluations that are done. */
  done: z.int(),
  created: z.string(),
});
export type PlanRow = z.infer<typeof planRow>;

/** What a plan costs, step by step in the order of running. */
export const planEstimate = z.object({
  steps: z.array(
    z.object({
      label: z.string(),
      targets: z.array(entityId),
      source: planSource,
      seed: z.int(),
      /** Work at most: examples that break early leave early. */
      work: z.number(),
      unit: z.string(),
      /** At that work; null where nothing is known of the speed. */
      seconds: z.number().nullable(),
      /**
       * What the seconds rest on: the same model, attack and engine before; another attack or model of the same
       * architecture; the engine's speed test.
       */
      basis: z.enum(['same', 'similar', 'speed-test', 'unknown']),
      /** Done already, so it costs nothing. */
      done: z.boolean(),
    }),
  ),
  /** Of all that is not done; null if any is unknown. */
  seconds: z.number().nullable(),
  /** What the user should know before the start: ε beyond flat grey, attacks that cannot transfer, weak attacks only. */
  warnings: z.array(z.string()),
});
export type PlanEstimate = z.infer<typeof planEstimate>;

/** Mean and standard deviation (n − 1) over seeds; `std` is null for one seed. */
export const overSeeds = z.object({ mean: z.number(), std: z.number().nullable(), seeds: z.int() });

/** One attack at one ε from one source, over all seeds. */
export const planColumn = z.object({
  key: z.string(),
  /** `PGD-200 × 10, ε 0.25 from surrogate`. */
  label: z.string(),
  /** The same for columns that differ in nothing but source. */
  attackKey: z.string(),
  /** `PGD-200 × 10, ε 0.25`. */
  attackLabel: z.string(),
  attack: z.string(),
  source: planSource,
  norm,
  epsilon: z.number(),
  /** Whether it uses no gradients of the model under attack. */
  gradientFree: z.boolean(),
  /** Whether it looks for the smallest perturbation. */
  minimal: z.boolean(),
  weak: z.string().nullable(),
  /** One for each seed, and more where models were added later. */
  evaluations: z.array(z.object({ evaluation: entityId, seed: z.int(), models: z.array(entityId), state: runState })),
});
export type PlanColumn = z.infer<typeof planColumn>;

export const planCell = z.object({
  /** Of the finished seeds. */
  accuracy: overSeeds,
  clean: z.number(),
  examples: z.int(),
  /** Which of its sources the model was trained against: the number is then no usual transfer. */
  notes: z.array(z.string()),
  bySeed: z.array(
    z.object({
      seed: z.int(),
      evaluation: entityId,
      robustAccuracy: z.number(),
      interval,
      /** Broken by earlier attacks of the plan and not attacked again. */
      carried: z.int(),
      /** Shares of all examples that stand once x' is rounded to 8 bits; null for results without that. */
      accuracy8Bit: z.number().nullable(),
      medianDistance: z.number().nullable(),
    }),
  ),
});

/** Per example over everything up to one ε of one norm: every attack, source and seed. */
export const planWorst = z.object({
  norm,
  epsilon: z.number(),
  accuracy: z.number(),
  interval,
  examples: z.int(),
  attacks: z.int(),
  /** What its attacks lack to be a claim of robustness, see `ResultTable.worstCase`. */
  weak: z.string().nullable(),
  /** White-box attacks alone; null without one. */
  whiteBox: z.number().nullable(),
  overSeeds,
});

export const planResult = z.object({
  plan: entityId,
  /** Models of the plan that are still in the library. */
  models: z.array(entityId),
  columns: z.array(planColumn),
  /** By model id, then column key. */
  cells: z.record(z.string(), z.record(z.string(), planCell)),
  /** By model id: clean accuracy on the plan's images. */
  clean: z.record(z.string(), z.object({ accuracy: z.number(), interval, examples: z.int() })),
  /** By model id, ε ascending within each norm. */
  worst: z.record(z.string(), z.array(planWorst)),
  /** One for each attack and ε with more than one source; the row of a source without members is white-box. */
  matrices: z.array(
    z.object({
      attackKey: z.string(),
      label: z.string(),
      rows: z.array(
        z.object({
          source: planSource,
          label: z.string(),
          /** By model id: mean robust accuracy; left out where the model is the source or it is not done. */
          accuracy: z.record(z.string(), z.number()),
        }),
      ),
    }),
  ),
});
export type PlanResult = z.infer<typeof planResult>;

/** A curve of robust accuracy as steps: at `x[i]` and beyond it is `accuracy[i]`. */
export const planCurve = z.object({
  model: entityId,
  /** `PGD-40`, `worst case`, … */
  label: z.string(),
  /** Column it belongs to; null for the worst case and for curves over several ε. */
  column: z.string().nullable(),
  norm,
  x: z.array(z.number()),
  /** The mean over seeds; of a worst case that over everything, which has but one. */
  accuracy: z.array(z.number()),
  /** Wilson 95 %, as `accuracy`. */
  low: z.array(z.number()),
  high: z.array(z.number()),
  seeds: z.int().min(1),
  /** The least and the greatest accuracy of a seed; `accuracy` itself with one. */
  lowest: z.array(z.number()),
  highest: z.array(z.number()),
  examples: z.int(),
});
export type PlanCurve = z.infer<typeof planCurve>;

export const planCurves = z.object({
  /** Over ε: from the distances of minimal-norm attacks, else from the ε that were run, successes carried upward. */
  epsilon: z.array(planCurve),
  /** Over the iterations of the first start. */
  iterations: z.array(planCurve),
  restarts: z.array(planCurve),
  /** Over queries spent; attacks without gradients only. */
  queries: z.array(planCurve),
});
export type PlanCurves = z.infer<typeof planCurves>;

export const planView = z.strictObject({
  id: entityId,
  model: entityId,
  /** null: the worst case over everything, at its largest ε of the first norm. */
  column: z.string().nullable().default(null),
});

/** Predictions before and after, and robustness class by class. */
export const planClasses = z.object({
  classes: z.array(z.string()),
  /** [label][prediction], counts; the last prediction is for logits that were not finite. */
  before: z.array(z.array(z.int())),
  after: z.array(z.array(z.int())),
  perClass: z.array(
    z.object({ examples: z.int(), clean: z.number(), robust: z.number(), low: z.number(), high: z.number() }),
  ),
});
export type PlanClasses = z.infer<typeof planClasses>;

/** Two models on the same examples. */
export const pairedComparison = z.object({
  first: entityId,
  second: entityId,
  examples: z.int(),
  accuracyFirst: z.number(),
  accuracySecond: z.number(),
  /** Examples that only the one of them withstands. */
  onlyFirst: z.int(),
  onlySecond: z.int(),
  /** Exact two-sided McNemar test, and the same after Holm's correction over the table. */
  p: z.number(),
  holm: z.number(),
  /**
   * Smallest difference of accuracies that these examples show with a power of 80 % at 5 %, given how often the two
   * disagree; null where they never do.
   */
  smallestDifference: z.number().nullable(),
});
export type PairedComparison = z.infer<typeof pairedComparison>;

export const planComparison = z.object({
  /** What is compared: `clean`, a column's label, `worst case, ε 0.25`. */
  label: z.string(),
  pairs: z.array(pairedComparison),
});
export type PlanComparison = z.infer<typeof planComparison>;

/** What of a plan's result a file shows. */
export const planExport = z.discriminatedUnion('what', [
  z.strictObject({ what: z.literal('table'), id: entityId, format: z.enum(['csv', 'latex']) }),
  z.strictObject({ what: z.literal('matrix'), id: entityId, attackKey: z.string(), format: z.enum(['csv', 'latex']) }),
  z.strictObject({
    what: z.literal('comparison'),
    id: entityId,
    column: z.string().nullable().default(null),
    format: z.enum(['csv', 'latex']),
  }),
  z.strictObject({ what: z.literal('curves'), id: entityId, format: z.literal('csv') }),
  z.strictObject({
    what: z.enum(['classes', 'confusion']),
    id: entityId,
    model: entityId,
    column: z.string().nullable().default(null),
    format: z.enum(['csv', 'latex']),
  }),
]);
export type PlanExport = z.infer<typeof planExport>;

/** A picture of a plan's result. */
export const planFigure = z.discriminatedUnion('what', [
  z.strictObject({
    what: z.literal('curve'),
    id: entityId,
    over: z.enum(['epsilon', 'iterations', 'restarts', 'queries']),
    /** Label and norm of the curves, one for each model. */
    label: z.string(),
    norm,
    format: z.enum(['svg', 'pdf', 'png']),
  }),
  z.strictObject({
    what: z.literal('matrix'),
    id: entityId,
    attackKey: z.string(),
    format: z.enum(['svg', 'pdf', 'png']),
  }),
  z.strictObject({
    what: z.literal('confusion'),
    id: entityId,
    model: entityId,
    column: z.string().nullable().default(null),
    when: z.enum(['before', 'after']),
    format: z.enum(['svg', 'pdf', 'png']),
  }),
]);
export type PlanFigure = z.infer<typeof planFigure>;
