import { AppError, toAppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { Library } from '../../services/library.ts';

/** What became of the last attempt to make all of a sweep. */
export interface SweepAttempt {
  readonly driven: boolean;
  /** Why it ended before everything was there. */
  readonly stopped: string | null;
  readonly failed: readonly { readonly title: string; readonly message: string }[];
}

/** Who sees to it that what a sweep lacks is made: one attempt at a time for each sweep, as long as the window is open. */
export interface SweepDrivers {
  /** Begins an attempt; does nothing where one is under way. */
  readonly start: (library: Sweeping, id: EntityId) => void;
  readonly attempt: (id: EntityId) => SweepAttempt;
  /** Cancels what is running and waiting of a sweep, which ends its attempt. */
  readonly cancel: (library: Sweeping, id: EntityId) => void;
}

type Sweeping = Pick<Library, 'jobs'> & {
  readonly sweeps: Pick<Library['sweeps'], 'run' | 'parts'>;
  readonly plans: Pick<Library['plans'], 'list'>;
};

const NONE: SweepAttempt = { driven: false, stopped: null, failed: [] };
const ACTIVE: readonly string[] = ['running', 'waiting', 'paused'];

/** @param changed is told whenever an attempt begins, goes on with something else, or ends. */
export function sweepDrivers(changed: (id: EntityId) => void): SweepDrivers {
  const attempts = new Map<EntityId, SweepAttempt>();
  const cancelled = new Set<EntityId>();

  const note = (id: EntityId, attempt: SweepAttempt): void => {
    attempts.set(id, attempt);
    changed(id);
  };
  const cancelJobs = (library: Sweeping, id: EntityId): void => {
    for (const job of jobsOf(library, id, ACTIVE)) library.jobs.cancel(job);
  };

  return {
    attempt: (id) => attempts.get(id) ?? NONE,
    start: (library, id) => {
      if (attempts.get(id)?.driven) return;
      cancelled.delete(id);
      note(id, { ...NONE, driven: true });
      library.sweeps
        .run(id, () => {
          // Between two stages there is no job that could be cancelled.
          if (cancelled.has(id)) throw new AppError('cancelled', 'The sweep was cancelled.');
          changed(id);
        })
        .then(({ failed }) => note(id, { ...NONE, failed }))
        .catch((thrown: unknown) => {
          // What was queued while it was being cancelled.
          if (cancelled.has(id)) cancelJobs(library, id);
          note(id, { ...NONE, stopped: toAppError(thrown).message });
        });
    },
    cancel: (library, id) => {
      cancelled.add(id);
      cancelJobs(library, id);
    },
  };
}

/** Whether another process, such as a command, runs a part of the sweep now. */
export function runsElsewhere(library: Sweeping, id: EntityId): boolean {
  const here = new Set(library.jobs.running().map((job) => job.id));
  return jobsOf(library, id, ['running']).some((job) => !here.has(job));
}

/** Jobs of a sweep that are in one of these states. */
function jobsOf({ jobs, plans, sweeps }: Sweeping, id: EntityId, states: readonly string[]): string[] {
  const own = new Set(sweeps.parts(id).values());
  const steps = plans.list().flatMap((plan) => (own.has(plan.id) ? plan.evaluations : []));
  const all = new Set([...own, ...steps]);
  return jobs.list().flatMap((job) => (all.has(job.id) && states.includes(job.state) ? [job.id] : []));
}
