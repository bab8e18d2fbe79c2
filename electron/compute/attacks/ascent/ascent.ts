import * as tf from '@tensorflow/tfjs-core';
import { madeOf, startedBatch } from '../base/batch.ts';
import { imageSize, padRows } from '../base/examples.ts';
import type { Subject } from '../base/examples.ts';
import { inquiryMethod } from '../decision/inquiry.ts';
import type { Inquiry } from '../decision/inquiry.ts';
import type { AttackOptions } from '../options.ts';
import { isHit, predictionOf } from '../base/outcome.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan, Made } from '../plan.ts';
import { strideOf } from '../base/pool.ts';
import { startImages } from '../base/start.ts';
import type { Noise } from '../base/start.ts';
import type { AttackSteps } from './steps.ts';
import { climbRule, LONGEST_STRIDE, runTrajectories } from './trajectories.ts';

/** Projected gradient ascent on the cross-entropy with steps of one size, measured in the plan's norm. */
export interface AscentPlan extends AttackPlan {
  /** Gradient steps of one restart; 0 judges the start alone. */
  readonly steps: number;
  readonly stepSize: number;
  /** Start at x plus noise in the ball; otherwise at x. */
  readonly randomStart: boolean;
  readonly noise: Noise;
  /** In L1: share of the pixels that a step changes, see `sparseAscent`; null: all in proportion to the gradient. */
  readonly share: number | null;
  /** Gradients that are averaged for each step (expectation over transformations). */
  readonly samples: number;
  /** Give an example up at its first success instead of running its trajectory to the end. */
  readonly stopAtSuccess: boolean;
}

export const ASCENT = defineFamily<AscentPlan>({
  name: 'ascent',
  unit: 'gradients',
  minimal: false,
  targeted: true,
  access: ({ steps }) => (steps > 0 ? 'gradients' : 'nothing'),
  // 1 where only the start is judged.
  work: ({ steps, samples }) => Math.max(1, steps * samples),
  stopsAtSuccess: ({ stopAtSuccess }) => stopAtSuccess,
  isAtLeast: (more, less) =>
    more.steps >= less.steps && more.samples >= less.samples && (more.noise === less.noise || more.steps > less.steps),
  create: (steps, subject, options) =>
    subject.predictor
      ? inquiryMethod(steps, subject, options, 1, (row, restart) => judgeStart(options, row, restart))
      : {
          run: (rows, restart, onWork) => runTrajectories(steps, subject, rows, restart, options, onWork),
          notes: () => [],
          dispose: () => undefined,
        },
  make: ascend,
});

/** What is left of a trajectory on a model that only answers: its start. */
function* judgeStart(options: AttackOptions<AscentPlan>, row: number, restart: number): Inquiry {
  const { examples, plan, seed } = options;
  const size = imageSize(examples.shape);
  const x = examples.images.slice(row * size, (row + 1) * size);
  const image = startImages(x, [examples.indices[row] ?? 0], plan, seed, restart);
  const logits: Float32Array = yield { images: image, count: 1 };
  const hit = isHit(options, row, predictionOf(logits, 0, logits.length));
  return { image, iteration: hit ? 0 : -1, lastWrong: hit, nonFinite: logits.every(Number.isFinite) ? 0 : 1 };
}

/** The last iterates of one batch, whose steps go on whether or not the source is fooled. */
async function ascend(
  steps: AttackSteps,
  { weights }: Subject,
  rows: readonly number[],
  restart: number,
  options: AttackOptions<AscentPlan>,
  onWork: (done: number, left: number) => void,
): Promise<Made> {
  const { examples, plan, seed, batchSize, control, targets } = options;
  const rule = climbRule(options);
  const padded = padRows(rows, batchSize);
  const { iterate: start, constants } = startedBatch(examples, padded, plan, seed, restart, targets);
  let iterate: tf.Tensor = start;
  let nonFinite: tf.Tensor = tf.zeros([padded.length]);
  try {
    const stride = strideOf(Math.max(1, plan.steps), LONGEST_STRIDE);
    for (let done = 0; done < plan.steps;) {
      const iterations = Math.min(stride, plan.steps - done);
      const next = steps.ascend(weights, iterate, nonFinite, constants, plan.stepSize, iterations, rule);
      tf.dispose([iterate, nonFinite]);
      [iterate, nonFinite] = next;
      done += iterations;
      onWork(rows.length * iterations * plan.samples, rows.length * (plan.steps - done) * plan.samples);
      await control.checkpoint();
    }
    if (plan.steps === 0) onWork(rows.length, 0);
    return await madeOf(rows, iterate, nonFinite);
  } finally {
    tf.dispose([iterate, nonFinite, ...constants]);
  }
}
