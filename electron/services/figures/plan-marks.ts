import type { PlanResult } from '../../../shared/domain/plan.ts';
import type { MarkedAttack } from '../marks.ts';
import { CLEAN } from '../plans/view.ts';

/**
 * What there is to say of the attacks behind a column of a plan.
 * @param column its key; null: the worst cases.
 * @param models whose numbers are shown.
 */
export function attacksBehind(
  { columns, worst }: PlanResult,
  column: string | null,
  models: readonly string[],
): readonly MarkedAttack[] {
  if (column === CLEAN) return [];
  if (column !== null) return columns.filter(({ key }) => key === column);
  const worsts = models.flatMap((model) => worst[model] ?? []);
  return worsts.map(({ weak }) => ({ label: 'worst case', weak }));
}

/** Why the number behind a column is weak; null if it is not. */
export function weaknessBehind(result: PlanResult, column: string | null, models: readonly string[]): string | null {
  return attacksBehind(result, column, models).find(({ weak }) => weak !== null)?.weak ?? null;
}

/** What is unusual about the sources of a plan's transfers, each remark once. */
export function sourceNotesOf({ cells }: PlanResult): readonly string[] {
  const notes = Object.values(cells).flatMap((row) => Object.values(row).flatMap((cell) => cell.notes));
  return [...new Set(notes)];
}
