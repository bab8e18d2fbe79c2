import * as tf from '@tensorflow/tfjs-core';
import type { CompiledStep } from '../../engines/compile.ts';
import { download } from './batch.ts';
import { imageSize, padRows } from './examples.ts';
import type { Found } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import type { Candidate } from './outcome.ts';

/** A batch shrinks when it fits into this share of its size: each new size is a graph of its own to compile. */
const SHRINK_BELOW = 0.75;

/**
 * What a batch carries from call to call, each tensor with a row for each slot.
 * `kept` [n, H, W, C]: the image that broke the example, else the best so far. [n]: evaluation of the first success or
 * −1; number of evaluations whose logits or gradients were not finite. Then what only the task knows.
 */
export type PoolState = readonly [kept: tf.Tensor, first: tf.Tensor, nonFinite: tf.Tensor, ...rest: tf.Tensor[]];

/** A row in the batch, and how many evaluations it has had. */
export interface Slot {
  readonly row: number;
  readonly done: number;
}

/** An attack that takes every row through the same number of evaluations of the model, unless it is broken before. */
export interface PoolTask {
  /** Evaluations of a row at most. */
  readonly length: number;
  /** Evaluations of one call. */
  readonly stride: number;
  /** Number of the state's tensors. */
  readonly width: number;
  /** State and constants of rows at their start. The caller disposes of them. */
  open(rows: readonly number[]): { readonly state: PoolState; readonly constants: readonly tf.Tensor[] };
  /**
   * The next evaluations of every slot. Nothing changes any more in rows that are broken or at their end, and rows of
   * the tensors beyond the slots are of no account. The caller disposes of old and new state.
   */
  advance(state: PoolState, constants: readonly tf.Tensor[], slots: readonly Slot[]): PoolState | Promise<PoolState>;
}

interface Batch {
  readonly slots: readonly Slot[];
  readonly state: PoolState;
  readonly constants: readonly tf.Tensor[];
}

/**
 * Runs a task over rows of any number: rows that are broken or at their end leave the batch, and waiting ones take their
 * places, so that it stays full as long as there are enough. What comes of a row depends on no other row.
 * @param onWork called after each call with the evaluations it made, and how many may still come.
 * @returns what was found, in pieces of about a batch.
 * @throws AppError `cancelled`.
 */
export async function* runPool(
  task: PoolTask,
  rows: readonly number[],
  { examples, batchSize, control }: Pick<AttackOptions, 'examples' | 'batchSize' | 'control'>,
  onWork: (done: number, left: number) => void,
): AsyncGenerator<Found> {
  if (rows.length === 0) return;
  const size = imageSize(examples.shape);
  const grain = Math.ceil(batchSize / 16);
  let waiting = rows.slice(batchSize);
  let batch = compose(task, null, [], rows.slice(0, batchSize), batchSize);
  let found: Found = { candidates: [], nonFinite: 0 };
  try {
    while (batch.slots.length > 0) {
      const before = batch.slots;
      const state = await task.advance(batch.state, batch.constants, before);
      tf.dispose([...batch.state]);
      const slots = before.map(({ row, done }) => ({ row, done: Math.min(task.length, done + task.stride) }));
      batch = { ...batch, state, slots };
      const first = await download(state[1]);
      const isLive = (at: number): boolean => (first[at] ?? -1) < 0 && (slots[at]?.done ?? 0) < task.length;
      const positions = slots.map((_, at) => at);
      const live = positions.filter(isLive);
      const left = live.reduce((sum, at) => sum + task.length - (slots[at]?.done ?? 0), waiting.length * task.length);
      onWork(
        slots.reduce((sum, { done }, at) => sum + done - (before[at]?.done ?? 0), 0),
        left,
      );

      const over = slots.length - live.length;
      const refill = waiting.length > 0 && over >= grain;
      const smaller = padRows(live, batchSize).length <= SHRINK_BELOW * (state[1].shape[0] ?? 0);
      if (live.length === 0 || refill || (waiting.length === 0 && smaller)) {
        const gone = positions.filter((at) => !isLive(at));
        const more = await harvest(batch, first, gone, size);
        found = {
          candidates: [...found.candidates, ...more.candidates],
          nonFinite: found.nonFinite + more.nonFinite,
        };
        const entering = waiting.slice(0, batchSize - live.length);
        waiting = waiting.slice(entering.length);
        const next = compose(task, batch, live, entering, batchSize);
        tf.dispose([...batch.state, ...batch.constants]);
        batch = next;
        if (found.candidates.length >= batchSize) {
          yield found;
          found = { candidates: [], nonFinite: 0 };
        }
      }
      await control.checkpoint();
    }
    if (found.candidates.length > 0) yield found;
  } finally {
    tf.dispose([...batch.state, ...batch.constants]);
  }
}

/** A batch of the slots of another one at `live`, with rows that enter behind them. The other's tensors stay as they are. */
function compose(
  task: PoolTask,
  old: Batch | null,
  live: readonly number[],
  entering: readonly number[],
  batchSize: number,
): Batch {
  const slots = [...live.flatMap((at) => old?.slots[at] ?? []), ...entering.map((row): Slot => ({ row, done: 0 }))];
  const tensors = tf.tidy(() => {
    const opened = entering.length > 0 ? task.open(entering) : null;
    const parts = [
      ...(old && live.length > 0 ? [{ from: [...old.state, ...old.constants], at: live }] : []),
      ...(opened ? [{ from: [...opened.state, ...opened.constants], at: entering.map((_, at) => at) }] : []),
    ];
    return (parts[0]?.from ?? []).map((_, index) => gatherParts(parts, index, slots.length, batchSize));
  });
  return { slots, state: tensors.slice(0, task.width) as unknown as PoolState, constants: tensors.slice(task.width) };
}

/** One tensor of all parts, rows filled up to a batch size that is compiled already. */
function gatherParts(
  parts: readonly { readonly from: readonly tf.Tensor[]; readonly at: readonly number[] }[],
  index: number,
  count: number,
  batchSize: number,
): tf.Tensor {
  const pieces = parts.flatMap(({ from, at }) => {
    const tensor = from[index];
    return tensor ? [{ tensor, at }] : [];
  });
  const padded = padRows(
    Array.from({ length: count }, (_, position) => position),
    batchSize,
  );
  const [only] = pieces;
  if (only && pieces.length === 1)
    return tf.gather(
      only.tensor,
      tf.tensor1d(
        padded.map((p) => only.at[p] ?? 0),
        'int32',
      ),
    );
  const joined = tf.concat(pieces.map(({ tensor, at }) => tf.gather(tensor, tf.tensor1d([...at], 'int32'))));
  return padded.length === count ? joined : tf.gather(joined, tf.tensor1d([...padded], 'int32'));
}

/** Takes the batch's rows at `positions` off the engine. */
async function harvest(
  { slots, state: [kept, , nonFinite] }: Batch,
  first: Float32Array,
  positions: readonly number[],
  size: number,
): Promise<Found> {
  const failures = await download(nonFinite);
  const picked = tf.tidy(() => tf.gather(kept, tf.tensor1d([...positions], 'int32')));
  const images = await download(picked).finally(() => picked.dispose());
  return {
    candidates: positions.map((at, place): Candidate => {
      const iteration = first[at] ?? -1;
      const image = images.subarray(place * size, (place + 1) * size);
      return { row: slots[at]?.row ?? 0, image, iteration, lastWrong: iteration >= 0 };
    }),
    nonFinite: positions.reduce((sum, at) => sum + (failures[at] ?? 0), 0),
  };
}

/** The longest stride of at most `longest` that wastes the fewest evaluations of a row in its last call. */
export function strideOf(length: number, longest: number): number {
  const strides = Array.from({ length: Math.min(length, longest) }, (_, less) => Math.min(length, longest) - less);
  const waste = (stride: number): number => Math.ceil(length / stride) * stride - length;
  const candidates = strides.filter((stride) => 2 * stride > longest || stride === length);
  return candidates.toSorted((a, b) => waste(a) - waste(b))[0] ?? 1;
}

/** Runs a step that takes state, schedule and constants and gives the next state and the schedule's rest. */
export function runTurns(
  step: CompiledStep,
  state: PoolState,
  schedule: tf.Tensor,
  constants: readonly tf.Tensor[],
): PoolState {
  const outputs = step.run(...state, schedule, ...constants);
  outputs[state.length]?.dispose();
  return outputs.slice(0, state.length) as unknown as PoolState;
}
