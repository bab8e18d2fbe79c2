import type { ExampleRecord } from '../../shared/domain/evaluation.ts';
import { formatCount } from '../ui/format.ts';

/** Magnifications k of the difference that can be chosen; a difference of ±1/k reaches the end of the scale. */
export const GAINS = [1, 2, 4, 8, 16, 32] as const;

/** What the attack added to each pixel: x′ − x, both in [0, 1] and of one layout. */
export function perturbation(clean: Float32Array, adversarial: Float32Array): Float32Array {
  return adversarial.map((value, index) => value - (clean[index] ?? 0));
}

/** The largest offered gain at which an ε stays within the scale. */
export function gainFor(epsilon: number, offered: readonly number[] = GAINS): number {
  const fitting = offered.filter((gain) => gain * epsilon <= 1 + 1e-9);
  return fitting.length > 0 ? Math.max(...fitting) : Math.min(...offered);
}

export type Outcome = 'misclassified' | 'broken' | 'survived';

/** Which text says when an example broke, with its numbers; keys of `evaluation.examples`. */
export function whenBroken({
  attacked,
  carriedFrom,
  firstSuccessIteration: iteration,
  restart,
  queries,
}: Pick<ExampleRecord, 'attacked' | 'carriedFrom' | 'firstSuccessIteration' | 'restart' | 'queries'>):
  | { readonly key: 'firstSuccess'; readonly values: { readonly iteration: number; readonly restart: number } }
  | { readonly key: 'firstQuery' | 'neverBrokenBy'; readonly values: { readonly queries: string } }
  | { readonly key: 'neverBroken' | 'notAttacked' | 'brokenEarlier'; readonly values: Record<string, never> } {
  if (carriedFrom !== null) return { key: 'brokenEarlier', values: {} };
  if (!attacked) return { key: 'notAttacked', values: {} };
  if (queries !== null) {
    return { key: iteration === null ? 'neverBrokenBy' : 'firstQuery', values: { queries: formatCount(queries) } };
  }
  if (iteration === null) return { key: 'neverBroken', values: {} };
  return { key: 'firstSuccess', values: { iteration, restart: (restart ?? 0) + 1 } };
}

/** What happened to an example: wrong before any attack, broken by it, or survived. */
export function outcomeOf(example: {
  readonly label: number;
  readonly cleanPrediction: number;
  readonly broken: boolean;
}): Outcome {
  if (example.cleanPrediction !== example.label) return 'misclassified';
  return example.broken ? 'broken' : 'survived';
}
