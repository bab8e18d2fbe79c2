import * as tf from '@tensorflow/tfjs-core';
import type { CompiledStep } from '../../engines/compile.ts';
import { stream } from '../../random/stream.ts';
import type { ApgdPlan } from './apgd-method.ts';
import { NO_LOSS } from './apgd-loss.ts';
import { shareOf, SPARSE_SCHEDULE, SPARSE_STATE, supportOf } from './apgd-sparse-steps.ts';
import type { SparseState } from './apgd-sparse-steps.ts';
import { APGD_SCHEDULE, APGD_STATE } from './apgd-steps.ts';
import type { ApgdState } from './apgd-steps.ts';
import { imageTensor, startedBatch } from '../base/batch.ts';
import { gatherRows, imageSize } from '../base/examples.ts';
import type { Examples } from '../base/examples.ts';
import { project } from '../base/norms.ts';
import { runTurns } from '../base/pool.ts';
import type { PoolState, PoolTask, Slot } from '../base/pool.ts';

/** Radii of the L1 attack's three phases as multiples of ε, and the share of the iterations that each takes. */
const PHASES = [
  { radius: 3, share: 0.3 },
  { radius: 2, share: 0.3 },
  { radius: 1, share: 0.4 },
] as const;
/** A phase of the L1 attack has a checkpoint whenever this share of its iterations is over. */
const CHECKPOINT_SHARE = 0.04;

/** What one run of Auto-PGD starts from. */
export interface ApgdRun {
  readonly examples: Examples;
  readonly plan: ApgdPlan;
  readonly seed: number;
  /** Key of its random starts, besides seed and example. */
  readonly start: number;
  /** [rows of the examples], the classes to lead to; null without. */
  readonly targets: Int32Array | null;
}

/**
 * Iterations at which step sizes are judged: ⌈p_j · steps⌉ with p₀ = 0, p₁ = 0.22,
 * p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06) (section 3 of the paper), counted in hundredths to be exact.
 */
export function apgdCheckpoints(steps: number): readonly number[] {
  const checkpoints: number[] = [];
  for (let [before, at] = [0, 22]; at < 100; [before, at] = [at, at + Math.max(at - before - 3, 6)]) {
    const checkpoint = Math.ceil((at * steps) / 100);
    if (checkpoint > (checkpoints.at(-1) ?? 0) && checkpoint < steps) checkpoints.push(checkpoint);
  }
  return checkpoints;
}

/** What happens at each iterate 0 … steps, in the order of {@link APGD_SCHEDULE}. */
export function apgdTurns({ steps, momentum, rho }: ApgdPlan): readonly (readonly number[])[] {
  const checkpoints = apgdCheckpoints(steps);
  return Array.from({ length: steps + 1 }, (_, index) => {
    const position = checkpoints.indexOf(index);
    const since = index - (checkpoints[position - 1] ?? 0);
    const turn: Readonly<Record<(typeof APGD_SCHEDULE)[number], number>> = {
      index,
      checkpoint: position < 0 ? 0 : 1,
      threshold: position < 0 ? -1 : since * rho,
      weight: index === 0 ? 1 : momentum,
      move: index < steps ? 1 : 0,
    };
    return APGD_SCHEDULE.map((name) => turn[name]);
  });
}

/**
 * The same of the L1 attack, in the order of {@link SPARSE_SCHEDULE}: phases of falling radius, each of which judges its
 * own start and ends at the best point of all, so that there is one iterate more for each (Croce & Hein 2021,
 * arXiv 2103.01208, section 3; a phase that has no iterations is left out).
 */
export function sparseTurns({ steps, epsilon }: Pick<ApgdPlan, 'steps' | 'epsilon'>): readonly (readonly number[])[] {
  const lengths = phaseLengths(steps);
  const phases = PHASES.flatMap(({ radius }, at) => {
    const length = lengths[at] ?? 0;
    return length > 0 ? [{ radius: radius * epsilon, length }] : [];
  });
  let index = -1;
  return phases.flatMap(({ radius, length }, phase) => {
    const every = Math.max(Math.floor(CHECKPOINT_SHARE * length), 1);
    const next = phases[phase + 1];
    return Array.from({ length: length + 1 }, (_, step) => {
      index += 1;
      const last = step === length;
      const turn: Readonly<Record<(typeof SPARSE_SCHEDULE)[number], number>> = {
        index,
        counts: next ? 0 : 1,
        checkpoint: step > 0 && step % every === 0 ? 1 : 0,
        move: last ? 0 : 1,
        shrink: last && next ? 1 : 0,
        radius: last && next ? next.radius : radius,
      };
      return SPARSE_SCHEDULE.map((name) => turn[name]);
    });
  });
}

/** Iterations of the three phases: ⌈0.3 · steps⌉ twice, the rest last, which is never empty. */
function phaseLengths(steps: number): readonly number[] {
  const early = Math.ceil(PHASES[0].share * steps);
  return 2 * early >= steps ? [0, 0, steps] : [early, early, steps - 2 * early];
}

/** Evaluations of one run for one example. */
export function apgdLength({ norm, steps, epsilon }: Pick<ApgdPlan, 'norm' | 'steps' | 'epsilon'>): number {
  return norm === 'l1' ? sparseTurns({ steps, epsilon }).length : steps + 1;
}

/** One run from random starts, as the pool takes it. @param step compiled for `stride` iterations */
export function apgdTask(run: ApgdRun, step: CompiledStep, weights: readonly tf.Tensor[], stride: number): PoolTask {
  const sparse = run.plan.norm === 'l1';
  const turns = sparse ? sparseTurns(run.plan) : apgdTurns(run.plan);
  const columns = sparse ? SPARSE_SCHEDULE : APGD_SCHEDULE;
  return {
    length: turns.length,
    stride,
    width: (sparse ? SPARSE_STATE : APGD_STATE).length,
    open(rows) {
      const { state, constants } = sparse ? openSparse(run, rows) : openDense(run, rows);
      const { targets } = run;
      if (!targets) return { state, constants };
      const classes = Int32Array.from(rows, (row) => targets[row] ?? 0);
      return { state, constants: [...constants, tf.tensor1d(classes, 'int32')] };
    },
    advance(state, constants, slots) {
      const schedule = scheduleOf(turns, columns, slots, stride, state[1].shape[0] ?? 0);
      try {
        return runTurns(step, state, schedule, [...constants, ...weights]);
      } finally {
        schedule.dispose();
      }
    },
  };
}

interface Opened {
  readonly state: PoolState;
  readonly constants: readonly tf.Tensor[];
}

function openDense({ examples, plan, seed, start }: ApgdRun, rows: readonly number[]): Opened {
  if (plan.norm === 'linf') {
    const points = { norm: plan.norm, epsilon: plan.epsilon, randomStart: true };
    const { iterate, constants } = startedBatch(examples, rows, points, seed, start);
    return { state: inOrder(APGD_STATE, apgdStart(iterate, plan.epsilon)), constants };
  }
  const { x, noise, labels } = normalNoise(examples, rows, seed, start);
  const radius = tf.fill([rows.length], plan.epsilon);
  // Normal noise is far longer than 1, so that it is brought to the sphere from outside.
  const iterate = project('l2', x, tf.add(x, tf.mul(noise, plan.epsilon)), radius);
  return { state: inOrder(APGD_STATE, apgdStart(iterate, plan.epsilon)), constants: [x, radius, labels] };
}

function openSparse({ examples, plan, seed, start }: ApgdRun, rows: readonly number[]): Opened {
  const { x, noise, labels } = normalNoise(examples, rows, seed, start);
  const radius = sparseTurns(plan)[0]?.[SPARSE_SCHEDULE.indexOf('radius')] ?? plan.epsilon;
  const iterate = project('l1', x, tf.add(x, noise), radius);
  return { state: inOrder(SPARSE_STATE, sparseStart(iterate, x, radius)), constants: [x, labels] };
}

/** The images of rows, noise of N(0, 1) for each pixel from the stream of (seed, 'apgd', example, start), and labels. */
function normalNoise(
  examples: Examples,
  rows: readonly number[],
  seed: number,
  start: number,
): { readonly x: tf.Tensor4D; readonly noise: tf.Tensor4D; readonly labels: tf.Tensor1D } {
  const size = imageSize(examples.shape);
  const values = new Float32Array(rows.length * size);
  rows.forEach((row, at) =>
    stream(seed, 'apgd', examples.indices[row] ?? 0, start).fillNormal(values, at * size, size),
  );
  const labels = Int32Array.from(rows, (row) => examples.labels[row] ?? 0);
  return {
    x: imageTensor(gatherRows(examples.images, rows, size), examples.shape),
    noise: imageTensor(values, examples.shape),
    labels: tf.tensor1d(labels, 'int32'),
  };
}

/** The state of rows that start at `iterate` [n, H, W, C]. Call inside a `tidy`. */
export function apgdStart(iterate: tf.Tensor, epsilon: number): ApgdState {
  const fill = (value: number): tf.Tensor => tf.fill([iterate.shape[0] ?? 0], value);
  return {
    best: iterate,
    first: fill(-1),
    nonFinite: fill(0),
    iterate,
    previous: iterate,
    bestDirection: tf.zerosLike(iterate),
    bestLoss: fill(-NO_LOSS),
    checkedLoss: fill(-NO_LOSS),
    lastLoss: fill(NO_LOSS),
    stepSize: fill(2 * epsilon),
    rises: fill(0),
    halvedLast: fill(1),
  };
}

/** The same of the L1 attack, whose first radius is given. */
export function sparseStart(iterate: tf.Tensor, x: tf.Tensor, radius: number): SparseState {
  const fill = (value: number): tf.Tensor => tf.fill([iterate.shape[0] ?? 0], value);
  const support = supportOf(iterate, x);
  return {
    best: iterate,
    first: fill(-1),
    nonFinite: fill(0),
    iterate,
    bestGradient: tf.zerosLike(iterate),
    bestLoss: fill(-NO_LOSS),
    stepSize: fill(radius),
    share: shareOf(support, x),
    support,
  };
}

function inOrder<N extends string>(names: readonly N[], state: Readonly<Record<N, tf.Tensor>>): PoolState {
  return names.map((name) => state[name]) as unknown as PoolState;
}

/** [size, stride, columns]: each slot's next turns; nothing happens after the last one, and in rows without a slot. */
function scheduleOf(
  turns: readonly (readonly number[])[],
  names: readonly string[],
  slots: readonly Slot[],
  stride: number,
  size: number,
): tf.Tensor {
  const idle = names.map((name) => (name === 'index' ? -1 : 0));
  const schedule = new Float32Array(size * stride * names.length);
  for (let at = 0; at < size; at += 1) {
    const done = slots[at]?.done ?? turns.length;
    for (let turn = 0; turn < stride; turn += 1) {
      schedule.set(turns[done + turn] ?? idle, (at * stride + turn) * names.length);
    }
  }
  return tf.tensor3d(schedule, [size, stride, names.length]);
}
