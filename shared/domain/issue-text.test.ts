import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseSettings } from './settings.ts';

const schema = z.strictObject({
  epsilon: z.number().min(0).max(1).default(0.25),
  rate: z.number().positive().default(0.1),
  steps: z.int().min(1).default(10),
  reduction: z.enum(['mean', 'sum']).default('mean'),
  guard: z.boolean().default(true),
  layers: z.array(z.string()).default([]),
  inner: z.strictObject({ share: z.number().default(1) }).prefault({}),
});

test.each([
  [{ epsilon: -1 }, 'epsilon: must be at least 0 (it is -1)'],
  [{ epsilon: 1.5 }, 'epsilon: must be at most 1 (it is 1.5)'],
  [{ epsilon: Number.NaN }, 'epsilon: must be a number (it is NaN)'],
  [{ rate: 0 }, 'rate: must be more than 0 (it is 0)'],
  [{ steps: 2.5 }, 'steps: must be a whole number (it is 2.5)'],
  [{ steps: 'ten' }, 'steps: must be a number (it is “ten”)'],
  [{ reduction: 'max' }, 'reduction: must be one of mean, sum (it is “max”)'],
  [{ guard: 'yes' }, 'guard: must be true or false (it is “yes”)'],
  [{ layers: 'conv1' }, 'layers: must be a list (it is “conv1”)'],
  [{ epsilonn: 0.1 }, 'unknown key “epsilonn” (did you mean “epsilon”?)'],
  [{ momentum: 0.1 }, 'unknown key “momentum” (there are epsilon, rate, steps, reduction, guard, layers, inner)'],
  [{ inner: { shore: 1 } }, 'inner: unknown key “shore” (did you mean “share”?)'],
  [{ epsilon: 2, steps: 0 }, 'epsilon: must be at most 1 (it is 2); steps: must be at least 1 (it is 0)'],
])('settings %o are refused with what is wrong and what was found', (values, message) => {
  expect(() => parseSettings(schema, values, 'attack')).toThrow(`attack: ${message}`);
});
