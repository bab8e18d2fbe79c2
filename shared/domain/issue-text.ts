import type { z } from 'zod';
import { nearest } from './nearest.ts';

/**
 * What is wrong with a value, for a person: `must be at least 0 (it is -1)`, `unknown key “epsilonn” (did you mean
 * “epsilon”?)`. undefined for kinds of faults that zod's own words or the schema's tell better.
 */
export function issueText(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue;
  switch (issue.code) {
    case 'too_small':
      return isAmount(issue.origin)
        ? `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${found(input)}`
        : undefined;
    case 'too_big':
      return isAmount(issue.origin)
        ? `must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${found(input)}`
        : undefined;
    case 'invalid_type':
      if (input === undefined) return 'is missing';
      return issue.expected in KINDS ? `must be ${KINDS[issue.expected]}${found(input)}` : undefined;
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}${found(input)}`;
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, keysOf(issue.inst))).join('; ');
    default:
      return undefined;
  }
}

/** @param known the keys that there are */
export function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  const advice =
    near === null ? (known.length > 0 ? ` (there are ${known.join(', ')})` : '') : ` (did you mean “${near}”?)`;
  return `unknown key “${key}”${advice}`;
}

const KINDS: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  string: 'text',
  array: 'a list',
  object: 'a set of keys and values',
};

const isAmount = (origin: string): boolean => origin === 'number' || origin === 'int' || origin === 'bigint';

/** Longer values would drown the sentence. */
const SHOWN = 60;

function found(input: unknown): string {
  if (typeof input === 'string') return input.length <= SHOWN ? ` (it is “${input}”)` : '';
  if (typeof input === 'number' || typeof input === 'boolean' || input === null) return ` (it is ${String(input)})`;
  return '';
}

function keysOf(schema: z.core.$ZodRawIssue['inst']): readonly string[] {
  const def = schema?._zod.def as { readonly shape?: Readonly<Record<string, unknown>> } | undefined;
  return Object.keys(def?.shape ?? {});
}
