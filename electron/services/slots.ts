import type { EngineChoice, EngineName } from '../../shared/domain/engine.ts';
import type { StoredJob } from '../store/jobs.ts';
import type { Store } from '../store/store.ts';
import { predictionOf } from './datasets/predictions.ts';

/** How many jobs may compute at once. */
export interface SlotRules {
  /** What `auto` comes to on this machine now. */
  readonly automatic: EngineName;
  /** Jobs at once that an engine shares the cores with. */
  readonly atOnce: Readonly<Record<EngineName, number>>;
}

/**
 * Whether a waiting job may start beside the active ones: together they are no more than the strictest of their engines
 * allows. An import takes no engine: one at a time, beside anything.
 */
export function freeSlot(store: Store, rules: SlotRules, active: readonly StoredJob[], job: StoredJob): boolean {
  if (job.kind === 'import') return !active.some((other) => other.kind === 'import');
  const computing = [...active.filter((other) => other.kind !== 'import'), job];
  return computing.every((one) => computing.length <= rules.atOnce[engineOf(store, rules, one)]);
}

/** Whether an evaluation counts the successes of earlier ones that may still come. */
export function waitsForCarried(store: Store, { id, kind }: StoredJob): boolean {
  if (kind !== 'evaluate') return false;
  const earlier = store.evaluations.get(id)?.request.carryFrom ?? [];
  return earlier.some((other) => {
    const state = store.jobs.get(other)?.state;
    return state === 'waiting' || state === 'running' || state === 'paused';
  });
}

/** Threads for a job, so that as many as may run at once fill the cores. */
export function threadsFor(store: Store, rules: SlotRules, job: StoredJob, cores: number): number {
  return Math.max(1, Math.floor(cores / rules.atOnce[engineOf(store, rules, job)]));
}

function engineOf(store: Store, rules: SlotRules, job: StoredJob): EngineName {
  const choice = requested(store, job);
  return choice === 'auto' ? rules.automatic : choice;
}

function requested(store: Store, { id, kind, options }: StoredJob): EngineChoice {
  switch (kind) {
    case 'train':
      return store.runs.get(id)?.config.engine ?? 'auto';
    case 'evaluate':
      return store.evaluations.get(id)?.request.engine ?? 'auto';
    case 'attention':
      return store.galleries.get(id)?.request.engine ?? 'auto';
    case 'check':
      return store.checks.get(id)?.request.engine ?? 'auto';
    case 'predict':
      return predictionOf(options).engine;
    case 'import':
    case 'dataset-task':
    case 'trajectory':
    case 'engine-test':
    case 'preview-import':
    case 'probe-model':
    case 'describe-module':
      return 'auto';
  }
}
