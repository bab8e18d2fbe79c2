import * as tf from '@tensorflow/tfjs-core';
import { download, startedBatch } from './batch.ts';
import { imageSize, padRows } from './examples.ts';
import type { Subject } from './examples.ts';
import type { AttackOptions } from './options.ts';
import { defineFamily } from './plan.ts';
import type { AttackPlan, Made } from './plan.ts';
import { strideOf } from './pool.ts';
import type { AttackSteps } from './steps.ts';
import { LONGEST_STRIDE, runTrajectories } from './trajectories.ts';

/** Projected gradient ascent on the cross-entropy with steps of one size. */
export interface AscentPlan extends AttackPlan {
  /** Gradient steps of one restart; 0 judges the start alone. */
  readonly steps: number;
  readonly stepSize: number;
  /** Start at x plus uniform noise of [−ε, ε]; otherwise at x. */
  readonly randomStart: boolean;
  /** Give an example up at its first success instead of running its trajectory to the end. */
  readonly stopAtSuccess: boolean;
}

export const ASCENT = defineFamily<AscentPlan>({
  name: 'ascent',
  unit: 'gradients',
  minimal: false,
  targeted: false,
  access: ({ steps }) => (steps > 0 ? 'gradients' : 'nothing'),
  // 1 where only the start is judged.
  work: ({ steps }) => Math.max(1, steps),
  stopsAtSuccess: ({ stopAtSuccess }) => stopAtSuccess,
  isAtLeast: (more, less) => more.steps >= less.steps,
  create: (steps, subject, options) => ({
    run: (rows, restart, onWork) => runTrajectories(steps, subject, rows, restart, options, onWork),
    notes: () => [],
    dispose: () => undefined,
  }),
  make: ascend,
});

/** The last iterates of one batch, whose steps go on whether or not the source is fooled. */
async function ascend(
  steps: AttackSteps,
  { weights }: Subject,
  rows: readonly number[],
  restart: number,
  { examples, plan, seed, batchSize, control }: AttackOptions<AscentPlan>,
  onWork: (done: number, left: number) => void,
): Promise<Made> {
  const size = imageSize(examples.shape);
  const padded = padRows(rows, batchSize);
  const { iterate: start, constants } = startedBatch(examples, padded, plan, seed, restart);
  let iterate: tf.Tensor = start;
  let nonFinite: tf.Tensor = tf.zeros([padded.length]);
  try {
    const stride = strideOf(Math.max(1, plan.steps), LONGEST_STRIDE);
    for (let done = 0; done < plan.steps;) {
      const iterations = Math.min(stride, plan.steps - done);
      const next = steps.ascend(weights, iterate, nonFinite, constants, plan.stepSize, iterations);
      tf.dispose([iterate, nonFinite]);
      [iterate, nonFinite] = next;
      done += iterations;
      onWork(rows.length * iterations, rows.length * (plan.steps - done));
      await control.checkpoint();
    }
    if (plan.steps === 0) onWork(rows.length, 0);
    const images = await download(iterate);
    const failures = await download(nonFinite);
    return {
      images: rows.map((row, at) => ({ row, image: images.subarray(at * size, (at + 1) * size) })),
      nonFinite: failures.subarray(0, rows.length).reduce((sum, count) => sum + count, 0),
    };
  } finally {
    tf.dispose([iterate, nonFinite, ...constants]);
  }
}
