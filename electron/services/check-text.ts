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
  return { check: check.id, verdict, summary, depth: check.request.depth, epsilon: check.request.epsilon };
}

/** `red (full, ε 0.25)`, or `not run`. */
export function checkText(state: CheckState | null): string {
  return state ? `${state.verdict} (${state.depth}, ε ${state.epsilon})` : 'not run';
}
