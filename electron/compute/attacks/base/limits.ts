import type { z } from 'zod';
import type { attackLimits } from '../../../../shared/domain/evaluation.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { AttackOptions } from '../options.ts';
import { workOf } from '../plan.ts';

/** What an attack may spend: seconds on all its examples, and gradients or queries on each. */
export type AttackLimits = z.infer<typeof attackLimits>;

/** Thrown from a checkpoint once the time is up, and caught by whoever set the limit. */
class TimeIsUp extends Error {}

export interface Limit {
  /** Seconds counted so far; what earlier processes have spent counts too once `resume` was told. */
  spent(): number;
  resume(earlier: number): void;
  /** The options with a control whose checkpoints end the attack when its time is up. Pauses do not count. */
  readonly options: AttackOptions;
  /** Whether another start fits. */
  allows(restart: number): boolean;
  /** Whether this was thrown because the time is up. */
  isReached(thrown: unknown): boolean;
  /** What belongs beside the number; null if the attack ran to its end. */
  note(done: { readonly starts: number; readonly of: number }): string | null;
}

/**
 * @throws AppError `invalid-input` if not even one start fits into the work that an example may cost.
 */
export function openLimit(options: AttackOptions, now = (): number => performance.now()): Limit {
  const { limits, control, plan } = options;
  const { seconds = null, work = null } = limits ?? {};
  const { unit } = plan.family;
  const each = workOf(plan);
  if (work !== null && work < each) {
    throw new AppError(
      'invalid-input',
      `One start of ${plan.family.name} takes up to ${each.toLocaleString('en')} ${unit} for each example, more than the limit of ${work.toLocaleString('en')}. Raise the limit, or choose fewer steps or queries.`,
      { details: { field: 'limits.work', found: work, expected: each } },
    );
  }
  const started = now();
  let waited = 0;
  let earlier = 0;
  let stopped: 'seconds' | 'work' | null = null;
  const spent = (): number => earlier + (now() - started - waited) / 1000;
  const checkpoint = async (beforeStop?: () => Promise<void>): Promise<void> => {
    const before = now();
    await control.checkpoint(beforeStop);
    waited += now() - before;
    if (seconds !== null && spent() > seconds) throw new TimeIsUp();
  };
  return {
    spent,
    resume: (before) => (earlier = before),
    options: seconds === null ? options : { ...options, control: { checkpoint } },
    allows(restart) {
      const fits = work === null || (restart + 1) * each <= work;
      if (!fits) stopped = 'work';
      return fits;
    },
    isReached(thrown) {
      if (!(thrown instanceof TimeIsUp)) return false;
      stopped = 'seconds';
      return true;
    },
    note({ starts, of }) {
      if (stopped === null) return null;
      const why =
        stopped === 'seconds'
          ? `${Number(seconds?.toFixed(3))} s`
          : `${work?.toLocaleString('en')} ${unit} for each example`;
      return `Stopped at its limit of ${why}: ${starts} of ${of} starts were run to their end. The whole attack breaks as many examples or more.`;
    },
  };
}
