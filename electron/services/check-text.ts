import type { CheckState } from '../../shared/domain/check.ts';
import type { EntityId } from '../../shared/domain/ids.ts';
import type { CheckRow } from '../../shared/domain/library.ts';

/** A model's newest finished check on a data set. @param checks oldest first */
export function stateOf(checks: readonly CheckRow[], model: EntityId, dataset: EntityId): CheckState | null {
  const check = checks.findLast(
    ({ request, result }) => request.model === model && request.dataset === dataset && result !== null,
  );
  if (!check?.result) return null;
  const { verdict, summary } = check.result;
  const { depth, epsilon } = check.request;
  return { check: check.id, verdict, summary, depth, epsilon, created: check.created };
}

/** `red (full, ε 0.25, 2026-11-23)`, or `not checked`. */
export function checkText(state: CheckState | null): string {
  return state ? `${state.verdict} (${state.depth}, ε ${state.epsilon}, ${state.created.slice(0, 10)})` : 'not checked';
}
