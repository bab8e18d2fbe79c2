import type { z } from 'zod';
import { AppError } from '../../shared/domain/errors.ts';
import { describeIssues } from '../../shared/domain/settings.ts';

/**
 * Checks the input of a service, fills in defaults.
 * @param what names it for the message: `training`, `evaluation`.
 * @throws AppError `invalid-input` that names each wrong field.
 */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new AppError('invalid-input', `${what}: ${describeIssues(parsed.error)}`, {
    details: { field: parsed.error.issues[0]?.path.join('.') ?? '' },
  });
}
