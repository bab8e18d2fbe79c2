import type { EngineChoice, EngineName } from '../../shared/domain/engine.ts';
import type { StoredJob } from '../store/jobs.ts';
import type { Store } from '../store/store.ts';

/** How many jobs may compute at once. */
export interface SlotRules {
  /** What `auto` comes to on this machine now. */
  readonly automatic: EngineName;
  /** wasm jobs at once; tensorflow takes all cores for one. */
  readonly wasm: number;
}

/**
 * Whether a waiting job may start beside the active ones. An import takes no engine: one at a time, beside anything.
 * One tensorflow job runs alone; wasm jobs share the cores.
 */
export function freeSlot(store: Store, rules: SlotRules, active: readonly StoredJob[], job: StoredJob): boolean {
  if (job.kind === 'import') return !active.some((other) => other.kind === 'import');
  const engines = active.filter((other) => other.kind !== 'import').map((other) => engineOf(store, rules, other));
  if (engines.includes('tensorflow')) return false;
  if (engineOf(store, rules, job) === 'tensorflow') return engines.length === 0;
  return engines.length < rules.wasm;
}

function engineOf(store: Store, rules: SlotRules, job: StoredJob): EngineName {
  const choice = requested(store, job);
  return choice === 'auto' ? rules.automatic : choice;
}

function requested(store: Store, { id, kind }: StoredJob): EngineChoice {
  switch (kind) {
    case 'train':
      return store.runs.get(id)?.config.engine ?? 'auto';
    case 'evaluate':
      return store.evaluations.get(id)?.request.engine ?? 'auto';
    case 'attention':
      return store.galleries.get(id)?.request.engine ?? 'auto';
    case 'import':
    case 'engine-test':
      return 'auto';
  }
}
