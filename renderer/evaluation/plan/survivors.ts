import type { EvaluationRow } from '../../../shared/domain/library.ts';
import type { ModelCurve } from '../result-curves.ts';

/**
 * How many examples still stand, attack by attack in the order of running: for each model its clean accuracy at 0, then
 * after each restart of each evaluation that has results the least accuracy so far. The end of evaluation k is at k.
 * @param evaluations of a plan, of one norm, in their order.
 */
export function survivorCurves(
  evaluations: readonly Pick<EvaluationRow, 'request' | 'partial' | 'result'>[],
  models: readonly string[],
): readonly ModelCurve[] {
  return models.flatMap((model): readonly ModelCurve[] => {
    const points: (readonly [number, number])[] = [];
    let least = Number.POSITIVE_INFINITY;
    evaluations.forEach(({ partial, result }, position) => {
      const target = (result?.targets ?? partial).find((found) => found.model === model);
      if (!target) return;
      if (points.length === 0) {
        least = target.cleanAccuracy;
        points.push([0, least]);
      }
      const { byRestart } = target;
      byRestart.forEach((accuracy, restart) => {
        least = Math.min(least, accuracy);
        points.push([position + (restart + 1) / byRestart.length, least]);
      });
      if (byRestart.length === 0) {
        least = Math.min(least, target.robustAccuracy);
        points.push([position + 1, least]);
      }
    });
    return points.length > 0 ? [{ model, points }] : [];
  });
}
