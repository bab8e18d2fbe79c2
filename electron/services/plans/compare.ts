import type { PairedComparison, PlanComparison } from '../../../shared/domain/plan.ts';
import { holm } from '../../compute/statistics/holm.ts';
import { mcnemarTwoSided } from '../../compute/statistics/mcnemar.ts';
import { smallestDifference } from '../../compute/statistics/power.ts';
import { breaksAt } from './measured.ts';
import type { MeasuredOutcome, MeasuredPlan } from './measured.ts';
import { focusOn } from './view.ts';

/**
 * Every pair of models on the same images: an example stands if it is classified rightly and withstood the column over
 * all its seeds, or everything in the worst case.
 * @param column see {@link focusOn}.
 * @throws AppError `not-found` for a column that the plan does not have.
 */
export function planComparisonOf(measured: MeasuredPlan, column: string | null): PlanComparison {
  const { label, outcomesOf, epsilon } = focusOn(measured, column);
  const standing = measured.models.flatMap(({ id }) => {
    const outcomes = outcomesOf(id);
    return outcomes.length > 0 ? [{ id, stands: standsOf(outcomes, epsilon) }] : [];
  });
  return {
    label,
    pairs: comparePairs(standing),
  };
}

/** Models with what stands, by position in the data set; pairs in their order. */
export function comparePairs(
  models: readonly { readonly id: string; readonly stands: ReadonlyMap<number, boolean> }[],
): PairedComparison[] {
  const pairs = models.flatMap((first, position) =>
    models.slice(position + 1).map((second) => comparePair(first, second)),
  );
  const corrected = holm(pairs.map(({ p }) => p));
  return pairs.map((pair, position) => ({ ...pair, holm: corrected[position] ?? 1 }));
}

function comparePair(
  first: { readonly id: string; readonly stands: ReadonlyMap<number, boolean> },
  second: { readonly id: string; readonly stands: ReadonlyMap<number, boolean> },
): Omit<PairedComparison, 'holm'> {
  let examples = 0;
  let both = 0;
  let onlyFirst = 0;
  let onlySecond = 0;
  for (const [position, one] of first.stands) {
    const other = second.stands.get(position);
    if (other === undefined) continue;
    examples += 1;
    if (one && other) both += 1;
    if (one && !other) onlyFirst += 1;
    if (other && !one) onlySecond += 1;
  }
  return {
    first: first.id,
    second: second.id,
    examples,
    accuracyFirst: examples === 0 ? 0 : (both + onlyFirst) / examples,
    accuracySecond: examples === 0 ? 0 : (both + onlySecond) / examples,
    onlyFirst,
    onlySecond,
    p: mcnemarTwoSided(onlyFirst, onlySecond),
    smallestDifference: examples === 0 ? null : smallestDifference(examples, (onlyFirst + onlySecond) / examples),
  };
}

function standsOf(outcomes: readonly MeasuredOutcome[], epsilon: number): ReadonlyMap<number, boolean> {
  const stands = new Map<number, boolean>();
  for (const outcome of outcomes) {
    for (const record of outcome.records) {
      stands.set(record.index, (stands.get(record.index) ?? true) && breaksAt(outcome, record) > epsilon);
    }
  }
  return stands;
}
