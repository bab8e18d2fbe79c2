import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { PlanClasses } from '../../../shared/domain/plan.ts';
import { wilsonInterval } from '../../compute/statistics/wilson.ts';
import type { MeasuredPlan } from './measured.ts';
import { breakerOf, focusOn } from './view.ts';

/**
 * Confusion before and after an attack, and robustness by class, of one model.
 * @param column see {@link focusOn}.
 * @throws AppError `not-found` for a column or a model without a result.
 */
export function planClassesOf(measured: MeasuredPlan, model: EntityId, column: string | null): PlanClasses {
  const focus = focusOn(measured, column);
  const outcomes = focus.outcomesOf(model);
  const [first] = outcomes;
  if (!first) {
    throw new AppError('not-found', `There is no result of ${measured.nameOf(model)} for that yet.`, { retry: true });
  }
  const { classes } = measured;
  const matrix = (): number[][] => classes.map(() => new Array<number>(classes.length + 1).fill(0));
  const [before, after] = [matrix(), matrix()];
  const count = (table: number[][], label: number, prediction: number): void => {
    const line = table[label];
    // Logits that are not finite predict nothing: they stand in a last column of their own.
    const place = prediction < 0 ? classes.length : prediction;
    if (line) line[place] = (line[place] ?? 0) + 1;
  };
  const tallies = classes.map(() => ({ examples: 0, right: 0, standing: 0 }));
  first.records.forEach(({ label, cleanPrediction }, row) => {
    const breaker = breakerOf(outcomes, row, focus.epsilon);
    count(before, label, cleanPrediction);
    count(after, label, breaker?.records[row]?.adversarialPrediction ?? cleanPrediction);
    const tally = tallies[label];
    if (!tally) return;
    tally.examples += 1;
    if (cleanPrediction === label) tally.right += 1;
    if (cleanPrediction === label && !breaker) tally.standing += 1;
  });
  return {
    classes: [...classes],
    before,
    after,
    perClass: tallies.map(({ examples, right, standing }) => {
      const [low, high] = wilsonInterval(standing, examples);
      const share = (part: number): number => (examples === 0 ? 0 : part / examples);
      return { examples, clean: share(right), robust: share(standing), low, high };
    }),
  };
}
