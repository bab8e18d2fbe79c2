import { z } from 'zod';
import { defaultStepSize, epsilonNotations } from '../../../shared/domain/epsilon.ts';
import type { AttackPlan } from './plan.ts';

/** An attack family as the registry holds it: its settings, described once, and what they come to. */
export interface Attack<S extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly label: string;
  readonly summary: string;
  readonly source: string;
  readonly schema: S;
  plan(settings: z.output<S>): AttackPlan;
  /** `PGD-200 × 10`, without ε. */
  describe(plan: AttackPlan): string;
  /** Why its number alone is no claim of robustness; null if it is a strong attack. */
  weakness(plan: AttackPlan): string | null;
}

/** An attack with its types forgotten, so that one list can hold them all. */
export type AnyAttack = Omit<Attack, 'plan'> & { plan(settings: unknown): AttackPlan };

/** Checks the settings against the attack's own schema before it plans. */
export function defineAttack<S extends z.ZodObject>(attack: Attack<S>): AnyAttack {
  return { ...attack, plan: (settings) => attack.plan(attack.schema.parse(settings)) };
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

/** The step size that was asked for, else the default one. */
export function stepSizeOf(epsilon: number, steps: number, stepSize: number | null): number {
  return stepSize ?? defaultStepSize(epsilon, steps);
}

/** `ε 0.25` */
export function epsilonLabel(epsilon: number): string {
  return `ε ${epsilonNotations(epsilon).unit}`;
}
