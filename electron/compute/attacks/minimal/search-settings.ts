import { z } from 'zod';

/** Settings of attacks that search for the constant of their loss. */
export const searchSettings = {
  searches: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(100)
    .default(9)
    .meta({ label: 'Search steps', help: 'Constants c that are tried, each from the original image.' }),
  steps: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(100_000)
    .default(1000)
    .meta({ label: 'Iterations', help: 'With each c, at most.' }),
  rate: z
    .number()
    .positive('must be above 0')
    .max(1, 'must be at most 1')
    .default(0.01)
    .meta({ label: 'Rate', help: 'Step size of the optimiser.' }),
  initial: z.number().positive('must be above 0').max(1e6, 'must be at most 1,000,000').default(0.001).meta({
    label: 'First c',
    help: 'Ten times as large after each failure, then halved between failure and success.',
    advanced: true,
  }),
  confidence: z.number().min(0, 'must be at least 0').max(1e6, 'must be at most 1,000,000').default(0).meta({
    label: 'κ',
    help: 'By how much the logit of the other class shall lead.',
    advanced: true,
  }),
  abortEarly: z.boolean().default(true).meta({
    label: 'Give up early',
    help: 'An example leaves a c once its loss has stopped falling.',
    advanced: true,
  }),
};

/** `9 × 1,000` */
export function searchLabel({ searches, steps }: { readonly searches: number; readonly steps: number }): string {
  return `${searches} × ${steps}`;
}

/** Why its number alone is no claim of robustness. */
export function searchWeakness({ searches, steps }: { readonly searches: number; readonly steps: number }): string {
  return searches < 5 || steps < 100
    ? 'Few search steps or iterations: more find smaller perturbations.'
    : 'It measures distances: APGD and Square beside it may break more at this ε.';
}
