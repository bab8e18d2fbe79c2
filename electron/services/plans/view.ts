import { epsilonLabel } from '../../../shared/domain/epsilon.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { breaksAt, epsilonsOf, normsOf, outcomesIn } from './measured.ts';
import type { MeasuredOutcome, MeasuredPlan } from './measured.ts';
import { stepLabel } from './result.ts';

/** What of a plan is looked at: a column over all its seeds, the clean images, or the worst case at one ε. */
export interface PlanFocus {
  readonly label: string;
  readonly outcomesOf: (model: EntityId) => readonly MeasuredOutcome[];
  /** Largest ε that counts; 0 for clean images. */
  readonly epsilon: number;
}

/** The column key that means the images without an attack. */
export const CLEAN = 'clean';

/**
 * @param column a column's key, {@link CLEAN}, or null for the worst case at the largest ε of the first norm.
 * @throws AppError `not-found` for a column that the plan does not have, or where nothing is done yet.
 */
export function focusOn(measured: MeasuredPlan, column: string | null): PlanFocus {
  const { steps, outcomes, nameOf } = measured;
  if (outcomes.length === 0) {
    throw new AppError('not-found', 'This plan has no result yet. Let its first evaluation finish.', { retry: true });
  }
  if (column === CLEAN) {
    return {
      label: 'without an attack',
      outcomesOf: (model) => outcomes.filter((one) => one.model === model).slice(0, 1),
      epsilon: 0,
    };
  }
  if (column !== null) {
    const step = steps.find((one) => one.column === column);
    if (!step) throw new AppError('not-found', 'The plan has no such column.', { details: { column } });
    return {
      label: stepLabel(step, nameOf),
      outcomesOf: (model) => outcomes.filter((one) => one.model === model && one.step.column === column),
      epsilon: step.attack.plan.epsilon,
    };
  }
  const [norm] = normsOf(steps);
  if (norm === undefined) {
    throw new AppError(
      'not-found',
      'This plan has no worst case: no ε bounds its attacks. Choose one of them instead of the worst case.',
    );
  }
  const epsilon =
    epsilonsOf(
      outcomes.map(({ step }) => step),
      norm,
    ).at(-1) ?? 0;
  return {
    label: `worst case, ${epsilonLabel({ norm, epsilon })}`,
    outcomesOf: (model) => outcomesIn(outcomes, norm).filter((one) => one.model === model),
    epsilon,
  };
}

/** The first of these outcomes, all on one model, that breaks the example of a row at ε or less. */
export function breakerOf(
  outcomes: readonly MeasuredOutcome[],
  row: number,
  epsilon: number,
): MeasuredOutcome | undefined {
  return outcomes.find((outcome) => {
    const record = outcome.records[row];
    return record !== undefined && record.cleanPrediction === record.label && breaksAt(outcome, record) <= epsilon;
  });
}
