import type { NumericDataType } from '@tensorflow/tfjs-core';
import type { ErrorData } from '../../../../shared/domain/errors.ts';
import type { ModuleSource } from '../../../../shared/domain/module.ts';
import type { Shard } from './shards.ts';

/**
 * What the calling thread and its worker threads share. Messages carry what a run consists of; an array of integers in
 * shared memory says who computes what, so that neither side needs its event loop while a step runs.
 */

/** A tensor's place in the shared memory of a run: rows one after another. */
export interface RowsInput {
  readonly role: 'rows';
  /** In bytes, a multiple of 8. */
  readonly offset: number;
  readonly rowShape: readonly number[];
  readonly dtype: NumericDataType;
}

/** A tensor that a worker keeps under this number until it is told to let go of it. */
export interface KeptInput {
  readonly role: 'kept';
  readonly id: number;
  readonly shape: readonly number[];
}

/** A tensor that is too small to be kept. */
export interface InlineInput {
  readonly role: 'inline';
  readonly values: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
  readonly dtype: NumericDataType;
}

export type TaskInput = RowsInput | KeptInput | InlineInput;

/** One run of a step, to every worker that is free. */
export interface Task {
  readonly task: number;
  readonly step: string;
  readonly parameters: object;
  readonly inputs: readonly TaskInput[];
  readonly rows: SharedArrayBuffer;
  readonly shards: readonly Shard[];
  /** Tensors that the worker has not got yet. */
  readonly news: readonly { readonly id: number; readonly dtype: NumericDataType; readonly data: SharedArrayBuffer }[];
  /** Tensors that it need not keep any more. */
  readonly gone: readonly number[];
}

export interface ShardOutput {
  readonly values: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
  readonly dtype: NumericDataType;
}

/** A worker's answer for one shard. */
export interface ShardResult {
  readonly task: number;
  readonly shard: number;
  readonly outputs: readonly ShardOutput[];
  readonly error: ErrorData | null;
  /** Tensors that the worker holds beyond those it was told to keep; 0 if it is sound. */
  readonly surplus: number;
}

/** What a worker thread is started with. */
export interface ThreadData {
  readonly control: SharedArrayBuffer;
  readonly index: number;
  readonly deterministic: boolean;
  /** Modules of the user whose attacks or defences the steps may be of. */
  readonly modules: readonly ModuleSource[];
}

/** Places in the control array. */
const CLAIM = 0;
export const DONE = 1;
const FIRST_WORKER = 2;
const WORKER_WORDS = 4;
export type WorkerWord = 'state' | 'task' | 'shard' | 'beat';
const WORDS: Readonly<Record<WorkerWord, number>> = { state: 0, task: 1, shard: 2, beat: 3 };

export const BOOTING = 0;
export const READY = 1;
export const ENDED = 2;

/** More shards than any batch has; also closes a task. */
const MOST_SHARDS = 0xfff;
const MOST_TASKS = 0x7ffff;

export function controlBytes(workers: number): number {
  return (FIRST_WORKER + workers * WORKER_WORDS) * 4;
}

/** Where a word of worker `index` stands. `shard` is that of the claimed shard plus 1, or 0; `task` the last one done. */
export function workerWord(index: number, word: WorkerWord): number {
  return FIRST_WORKER + index * WORKER_WORDS + WORDS[word];
}

/** Opens a task for claims. */
export function openTask(control: Int32Array, task: number): void {
  Atomics.store(control, DONE, 0);
  Atomics.store(control, CLAIM, claimWord(task, 0));
}

/** Ends claims for the current task. @returns how many shards were claimed. */
export function closeTask(control: Int32Array, task: number): number {
  return Atomics.exchange(control, CLAIM, claimWord(task, MOST_SHARDS)) & MOST_SHARDS;
}

/** Takes the next shard of a task. @returns its index, or −1 if there is none left or another task has begun. */
export function claimShard(control: Int32Array, task: number, shards: number): number {
  for (;;) {
    const word = Atomics.load(control, CLAIM);
    const next = word & MOST_SHARDS;
    if (word - next !== claimWord(task, 0) || next >= shards) return -1;
    if (Atomics.compareExchange(control, CLAIM, word, word + 1) === word) return next;
  }
}

function claimWord(task: number, next: number): number {
  return (task & MOST_TASKS) * (MOST_SHARDS + 1) + next;
}
