import { z } from 'zod';
import { engineChoice, engineInfo } from './engine.ts';
import { attackSpec, exampleChoice, interval } from './evaluation.ts';
import type { AttackSpec, EvaluationRequestInput } from './evaluation.ts';
import { entityId } from './ids.ts';

/** The parts of the gradient-masking check, in the order in which reports show them. */
export const CHECK_ITEMS = [
  'iterations',
  'restarts',
  'large-epsilon',
  'gradient-free',
  'one-step',
  'noise',
  'gradients',
  'surface',
  'step-size',
  'repeatable',
  'worst-case',
] as const;
export const checkItemName = z.enum(CHECK_ITEMS);
export type CheckItemName = z.infer<typeof checkItemName>;

/** Green: nothing suspicious; amber: look closer; red: the number cannot be trusted; unknown: it could not be told. */
export const VERDICTS = ['green', 'amber', 'red', 'unknown'] as const;
export const verdict = z.enum(VERDICTS);
export type Verdict = z.infer<typeof verdict>;

/** What a figure is counted in: points of accuracy, a share of the examples 0…1, or a plain number. */
const figureUnit = z.enum(['points', 'share', 'number']);

/** A number that decides, with the limits beyond which it is amber and red. */
export const checkFigure = z.object({
  label: z.string(),
  value: z.number().nullable(),
  unit: figureUnit,
  amber: z.number().nullable(),
  red: z.number().nullable(),
});
export type CheckFigure = z.infer<typeof checkFigure>;

/** What there is to see beside the figures. */
export const checkChart = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('curve'),
    xLabel: z.string(),
    yLabel: z.string(),
    lines: z.array(z.object({ label: z.string(), x: z.array(z.number()), y: z.array(z.number()) })),
  }),
  /** `values[row][column]` at `y[row]`, `x[column]`. */
  z.object({
    kind: z.literal('grid'),
    xLabel: z.string(),
    yLabel: z.string(),
    valueLabel: z.string(),
    x: z.array(z.number()),
    y: z.array(z.number()),
    values: z.array(z.array(z.number())),
  }),
]);
export type CheckChart = z.infer<typeof checkChart>;

export const checkItem = z.object({
  item: checkItemName,
  title: z.string(),
  verdict,
  figures: z.array(checkFigure),
  /** What was found, in a sentence for somebody who is new to the matter. */
  finding: z.string(),
  /** What to run next; null if nothing is open. */
  next: z.string().nullable(),
  /** The attack that `next` asks for; null where no single attack answers it. Checks of earlier versions have none. */
  attack: attackSpec.nullable().optional(),
  chart: checkChart.nullable(),
});
export type CheckItem = z.infer<typeof checkItem>;

/** `quick`: fewer steps, starts and queries, for a first look; it misses weak masking. */
export const CHECK_DEPTHS = ['quick', 'full'] as const;
export const checkDepth = z.enum(CHECK_DEPTHS);
export type CheckDepth = z.infer<typeof checkDepth>;

export const checkRequest = z.strictObject({
  name: z.string().trim().max(120).optional(),
  dataset: entityId,
  model: entityId,
  /**
   * Undefended models, whose adversarial examples are tried on the model. null: the newest of the model's architecture
   * and the newest of another one that the library has.
   */
  sources: z.array(entityId).max(8).nullable().default(null),
  /** Radius in L∞, of pixels in [0, 1]. */
  epsilon: z.number().positive().max(1).default(0.25),
  examples: exampleChoice.prefault({ count: 200 }),
  depth: checkDepth.default('full'),
  seed: z.int().min(0).default(0),
  batchSize: z.int().min(1).max(4096).default(250),
  engine: engineChoice.default('auto'),
  deterministic: z.boolean().default(false),
});
export type CheckRequest = z.infer<typeof checkRequest>;

export const checkResult = z.object({
  verdict,
  /** The overall verdict in words. */
  summary: z.string(),
  items: z.array(checkItem),
  examples: z.int(),
  indices: z.array(z.int()),
  cleanAccuracy: z.number(),
  /** What all attacks of the check left, per example; an upper bound of the robust accuracy. */
  worstAccuracy: z.number(),
  worstInterval: interval,
  engine: engineInfo,
  seconds: z.number(),
});
export type CheckResult = z.infer<typeof checkResult>;

/** The newest finished check of a model, as it stands beside the model's numbers. */
export const checkState = z.object({
  check: entityId,
  verdict,
  depth: checkDepth,
  epsilon: z.number(),
  summary: z.string(),
  /** When it was asked for, ISO 8601. */
  created: z.string(),
});
export type CheckState = z.infer<typeof checkState>;

/** The evaluation that a part of a check asks for: its attack on the same model, images, seed and engine. */
export function followUp(request: CheckRequest, attack: AttackSpec): EvaluationRequestInput {
  const { dataset, model, examples, seed, batchSize, engine, deterministic } = request;
  return { dataset, targets: [model], attack, examples, seed, batchSize, engine, deterministic };
}
