import * as tf from '@tensorflow/tfjs-core';
import { download, startedBatch } from '../base/batch.ts';
import { measurePerturbation } from '../base/budget.ts';
import { batchesOf, imageSize, padRows } from '../base/examples.ts';
import type { Subject } from '../base/examples.ts';
import { candidateLogits } from '../base/logits.ts';
import type { Found } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import { isHit, predictionOf } from '../base/outcome.ts';
import type { Candidate } from '../base/outcome.ts';
import { workOf } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';
import type { AscentPlan } from './ascent.ts';
import { runPool, strideOf } from '../base/pool.ts';
import type { PoolTask } from '../base/pool.ts';
import type { ClimbRule } from './climb.ts';
import type { AttackSteps, PursuitState, TrackedState } from './steps.ts';

/** Iterations of one call at most: between calls an attack can be paused, and broken examples leave. */
export const LONGEST_STRIDE = 8;

/** How a plan's steps are made. */
export function climbRule({ plan, examples, targets }: AttackOptions<AscentPlan>): ClimbRule {
  const pixels = plan.share === null ? null : Math.max(1, Math.round(plan.share * imageSize(examples.shape)));
  return {
    norm: plan.norm,
    targeted: targets !== undefined,
    pixels: plan.norm === 'l1' ? pixels : null,
    samples: plan.samples,
  };
}

/**
 * One restart for rows of any number: from their starts through all steps, every iterate judged.
 * @param onStep called after each call with the units of work it took (see `workOf`), and how many may still come.
 * @returns what was found, in pieces as rows are done: each row in one of them.
 */
export async function* runTrajectories(
  steps: AttackSteps,
  subject: Subject,
  rows: readonly number[],
  restart: number,
  options: AttackOptions<AscentPlan>,
  onStep: (done: number, left: number) => void,
): AsyncGenerator<Found> {
  const { plan } = options;
  if (plan.stopAtSuccess && plan.steps > 0) {
    const task = pursuit(steps, subject, restart, options);
    const { samples } = plan;
    const onEvaluation = (done: number, left: number): void => onStep(done * samples, left * samples);
    for await (const { candidates, nonFinite } of runPool(task, rows, options, onEvaluation)) {
      yield { candidates: await judgedLasts(steps, subject, candidates, options), nonFinite };
    }
    return;
  }
  let waiting = rows.length;
  for (const batch of batchesOf(rows, options.batchSize)) {
    waiting -= batch.length;
    const later = waiting * workOf(plan);
    yield await runToTheEnd(steps, subject, batch, restart, options, (done, left) => onStep(done, left + later));
  }
}

/** Trajectories that end at their first success. */
function pursuit(
  steps: AttackSteps,
  { weights }: Subject,
  restart: number,
  options: AttackOptions<AscentPlan>,
): PoolTask {
  const { examples, plan, seed, targets } = options;
  const rule = climbRule(options);
  const stride = strideOf(plan.steps, LONGEST_STRIDE);
  return {
    length: plan.steps,
    width: 3,
    stride,
    open(rows) {
      const { iterate, constants } = startedBatch(examples, rows, plan, seed, restart, targets);
      return { state: [iterate, tf.fill([rows.length], -1), tf.zeros([rows.length])], constants };
    },
    advance(state, constants, slots) {
      const done = slots.map((slot) => slot.done);
      const [one, other, labels] = constants as [tf.Tensor, tf.Tensor, tf.Tensor];
      const kept = [one, other, labels] as const;
      return steps.pursue(weights, state as PursuitState, kept, done, plan.steps, plan.stepSize, stride, rule);
    },
  };
}

/** Candidates whose trajectories were not broken, with the judgement of their last iterates. */
export async function judgedLasts(
  steps: AttackSteps,
  subject: Subject,
  candidates: readonly Candidate[],
  options: AttackOptions<AttackPlan & { readonly steps: number }>,
): Promise<readonly Candidate[]> {
  const { classes } = subject.network;
  const logits = await candidateLogits(steps, subject, candidates, options);
  return candidates.map((candidate, at) => {
    const own = logits.subarray(at * classes, (at + 1) * classes);
    if (candidate.iteration >= 0) return { ...candidate, logits: own };
    const broken = isHit(options, candidate.row, predictionOf(own, 0, classes));
    return { ...candidate, logits: own, iteration: broken ? options.plan.steps : -1, lastWrong: broken };
  });
}

/** Trajectories of one batch that go on to their last step whatever they meet. */
async function runToTheEnd(
  steps: AttackSteps,
  { weights }: Subject,
  rows: readonly number[],
  restart: number,
  options: AttackOptions<AscentPlan>,
  onStep: (done: number, left: number) => void,
): Promise<Found> {
  const { examples, plan, seed, batchSize, control, targets } = options;
  const rule = climbRule(options);
  const padded = padRows(rows, batchSize);
  const { iterate: start, constants } = startedBatch(examples, padded, plan, seed, restart, targets);
  let state: TrackedState = [start, tf.fill([padded.length], -1), tf.zeros([padded.length]), tf.zerosLike(start)];
  const stride = strideOf(Math.max(1, plan.steps), LONGEST_STRIDE);
  try {
    for (let done = 0; done < plan.steps;) {
      const iterations = Math.min(stride, plan.steps - done);
      const next = steps.tracked(weights, state, constants, done, plan.stepSize, iterations, rule);
      tf.dispose([...state]);
      state = next;
      done += iterations;
      onStep(rows.length * iterations * plan.samples, rows.length * (plan.steps - done) * plan.samples);
      await control.checkpoint();
    }
    if (plan.steps === 0) onStep(rows.length, 0);
    return await judgedEnds(steps.logits(weights, state[0]), state, rows, options);
  } finally {
    tf.dispose([...state, ...constants]);
  }
}

/**
 * What a batch comes to at the end of its trajectories: the last iterate where that is a success, else the first one that
 * was, else the last.
 * @param output logits of the last iterates; disposed of.
 * @param rows of the batch, without what it was filled up with.
 */
export async function judgedEnds(
  output: tf.Tensor2D,
  [iterate, first, nonFinite, kept]: TrackedState,
  rows: readonly number[],
  options: AttackOptions<AttackPlan & { readonly steps: number }>,
): Promise<Found> {
  const { examples, plan } = options;
  const [, classes = 0] = output.shape;
  const logits = await download(output).finally(() => output.dispose());
  const lasts = await download(iterate);
  const firsts = await download(first);
  const failures = await download(nonFinite);
  const size = imageSize(examples.shape);
  const imageOf = (images: Float32Array, at: number): Float32Array => images.subarray(at * size, (at + 1) * size);
  const keeps = firsts.some((iteration) => iteration >= 0) ? await download(kept) : lasts;
  const candidates = rows.map((row, at): Candidate => {
    const own = logits.subarray(at * classes, (at + 1) * classes);
    const last = imageOf(lasts, at);
    const { valid } = measurePerturbation(examples.images, row * size, last, 0, size, plan);
    const hit = isHit(options, row, predictionOf(own, 0, classes));
    const lastWrong = valid && hit;
    const before = firsts[at] ?? -1;
    if (before >= 0 && !lastWrong) return { row, image: imageOf(keeps, at), iteration: before, lastWrong };
    const iteration = before < 0 && hit ? plan.steps : before;
    return { row, image: last, logits: own, iteration, lastWrong };
  });
  return { candidates, nonFinite: rows.reduce((sum, _, at) => sum + (failures[at] ?? 0), 0) };
}
