import { z } from 'zod';
import { defaultStepSize, epsilonNotations } from '../../../shared/domain/epsilon.ts';
import type { AscentPlan } from './ascent.ts';
import { canTransfer } from './plan.ts';
import type { AttackPlan } from './plan.ts';

/** An attack family: its settings, described once, and what they come to. */
export interface Attack<S extends z.ZodObject, P extends AttackPlan> {
  readonly name: string;
  readonly label: string;
  readonly summary: string;
  readonly source: string;
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
export interface AnyAttack extends Pick<Attack<z.ZodObject, AttackPlan>, 'name' | 'label' | 'summary' | 'source'> {
  readonly schema: z.ZodObject;
  /** Whether its x' may be judged on other models. */
  readonly transfers: boolean;
  /** Checks the settings against the attack's own schema before it plans. */
  resolve(settings: unknown): PlannedAttack;
}

export function defineAttack<S extends z.ZodObject, P extends AttackPlan>(attack: Attack<S, P>): AnyAttack {
  const { name, label, summary, source, schema } = attack;
  const resolve = (values: unknown): PlannedAttack => {
    const settings = schema.parse(values);
    const plan = attack.plan(settings);
    const notes = attack.notes?.(plan, settings) ?? [];
    return { plan, title: attack.describe(plan), weak: attack.weakness(plan), notes, used: { ...attack.used?.(plan) } };
  };
  return { name, label, summary, source, schema, transfers: canTransfer(resolve({}).plan), resolve };
}

export const epsilonSetting = z
  .number()
  .min(0, 'must be at least 0')
  .max(1, 'must be at most 1 (pixels are in [0, 1])')
  .default(0.25)
  .meta({ label: 'ε', unit: 'of [0, 1]', help: 'Largest change of a pixel. 0.25 is 63.75/255.' });

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
  .max(1, 'must be at most 1')
  .nullable()
  .default(null)
  .meta({ label: 'Step size', unit: 'of [0, 1]', help: 'Empty: 2.5 ε / steps.' });

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

/** `ε 0.25` */
export function epsilonLabel(epsilon: number): string {
  return `ε ${epsilonNotations(epsilon).unit}`;
}

/** Remarks on steps of one size. */
export function ascentNotes({ epsilon, steps, stepSize, stopAtSuccess }: AscentPlan): readonly string[] {
  const notes: string[] = [];
  const reach = steps * stepSize;
  // A tenth of a per cent of slack: 40 × 0.01 is not 0.4 in floating point.
  if (steps > 0 && reach < epsilon * 0.999) {
    notes.push(
      `${steps} steps of ${short(stepSize)} move a pixel by at most ${short(reach)}, less than ε ${short(epsilon)}: ` +
        'the attack cannot use its budget. Take more or larger steps.',
    );
  }
  if (stopAtSuccess) {
    notes.push(
      'Examples were given up at their first success: the final-iterate accuracy is that of the first success.',
    );
  }
  return notes;
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
