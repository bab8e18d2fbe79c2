import * as tf from '@tensorflow/tfjs-core';
import { download, startedBatch } from './batch.ts';
import { batchesOf, imageSize, padRows } from './examples.ts';
import type { Subject } from './examples.ts';
import { candidateLogits, cleanLogits } from './logits.ts';
import type { AttackOptions } from './options.ts';
import { closeRestart, enterCandidates, openOutcome, predictionOf } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { transferable, workOf } from './plan.ts';
import type { AscentPlan } from './plan.ts';
import { strideOf } from './pool.ts';
import { createAttackSteps } from './steps.ts';
import type { AttackSteps } from './steps.ts';
import { LONGEST_STRIDE } from './trajectories.ts';

/**
 * Attacks several targets with x' made once on a source. The iterate keeps raising the source's loss through all steps,
 * whether or not the source is fooled; the last iterate is judged on every target, and a success on any restart counts.
 * An example leaves when all targets are broken on it.
 * @returns one outcome for each target, in their order. Non-finite gradients are the source's.
 * @throws AppError `cancelled`; `invalid-input` for an attack that cannot transfer, see {@link transferable}.
 */
export async function attackTransfer(
  source: Subject,
  targets: readonly Subject[],
  options: AttackOptions,
): Promise<readonly Outcome[]> {
  const { examples } = options;
  const plan = transferable(options.plan);
  const ascent = createAttackSteps(source.network);
  const judges = targets.map((target) => createAttackSteps(target.network));
  const each = async (
    work: (target: Subject, judge: AttackSteps, position: number) => Promise<void>,
  ): Promise<void> => {
    for (const [position, target] of targets.entries()) {
      const judge = judges[position];
      if (judge) await work(target, judge, position);
    }
  };
  try {
    const outcomes: Outcome[] = [];
    await each(async (target, judge) => {
      const clean = await cleanLogits(judge, target, options);
      outcomes.push(openOutcome(examples, clean, target.network.classes, options.includeMisclassified));
    });
    for (let restart = 0; restart < plan.restarts; restart += 1) {
      const rows = pendingRows(outcomes);
      let waiting = rows.length;
      for (const batch of batchesOf(rows, options.batchSize)) {
        waiting -= batch.length;
        const later = workOf(plan) * (waiting + (plan.restarts - restart - 1) * rows.length);
        const made = await ascend(ascent, source, batch, restart, { ...options, plan }, (made, stepsLeft) =>
          options.onWork?.(batch.length * made, batch.length * stepsLeft + later),
        );
        await each(async (target, judge, position) => {
          const outcome = outcomes[position];
          if (!outcome) return;
          outcome.nonFinite += made.nonFinite;
          const open = made.images.filter(({ row }) => isOpen(outcome, row));
          const logits = await candidateLogits(judge, target, open, options);
          const { classes } = target.network;
          const candidates = open.map(({ row, image }, at) => {
            const prediction = predictionOf(logits, at * classes, classes);
            const lastWrong = prediction >= 0 && prediction !== examples.labels[row];
            return { row, image, iteration: lastWrong ? plan.steps : -1, lastWrong };
          });
          enterCandidates(outcome, examples, candidates, logits, restart, plan.epsilon);
        });
      }
      outcomes.forEach(closeRestart);
      options.onRestart?.(outcomes);
    }
    outcomes[0]?.notes.push(...[ascent, ...judges].flatMap((steps) => steps.notes()));
    return outcomes;
  } finally {
    [ascent, ...judges].forEach((steps) => steps.dispose());
  }
}

function isOpen(outcome: Outcome, row: number): boolean {
  return outcome.attacked[row] === 1 && !outcome.succeeded[row];
}

/** The rows that some target still withstands. */
function pendingRows(outcomes: readonly Outcome[]): readonly number[] {
  const rows = Array.from({ length: outcomes[0]?.attacked.length ?? 0 }, (_, row) => row);
  return rows.filter((row) => outcomes.some((outcome) => isOpen(outcome, row)));
}

interface Made {
  readonly images: readonly { readonly row: number; readonly image: Float32Array }[];
  readonly nonFinite: number;
}

/** The last iterates of one batch. */
async function ascend(
  steps: AttackSteps,
  { weights }: Subject,
  rows: readonly number[],
  restart: number,
  { examples, plan, seed, batchSize, control }: AttackOptions<AscentPlan>,
  onStep: (made: number, stepsLeft: number) => void,
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
      onStep(iterations, plan.steps - done);
      await control.checkpoint();
    }
    if (plan.steps === 0) onStep(1, 0);
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
