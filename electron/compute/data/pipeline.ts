import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AppError, type ErrorData } from '../../../shared/domain/errors.ts';
import { imageSize, type Examples } from '../attacks/base/examples.ts';
import type { StartPoints } from '../attacks/base/start.ts';
import { threadFile } from '../thread-file.ts';
import type { BatchNews, BatchOrder, BatchThreadData } from './batch-thread.ts';
import { PACKED_FILES, type PackedDataset } from './packed.ts';
import { batchPreparer, batchViews, type BatchMemory, type BatchRecipe, type BatchRequest } from './prepare.ts';

/** A batch whose memory is lent until `release`. */
export interface PreparedBatch {
  readonly examples: Examples;
  /** Start and bounds of the inner attack; null for trainings without one. */
  readonly points: StartPoints | null;
  /** Gives the memory back, to be overwritten by a later batch. */
  release(): void;
}

/** Batches of a training, one after the other; while one is in use the next is made in another thread. */
export interface Pipeline {
  /** The batch of this step. Steps ascend by one. @throws AppError `bad-data` where the data set cannot be read any more. */
  take(step: number): Promise<PreparedBatch>;
  /** Why batches are made in the training's own thread, which gives the same numbers; null if they are not. */
  readonly note: string | null;
  /** Batches so far that another thread has made. */
  readonly ahead: number;
  /** Resolves once the thread runs, or is known not to; until then batches are made on the spot. */
  readonly started: Promise<void>;
  dispose(): Promise<void>;
}

export interface PipelineOptions {
  readonly dataset: PackedDataset;
  readonly recipe: BatchRecipe;
  /** What the batch of a step is made of; called once for each step, in order. */
  readonly requestOf: (step: number) => BatchRequest;
  /** Examples of the largest batch. */
  readonly capacity: number;
  /** Whether there is an inner attack to prepare. */
  readonly attacked: boolean;
  /** Steps to go through: `first` … `total` − 1. */
  readonly first: number;
  readonly total: number;
  /** Entry of the thread; null for none. */
  readonly thread?: URL | null;
}

/** One batch is computed on while the next is made. */
const SLOTS = 2;

/** How long a thread may take to load its modules before the process ends without it. */
const LOAD_MS = 5_000;

/** A batch that the thread has been asked for. */
interface Ordered {
  readonly slot: number;
  readonly request: BatchRequest;
  /** Rejects with an AppError if the batch cannot be made, with {@link ThreadLost} if the thread is gone. */
  readonly made: Promise<void>;
}

export function openPipeline(options: PipelineOptions): Pipeline {
  const { dataset, recipe, requestOf, total } = options;
  const { manifest } = dataset;
  const values = options.capacity * imageSize(recipe.shape);
  const memory = (buffer: () => Float32Array): BatchMemory => ({
    images: buffer(),
    points: options.attacked ? { start: buffer(), lower: buffer(), upper: buffer() } : null,
  });
  const shared = Array.from({ length: SLOTS }, () => memory(() => new Float32Array(new SharedArrayBuffer(4 * values))));
  const thread = startThread(
    options.thread === undefined ? threadFile(import.meta.url, 'batch-thread') : options.thread,
    {
      layout: {
        file: join(dataset.folder, PACKED_FILES.images),
        name: manifest.name,
        images: manifest.images,
        stride: imageSize(recipe.shape),
      },
      recipe,
      slots: shared,
    },
  );
  const prepareHere = batchPreparer(recipe, (positions) => dataset.readBytes(positions));
  let own: BatchMemory | null = null;

  const free = shared.map((_, slot) => slot);
  const ordered: Ordered[] = [];
  let next = options.first;
  let ahead = 0;
  const orderAhead = (): void => {
    while (thread.lost === null && next < total && free.length > 0) {
      const slot = free.shift() ?? 0;
      const request = requestOf(next);
      next += 1;
      ordered.push({ slot, request, made: thread.order({ slot, request }) });
    }
  };
  const giveBack = (slot: number): void => {
    free.push(slot);
    orderAhead();
  };
  const batch = (request: BatchRequest, from: BatchMemory, release: () => void): PreparedBatch => {
    const { images, points } = batchViews(from, request.positions.length * imageSize(recipe.shape));
    const labels = Int32Array.from(request.positions, (position) => dataset.labels[position] ?? 0);
    return { examples: { images, labels, indices: request.positions, shape: recipe.shape }, points, release };
  };
  const makeHere = (request: BatchRequest): PreparedBatch => {
    own ??= memory(() => new Float32Array(values));
    prepareHere(request, own);
    return batch(request, own, () => undefined);
  };
  orderAhead();

  return {
    async take(step) {
      const first = ordered.shift();
      const request = first?.request ?? requestOf(next++);
      if (request.step !== step)
        throw new AppError('internal', `Step ${step} wants the batch of step ${request.step}.`);
      if (!first) return makeHere(request);
      const memoryOf = shared[first.slot];
      if (!thread.running || !memoryOf) {
        // Still starting: nobody waits for that.
        first.made.then(() => giveBack(first.slot)).catch(() => undefined);
        return makeHere(request);
      }
      try {
        await first.made;
      } catch (thrown) {
        if (thrown instanceof ThreadLost) return makeHere(request);
        throw thrown;
      }
      ahead += 1;
      return batch(request, memoryOf, () => giveBack(first.slot));
    },
    get ahead() {
      return ahead;
    },
    started: thread.started,
    get note() {
      return thread.lost && `Batches are made between the steps, not beside them: ${thread.lost}.`;
    },
    dispose: () => thread.end(),
  };
}

/** Why there are no more batches from the thread. */
class ThreadLost extends Error {}

interface BatchThread {
  /** True once the thread has started. */
  readonly running: boolean;
  readonly started: Promise<void>;
  /** Why it is not there; null while it is. */
  readonly lost: string | null;
  order(order: BatchOrder): Promise<void>;
  end(): Promise<void>;
}

function startThread(entry: URL | null, data: Omit<BatchThreadData, 'loaded'>): BatchThread {
  const loaded = new Int32Array(new SharedArrayBuffer(4));
  const waiting = new Map<number, (error: ErrorData | ThreadLost | null) => void>();
  let start: () => void = () => undefined;
  const started = new Promise<void>((resolve) => (start = resolve));
  let running = false;
  let lost: string | null = null;
  const lose = (reason: string): void => {
    lost ??= reason;
    for (const settle of waiting.values()) settle(new ThreadLost(lost));
    waiting.clear();
    Atomics.store(loaded, 0, 1);
    start();
  };
  // Node aborts a process that ends while a thread of it is loading its modules.
  const letLoad = (): void => void Atomics.wait(loaded, 0, 0, LOAD_MS);

  let worker: Worker | null = null;
  try {
    if (entry) worker = new Worker(entry, { workerData: { ...data, loaded } satisfies BatchThreadData, execArgv: [] });
    else lose('no thread was asked for');
  } catch (error) {
    lose(reasonOf(error));
  }
  if (worker) process.on('exit', letLoad);
  worker?.on('message', (news: BatchNews) => {
    if (news.type === 'ready') {
      running = true;
      start();
    } else {
      waiting.get(news.slot)?.(news.error);
      waiting.delete(news.slot);
    }
  });
  worker?.on('error', (error) => lose(reasonOf(error)));
  worker?.on('exit', () => lose('their thread has ended'));

  return {
    started,
    get running() {
      return running;
    },
    get lost() {
      return lost;
    },
    order(order) {
      const made = new Promise<void>((resolve, reject) => {
        waiting.set(order.slot, (error) => {
          if (error === null) resolve();
          else reject(error instanceof ThreadLost ? error : AppError.fromData(error));
        });
      });
      // Whoever takes the batch hears of the error; a batch that nobody takes any more has no one to tell.
      made.catch(() => undefined);
      worker?.postMessage(order);
      return made;
    },
    async end() {
      await started;
      process.off('exit', letLoad);
      await worker?.terminate();
    },
  };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
