import { describe, expect, it } from 'vitest';
import type { JobContext } from '../../electron/compute/jobs/control.ts';
import { startGatedJob } from './gate.ts';

/** A job of `total` steps that counts them in `steps`. */
const counting = (steps: { done: number }, total: number) => async (context: JobContext) => {
  for (;;) {
    await context.checkpoint();
    if (steps.done === total) return;
    steps.done += 1;
    context.progress({ done: steps.done, total, unit: 'steps', message: '' });
  }
};

describe('a gated job', () => {
  it('does what it is told and stands still in between', async () => {
    const steps = { done: 0 };
    const job = startGatedJob(counting(steps, 100));
    expect(await job.advance(3)).toBe(3);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(steps.done).toBe(3);
    expect(await job.advance(2)).toBe(2);
    expect(steps.done).toBe(5);
  });

  it('tells that the job ended while it was measured', async () => {
    const job = startGatedJob(counting({ done: 0 }, 4));
    await expect(job.advance(10)).rejects.toThrow('came to its end');
    await expect(job.advance(1)).rejects.toThrow('came to its end');
  });

  it("passes the job's own failure on", async () => {
    const job = startGatedJob(async () => {
      throw new Error('no engine');
    });
    await expect(job.advance(1)).rejects.toThrow('no engine');
  });
});
