import { GALLERY_MODELS } from '../../../shared/domain/gallery.ts';
import { CHECK_PART, GALLERY_PART, PLAN_PART } from '../../../shared/domain/sweep.ts';
import type { RunState } from '../../../shared/domain/training.ts';
import type { Store } from '../../store/store.ts';
import type { StoredSweep } from '../../store/sweeps.ts';
import type { SweepExpansion } from './expand.ts';

/** Jobs by what they are doing; `missing` are not made yet. */
export interface PartCounts {
  readonly waiting: number;
  /** Paused ones are among them. */
  readonly running: number;
  readonly done: number;
  /** Cancelled and interrupted ones are among them: all that is tried again. */
  readonly failed: number;
  readonly missing: number;
}

/** How far a sweep is. */
export interface SweepProgress {
  readonly trainings: PartCounts;
  readonly evaluations: PartCounts;
  readonly galleries: PartCounts;
  readonly checks: PartCounts;
}

const COUNTED: Readonly<Record<RunState, keyof PartCounts>> = {
  waiting: 'waiting',
  running: 'running',
  paused: 'running',
  done: 'done',
  failed: 'failed',
  cancelled: 'failed',
  interrupted: 'failed',
};

/**
 * Counts the jobs of a sweep. Models whose training failed are not waited for.
 * @param evaluations of all models.
 */
export function sweepProgress(
  store: Store,
  { id, request }: StoredSweep,
  { groups, surrogates }: SweepExpansion,
  evaluations: number,
): SweepProgress {
  const states = new Map(store.jobs.list().map((job) => [job.id, job.state]));
  const parts = store.sweeps.parts(id);
  const stateOf = (key: string): RunState | undefined => states.get(parts.get(key) ?? '');
  const statesAt = (prefix: string): RunState[] =>
    [...parts.keys()].flatMap((key) => (key.startsWith(prefix) ? (stateOf(key) ?? []) : []));

  const models = [...new Set(groups.flatMap(({ trainings }) => trainings.map(({ key }) => key)))];
  const trainings = [...new Set([...models, ...surrogates.map(({ key }) => key)])];
  const broken = models.filter((key) => COUNTED[stateOf(key) ?? 'waiting'] === 'failed').length;
  const left = models.length - broken;
  const planned = [...parts].flatMap(([key, plan]) =>
    key.startsWith(PLAN_PART) ? store.evaluations.states(plan).map(({ state }) => state) : [],
  );
  return {
    trainings: count(
      trainings.flatMap((key) => stateOf(key) ?? []),
      trainings.length,
    ),
    // Where a plan is there, it holds all that is to be measured.
    evaluations: count(planned, planned.length > 0 || left === 0 ? planned.length : evaluations),
    galleries: count(statesAt(GALLERY_PART), request.attention ? Math.ceil(left / GALLERY_MODELS) : 0),
    checks: count(statesAt(CHECK_PART), request.check ? left : 0),
  };
}

function count(states: readonly RunState[], expected: number): PartCounts {
  const counts = { waiting: 0, running: 0, done: 0, failed: 0, missing: Math.max(0, expected - states.length) };
  for (const state of states) counts[COUNTED[state]] += 1;
  return counts;
}
