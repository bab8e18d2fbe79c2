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
