import { z } from 'zod';
import { defaultStepSize, epsilonNotations } from '../../../shared/domain/epsilon.ts';
import type { AscentPlan } from './ascent/ascent.ts';
import type { Norm } from './base/budget.ts';
import { canTransfer } from './plan.ts';
import type { AttackPlan } from './plan.ts';

/** An attack family: its settings, described once, and what they come to. */
export interface Attack<S extends z.ZodObject, P extends AttackPlan> {
  readonly name: string;
  readonly label: string;
  readonly summary: string;
  readonly source: string;
  /** Its page of help, a few paragraphs: what it is, when to use it, what its settings do. Empty lines part them. */
  readonly help: string;
  readonly schema: S;
  plan(settings: z.output<S>): P;
  /** `PGD-200 × 10`, without ε. */
  describe(plan: P): string;
  /** Why its number alone is no claim of robustness; null if it is a strong attack. */
  weakness(plan: P): string | null;
  /** What settings come to that follow from others, such as an empty step size. */
  used?(plan: P): Readonly<Record<string, number>>;
  /** Remarks that belong beside its number, besides its weakness. */
  notes?(plan: P, settings: z.output<S>): readonly string[];
}

/** What an attack's settings come to. */
export interface PlannedAttack {
  readonly plan: AttackPlan;
  /** `PGD-200 × 10`, without ε. */
  readonly title: string;
  readonly weak: string | null;
  readonly notes: readonly string[];
  /** See {@link Attack.used}. */
  readonly used: Readonly<Record<string, number>>;
}

/** An attack with its types forgotten, as the registry holds it. */
export interface AnyAttack extends Pick<
  Attack<z.ZodObject, AttackPlan>,
  'name' | 'label' | 'summary' | 'source' | 'help'
> {
  readonly schema: z.ZodObject;
  /** Whether its x' may be judged on other models. */
  readonly transfers: boolean;
  /** Whether it can lead to a class of choice. */
  readonly targeted: boolean;
  /** Whether it looks for the smallest perturbation. */
  readonly minimal: boolean;
  /** Checks the settings against the attack's own schema before it plans. */
  resolve(settings: unknown): PlannedAttack;
}

export function defineAttack<S extends z.ZodObject, P extends AttackPlan>(attack: Attack<S, P>): AnyAttack {
  const { name, label, summary, source, help, schema } = attack;
  const resolve = (values: unknown): PlannedAttack => {
    const settings = schema.parse(values);
    const plan = attack.plan(settings);
    const notes = attack.notes?.(plan, settings) ?? [];
    return { plan, title: attack.describe(plan), weak: attack.weakness(plan), notes, used: { ...attack.used?.(plan) } };
  };
  const { plan } = resolve({});
  const { targeted, minimal } = plan.family;
  return { name, label, summary, source, help, schema, transfers: canTransfer(plan), targeted, minimal, resolve };
}

const epsilonMeta = { label: 'ε', unit: 'of [0, 1]', help: 'Largest change of a pixel. 0.25 is 63.75/255.' };

/** ε of attacks in L∞ alone. */
export const epsilonSetting = z
  .number()
  .min(0, 'must be at least 0')
  .max(1, 'must be at most 1 (pixels are in [0, 1])')
  .default(0.25)
  .meta(epsilonMeta);

/** ε of attacks in several norms; their schemas go through {@link inBall}. */
export const ballEpsilonSetting = z
  .number()
  .min(0, 'must be at least 0')
  .max(1e6, 'must be at most 1,000,000')
  .default(0.25)
  .meta({
    ...epsilonMeta,
    help: 'Size of the change, in its norm. L∞: of each pixel, 0.25 is 63.75/255. L2 and L1: over all pixels of [0, 1].',
  });

/** The norms of a family, its first one by default. */
export const normSetting = <const N extends readonly [Norm, ...Norm[]]>(...norms: N) =>
  z
    .enum(norms)
    .default(norms[0] as never)
    .meta({
      label: 'Norm',
      help: 'What ε measures: the largest change (linf), the Euclidean length (l2), or the sum of changes (l1).',
    });

/** Settings with norm and ε: ε of L∞ is at most 1. */
export function inBall<S extends z.ZodObject>(schema: S): S {
  return schema.refine(({ norm, epsilon }) => norm !== 'linf' || Number(epsilon) <= 1, {
    path: ['epsilon'],
    message: 'must be at most 1 in L∞ (pixels are in [0, 1])',
  });
}

export const stepsSetting = (steps: number) =>
  z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(100_000)
    .default(steps)
    .meta({ label: 'Steps', help: 'Gradient steps from each start.' });

export const stepSizeSetting = z
  .number()
  .positive('must be above 0')
  .max(1e6, 'must be at most 1,000,000')
  .nullable()
  .default(null)
  .meta({ label: 'Step size', unit: 'of [0, 1]', help: 'In the norm of ε. Empty: 2.5 ε / steps.' });

/** Averaged gradients, for models that are random. */
export const samplesSetting = z.int('must be a whole number').min(1, 'must be at least 1').max(1000).default(1).meta({
  label: 'Gradients per step',
  help: 'Averaged for each step (expectation over transformations). Only models that are random need more than one.',
  advanced: true,
});

/** Sparse steps of L1. */
export const shareSetting = z.number().positive('must be above 0').max(1, 'must be at most 1').default(0.01).meta({
  label: 'Share of pixels per step',
  help: 'In L1 a step changes this share of the pixels, those of the largest gradients. Other norms ignore it.',
  advanced: true,
});

export const stopAtSuccessSetting = z.boolean().default(false).meta({
  label: 'Stop at the first success',
  help: 'Faster on weak models. The final-iterate accuracy is then that of the first success.',
  advanced: true,
});

export const startsSetting = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(100_000)
  .default(1)
  .meta({ label: 'Starts', help: 'Random starts in all. Examples that are broken do not start again.' });

/** The step size that was asked for, else the default one. */
export function stepSizeOf(epsilon: number, steps: number, stepSize: number | null): number {
  return stepSize ?? defaultStepSize(epsilon, steps);
}

/** A remark on steps that cannot reach ε. */
export function ascentReachNotes({
  norm,
  epsilon,
  steps,
  stepSize,
}: Pick<AscentPlan, 'norm' | 'epsilon' | 'steps' | 'stepSize'>): readonly string[] {
  const reach = steps * stepSize;
  // A tenth of a per cent of slack: 40 × 0.01 is not 0.4 in floating point.
  if (steps === 0 || reach >= epsilon * 0.999) return [];
  const moved = norm === 'linf' ? 'a pixel' : 'an image';
  return [
    `${steps} steps of ${short(stepSize)} move ${moved} by at most ${short(reach)}, less than ε ${short(epsilon)}: ` +
      'the attack cannot use its budget. Take more or larger steps.',
  ];
}

/** Remarks on steps of one size. */
export function ascentNotes(plan: AscentPlan): readonly string[] {
  const given =
    'Examples were given up at their first success: the final-iterate accuracy is that of the first success.';
  return [...ascentReachNotes(plan), ...(plan.stopAtSuccess ? [given] : [])];
}

/** What one start of few steps leaves open; null for many of both. */
export function fewStepsOrStarts(steps: number, restarts: number): string | null {
  if (steps < 100 && restarts < 2) return `One start of ${steps} steps: more steps and restarts may break more.`;
  if (steps < 100) return `${steps} steps: more may break more.`;
  if (restarts < 2) return 'One start: restarts may break more.';
  return null;
}

function short(value: number): string {
  return epsilonNotations(value).unit;
}
