import type { CheckState } from '../../shared/domain/check.ts';
import type { CheckRow } from '../../shared/domain/library.ts';

/** By model: its newest check that is under way, else its newest finished one, else its newest. */
export function newestChecks(checks: readonly CheckRow[]): ReadonlyMap<string, CheckRow> {
  const newest = new Map<string, CheckRow>();
  for (const check of checks) {
    const { model } = check.request;
    const known = newest.get(model);
    if (!known || rankOf(check) >= rankOf(known)) newest.set(model, check);
  }
  return newest;
}

function rankOf({ state, result }: CheckRow): number {
  if (state === 'running' || state === 'waiting' || state === 'paused') return 2;
  return result ? 1 : 0;
}

/** The newest finished check of a model; null if there is none. */
export function newestState(checks: readonly CheckRow[], model: string): CheckState | null {
  const check = checks.findLast(({ request, result }) => request.model === model && result !== null);
  if (!check?.result) return null;
  const { verdict, summary } = check.result;
  const { depth, epsilon } = check.request;
  return { check: check.id, verdict, summary, depth, epsilon, created: check.created };
}
