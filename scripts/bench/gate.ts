import { createControl, type JobContext } from '../../electron/compute/jobs/control.ts';

/** A real job that goes on only while it is told to. */
export interface GatedJob {
  /**
   * Lets the job do at least so many more units of its progress, and resolves with how many it did.
   * Rejects if the job ends meanwhile.
   */
  advance(units: number): Promise<number>;
}

/**
 * Starts a job that stops at its own checkpoints, between two steps, whenever it has done what it was told: everything
 * else is as in a job process.
 */
export function startGatedJob(start: (context: JobContext) => Promise<unknown>): GatedJob {
  const { context } = createControl(() => undefined);
  let done = 0;
  let goal = 0;
  let wake: () => void = () => undefined;
  let arrive: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let over: Error | null = null;

  const end = (error: Error): void => {
    over = error;
    fail(error);
  };
  void start({
    emit: (event) => context.emit(event),
    progress(work) {
      done = work.done;
      context.progress(work);
    },
    async checkpoint(beforeStop) {
      await context.checkpoint(beforeStop);
      while (done >= goal) {
        const woken = new Promise<void>((resolve) => (wake = resolve));
        arrive();
        await woken;
      }
    },
  }).then(
    () => end(new Error('The job came to its end while it was measured.')),
    (error: unknown) => end(error instanceof Error ? error : new Error(String(error))),
  );

  return {
    async advance(units) {
      if (over) throw over;
      const before = done;
      const arrived = new Promise<void>((resolve, reject) => {
        arrive = resolve;
        fail = reject;
      });
      goal = before + units;
      wake();
      await arrived;
      return done - before;
    },
  };
}
