import * as tf from '@tensorflow/tfjs-core';
import { batchConstants, download, imageTensor, startingPoints } from './batch.ts';
import { batchesOf, imageSize, padRows } from './examples.ts';
import type { Subject } from './examples.ts';
import type { AttackOptions } from './options.ts';
import type { Candidate } from './outcome.ts';
import { workOf } from './plan.ts';
import type { AttackSteps, BatchConstants, TrackedState } from './steps.ts';

/** With `stopAtSuccess`, successes are looked for every so many steps, since a look waits for the engine. */
const LOOK_EVERY = 4;
/** A batch shrinks when its live share falls below this: each new size is a graph of its own to compile. */
const SHRINK_BELOW = 0.75;

export interface Found {
  readonly candidates: readonly Candidate[];
  readonly nonFinite: number;
}

/** A batch while it runs: the tensors have a row for each of `rows`, then copies that fill the batch up. */
interface Running {
  readonly rows: readonly number[];
  readonly state: TrackedState;
  readonly constants: BatchConstants;
}

/**
 * One restart for rows of any number: from their starts through all steps, every iterate judged.
 * @param onStep called after each step with the units of work it took (see `workOf`), and how many may still come.
 * @returns what was found, in pieces as rows are done: each row in one of them.
 */
export async function* runTrajectories(
  steps: AttackSteps,
  subject: Subject,
  rows: readonly number[],
  restart: number,
  options: AttackOptions,
  onStep: (done: number, left: number) => void,
): AsyncGenerator<Found> {
  let waiting = rows.length;
  for (const batch of batchesOf(rows, options.batchSize)) {
    waiting -= batch.length;
    const later = waiting * workOf(options.plan);
    yield await runBatch(steps, subject, batch, restart, options, (moved, stepsLeft) =>
      onStep(moved, moved * stepsLeft + later),
    );
  }
}

async function runBatch(
  steps: AttackSteps,
  { weights }: Subject,
  rows: readonly number[],
  restart: number,
  options: AttackOptions,
  onStep: (moved: number, stepsLeft: number) => void,
): Promise<Found> {
  const { plan, control } = options;
  const size = imageSize(options.examples.shape);
  const found: Found[] = [];
  let running = start(rows, restart, options);
  try {
    for (let iteration = 0; iteration < plan.steps && running.rows.length > 0; iteration += 1) {
      const state = steps.tracked(weights, running.state, running.constants, iteration, plan.stepSize);
      tf.dispose([...running.state]);
      running = { ...running, state };
      onStep(running.rows.length, plan.steps - iteration - 1);
      if (plan.stopAtSuccess && iteration % LOOK_EVERY === LOOK_EVERY - 1) {
        const first = await download(running.state[2]);
        const alive = (at: number): boolean => (first[at] ?? -1) < 0;
        if (running.rows.filter((_, at) => alive(at)).length < SHRINK_BELOW * running.rows.length) {
          const given = running.rows.map((_, at) => at).filter((at) => !alive(at));
          found.push(await harvest(running, running.state[1], first, first, given, size));
          running = shrink(running, alive, options.batchSize);
        }
      }
      await control.checkpoint();
    }
    if (plan.steps === 0) onStep(running.rows.length, 0);
    if (running.rows.length > 0) {
      const judged = steps.judge(weights, running.state, running.constants, plan.steps, !plan.stopAtSuccess);
      try {
        const first = await download(judged.first);
        // An example that was given up at its first success is judged by that iterate.
        const last = plan.stopAtSuccess ? first : signed(await download(judged.lastWrong));
        const all = running.rows.map((_, at) => at);
        found.push(await harvest(running, judged.kept, first, last, all, size));
      } finally {
        tf.dispose([judged.kept, judged.first, judged.lastWrong]);
      }
    }
  } finally {
    tf.dispose([...running.state, ...running.constants]);
  }
  return {
    candidates: found.flatMap((part) => part.candidates),
    nonFinite: found.reduce((sum, part) => sum + part.nonFinite, 0),
  };
}

function start(rows: readonly number[], restart: number, { examples, plan, seed, batchSize }: AttackOptions): Running {
  const padded = padRows(rows, batchSize);
  const iterate = imageTensor(startingPoints(examples, padded, plan, seed, restart), examples.shape);
  return {
    rows,
    state: [iterate, tf.zerosLike(iterate), tf.fill([padded.length], -1), tf.zeros([padded.length])],
    constants: batchConstants(examples, padded, plan.epsilon),
  };
}

/** The batch without the rows whose fate is known. Takes over the old batch's tensors. */
function shrink(running: Running, alive: (at: number) => boolean, batchSize: number): Running {
  const live = running.rows.map((_, at) => at).filter(alive);
  const old = [...running.state, ...running.constants];
  const indices = tf.tensor1d(padRows(live, batchSize) as number[], 'int32');
  const [iterate, kept, first, nonFinite, lower, upper, labels] = old.map((tensor) => tf.gather(tensor, indices)) as [
    ...TrackedState,
    ...BatchConstants,
  ];
  tf.dispose([indices, ...old]);
  return {
    rows: live.map((at) => running.rows[at] ?? 0),
    state: [iterate, kept, first, nonFinite],
    constants: [lower, upper, labels],
  };
}

/**
 * Takes the batch's rows at `positions` off the engine.
 * @param first iteration of each row's first misclassified iterate, or negative.
 * @param last not negative where the row's last iterate is misclassified.
 */
async function harvest(
  { rows, state }: Running,
  kept: tf.Tensor,
  first: Float32Array,
  last: Float32Array,
  positions: readonly number[],
  size: number,
): Promise<Found> {
  const images = await download(kept);
  const failures = await download(state[3]);
  return {
    candidates: positions.map((at) => ({
      row: rows[at] ?? 0,
      image: images.subarray(at * size, (at + 1) * size),
      iteration: first[at] ?? -1,
      lastWrong: (last[at] ?? -1) >= 0,
    })),
    nonFinite: positions.reduce((sum, at) => sum + (failures[at] ?? 0), 0),
  };
}

/** Flags 0 and 1 as −1 and 0, so that not negative means yes. */
function signed(flags: Float32Array): Float32Array {
  return flags.map((flag) => flag - 1);
}
