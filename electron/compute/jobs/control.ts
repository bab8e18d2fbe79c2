import { AppError } from '../../../shared/domain/errors.ts';
import type { HostMessage, JobProgress, OwnerMessage } from '../../../shared/domain/job.ts';

/** How far a job is; rate and time left are worked out from successive calls. */
export type WorkDone = Pick<JobProgress, 'done' | 'total' | 'unit' | 'message'>;

/** What long computations need from whoever runs them. */
export interface Control {
  /**
   * To be awaited between steps. Gives the event loop a turn at most every 15 ms, and waits while the job is paused.
   * @param beforeStop saves the state of the work; awaited before a pause or a cancellation takes effect.
   * @throws AppError `cancelled` once the owner has asked for that.
   */
  checkpoint(beforeStop?: () => Promise<void>): Promise<void>;
  /** Reports progress; at most 20 reports a second leave the process, the last one (done = total) always. */
  progress(work: WorkDone): void;
}

/** Messages that a job itself sends; the host adds `ready`, `state`, `progress`, `done` and `error`. */
export type JobEvent = Extract<
  HostMessage,
  { type: 'engine' | 'note' | 'point' | 'checkpoint' | 'partial' | 'check-partial' }
>;

export interface JobContext extends Control {
  emit(event: JobEvent): void;
}

export interface JobControl {
  readonly context: JobContext;
  /** Takes the owner's wish; it has its effect at the next `checkpoint()`. */
  receive(wish: Exclude<OwnerMessage['type'], 'start'>): void;
}

const YIELD_EVERY_MS = 15;
const PROGRESS_EVERY_MS = 50;
const RATE_WINDOW_MS = 5_000;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * The control of one job.
 * @param send carries messages to the owner.
 * @param now clock in milliseconds.
 * @param tidyUp called between steps, as often as the event loop gets a turn.
 */
export function createControl(
  send: (message: HostMessage) => void,
  now = (): number => performance.now(),
  tidyUp?: () => void,
): JobControl {
  let state: 'running' | 'paused' = 'running';
  let wish: 'pause' | 'cancel' | null = null;
  let wake: (() => void) | null = null;
  let yielded = now();
  let reported = Number.NEGATIVE_INFINITY;
  let samples: { readonly time: number; readonly done: number }[] = [];

  const cancelled = (): AppError => new AppError('cancelled', 'Cancelled.');

  async function pause(): Promise<void> {
    state = 'paused';
    send({ type: 'state', state });
    while (wish === 'pause') await new Promise<void>((resolve) => (wake = resolve));
    wake = null;
    state = 'running';
    samples = [];
    if (wish !== 'cancel') send({ type: 'state', state });
  }

  const context: JobContext = {
    emit: send,
    async checkpoint(beforeStop) {
      if (now() - yielded >= YIELD_EVERY_MS) {
        await nextTurn();
        tidyUp?.();
        yielded = now();
      }
      if (wish) await beforeStop?.();
      if (wish === 'pause') await pause();
      if (wish === 'cancel') throw cancelled();
    },
    progress(work) {
      const time = now();
      if (time - reported < PROGRESS_EVERY_MS && work.done < work.total) return;
      reported = time;
      if (samples.some((sample) => sample.done > work.done)) samples = [];
      samples = [...samples.filter((sample) => time - sample.time <= RATE_WINDOW_MS), { time, done: work.done }];
      const rate = rateOf(samples);
      const secondsLeft = rate === null ? null : Math.max(0, work.total - work.done) / rate;
      send({ type: 'progress', progress: { ...work, rate, secondsLeft } });
    },
  };

  return {
    context,
    receive(next) {
      if (wish === 'cancel') return;
      wish = next === 'resume' ? null : next;
      wake?.();
    },
  };
}

function rateOf(samples: readonly { readonly time: number; readonly done: number }[]): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.time - first.time < 200 || last.done <= first.done) return null;
  return (1000 * (last.done - first.done)) / (last.time - first.time);
}
