import type { PlanRow } from '../../shared/domain/plan.ts';
import type { SweepRow } from '../../shared/domain/sweep-view.ts';
import { call } from '../stores/connection.ts';
import type { ExampleFilter } from '../stores/explorer.ts';

/** Key of the column of clean accuracies. */
const CLEAN = 'clean';

/** The evaluation behind a model's number in a sweep's table; null if it is no longer in the library. */
export async function examplesBehind(
  { parts }: Pick<SweepRow, 'parts'>,
  plans: readonly PlanRow[],
  model: string,
  column: string,
): Promise<{ readonly evaluation: string; readonly show: ExampleFilter['show'] } | null> {
  const own = new Set(parts.map(([, id]) => id));
  for (const { id } of plans.filter((plan) => own.has(plan.id) && plan.request.models.includes(model))) {
    const cells = (await call('plans.result', { id })).cells[model] ?? {};
    const cell = column === CLEAN ? Object.values(cells)[0] : (cells[column] ?? weakest(cells));
    const evaluation = cell?.bySeed[0]?.evaluation;
    if (evaluation !== undefined) return { evaluation, show: column === CLEAN ? 'misclassified' : 'all' };
  }
  return null;
}

/** Of a worst case: the attack that broke most. */
function weakest<Cell extends { readonly accuracy: { readonly mean: number } }>(
  cells: Readonly<Record<string, Cell>>,
): Cell | undefined {
  return Object.values(cells).toSorted((a, b) => a.accuracy.mean - b.accuracy.mean)[0];
}
