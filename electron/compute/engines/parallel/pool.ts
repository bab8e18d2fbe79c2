import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { AppError, toAppError } from '../../../../shared/domain/errors.ts';
import { loadedModules } from '../../modules/loaded.ts';
import {
  BOOTING,
  claimShard,
  closeTask,
  controlBytes,
  DONE,
  ENDED,
  openTask,
  READY,
  workerWord,
  type ShardOutput,
  type ShardResult,
  type Task,
  type ThreadData,
  type WorkerWord,
} from './protocol.ts';
import type { SharedTensors } from './shared-tensors.ts';

/** How long the caller sleeps before it looks whether the others still live. */
const LOOK_MS = 100;
/** A thread that begins none of its kernels for so long is taken for dead: longer than any kernel takes. */
const PATIENCE_MS = 120_000;

/** Work of so many milliseconds comes first: it takes about as long to start a thread, and short jobs need none. */
const WORK_BEFORE_START_MS = 300;
/** How long a thread may take to start before the process ends without it. */
const START_MS = 10_000;

interface Member {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** Number of the last task that it was given. */
  given: number;
  ending: string | null;
}

export interface PoolOptions {
  /** Threads that compute, the calling one among them. */
  readonly threads: number;
  readonly deterministic: boolean;
  /** File of the worker threads; the product's own if left out. */
  readonly entry?: string;
  /** How long a thread may give no sign of life. Two minutes if left out. */
  readonly patienceMs?: number;
}

/** A run without what differs from worker to worker. */
export type SharedTask = Omit<Task, 'task' | 'news' | 'gone'>;

/**
 * Worker threads that compute parts of batches beside the thread that calls them. They are started when there is more
 * than a little to do, and take part as soon as they are ready; they end with the process, or with `dispose`.
 */
export class ThreadPool {
  readonly threads: number;
  readonly #options: PoolOptions;
  readonly #control: Int32Array;
  #members: Member[] | null = null;
  #task = 0;
  #worked = 0;
  /** Why this pool computes no more: a lost thread may still come back and write into a later run. */
  #lost: AppError | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.threads = options.threads;
    this.#control = new Int32Array(new SharedArrayBuffer(controlBytes(options.threads - 1)));
  }

  /** Resolves when all worker threads are ready; nobody needs to wait for it. */
  async ready(): Promise<void> {
    const members = this.#start();
    while (members.some((_, index) => this.#word(index, 'state') === BOOTING)) {
      this.#expectAlive();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Whether a worker may still be copying what it was given. */
  get lagging(): boolean {
    return (this.#members ?? []).some((member, index) => this.#word(index, 'task') !== member.given);
  }

  /**
   * Computes all shards of a task, this thread taking part.
   * @param own computes one shard in this thread
   * @param take is given every shard's outputs, in any order
   * @throws AppError `engine-failed` if a thread ends or hangs; else what a shard threw.
   */
  run(shared: SharedTask, tensors: SharedTensors, own: (shard: number) => ShardOutput[], take: TakeOutputs): void {
    const begin = performance.now();
    const members = this.#worked < WORK_BEFORE_START_MS ? (this.#members ?? []) : this.#start();
    this.#expectAlive();
    const task = (this.#task += 1);
    openTask(this.#control, task);
    members.forEach((member, index) => {
      if (this.#word(index, 'state') !== READY || this.#word(index, 'task') !== member.given) return;
      member.given = task;
      member.port.postMessage({ ...shared, task, ...tensors.dueFor(index) } satisfies Task);
    });
    let failure: unknown = null;
    let mine = 0;
    let claimed = shared.shards.length;
    try {
      for (;;) {
        const shard = claimShard(this.#control, task, shared.shards.length);
        if (shard < 0) break;
        mine += 1;
        take(shard, own(shard));
        failure ??= this.#receive(task, take);
        if (failure !== null) break;
      }
    } catch (thrown) {
      failure = thrown;
    }
    if (failure !== null) claimed = closeTask(this.#control, task);
    // Nobody may still be reading this run's memory when it returns, whatever became of it.
    this.#waitFor(Math.min(claimed, shared.shards.length) - mine);
    failure ??= this.#receive(task, take);
    this.#worked += performance.now() - begin;
    if (failure !== null) throw failure as Error;
  }

  async dispose(): Promise<void> {
    const members = this.#members ?? [];
    this.#letStart();
    process.off('exit', this.#letStart);
    this.#members = null;
    await Promise.all(members.map(({ worker }) => worker.terminate()));
  }

  #start(): readonly Member[] {
    if (this.#members === null) {
      this.#members = Array.from({ length: this.threads - 1 }, (_, index) => this.#begin(index));
      process.on('exit', this.#letStart);
    }
    return this.#members;
  }

  /** Waits until no thread is starting any more: Node aborts the process if it ends a thread that is loading modules. */
  readonly #letStart = (): void => {
    (this.#members ?? []).forEach((_, index) => {
      Atomics.wait(this.#control, workerWord(index, 'state'), BOOTING, START_MS);
    });
  };

  #begin(index: number): Member {
    const { port1, port2 } = new MessageChannel();
    const data: ThreadData = {
      control: this.#control.buffer as SharedArrayBuffer,
      index,
      deterministic: this.#options.deterministic,
      modules: loadedModules(),
    };
    const worker = new Worker(this.#options.entry ?? ownEntry(), {
      workerData: { ...data, port: port2 },
      transferList: [port2],
    });
    const member: Member = { worker, port: port1, given: 0, ending: null };
    worker.unref();
    port1.unref();
    worker.on('error', (error: unknown) => (member.ending ??= toAppError(error).message));
    worker.on('exit', (code) => (member.ending ??= `exit code ${code}`));
    return member;
  }

  #waitFor(others: number): void {
    const patience = this.#options.patienceMs ?? PATIENCE_MS;
    let looks = 0;
    let beats = this.#beats();
    for (;;) {
      const done = Atomics.load(this.#control, DONE);
      if (done >= others) return;
      if (Atomics.wait(this.#control, DONE, done, LOOK_MS) !== 'timed-out') continue;
      const now = this.#beats();
      looks = now === beats ? looks + 1 : 0;
      beats = now;
      const members = this.#members ?? [];
      if (members.some((_, index) => this.#word(index, 'state') === ENDED && this.#word(index, 'shard') > 0)) {
        throw (this.#lost = ended('it ended in the middle of a step'));
      }
      // Looks are counted, not the clock read: the machine may have slept.
      if (looks * LOOK_MS >= patience) throw (this.#lost = ended(`it gave no sign of life for ${patience / 1_000} s`));
    }
  }

  /** Hands over what has come in. @returns the first error among it. */
  #receive(task: number, take: TakeOutputs): AppError | null {
    let failure: AppError | null = null;
    for (const { port } of this.#members ?? []) {
      for (;;) {
        const received = receiveMessageOnPort(port) as { readonly message: ShardResult } | undefined;
        if (!received) break;
        const { message } = received;
        if (message.task !== task) continue;
        if (message.error) failure ??= AppError.fromData(message.error);
        else if (message.surplus > 0) failure ??= new AppError('internal', `A step left ${message.surplus} tensors.`);
        else take(message.shard, message.outputs);
      }
    }
    return failure;
  }

  #expectAlive(): void {
    if (this.#lost) throw this.#lost;
    for (const [index, { ending }] of (this.#members ?? []).entries()) {
      if (ending !== null) throw ended(ending);
      if (this.#word(index, 'state') === ENDED) throw ended('it ended');
    }
  }

  #beats(): string {
    return (this.#members ?? []).map((_, index) => this.#word(index, 'beat')).join();
  }

  #word(index: number, word: WorkerWord): number {
    return Atomics.load(this.#control, workerWord(index, word));
  }
}

export type TakeOutputs = (shard: number, outputs: readonly ShardOutput[]) => void;

function ended(reason: string): AppError {
  return new AppError(
    'engine-failed',
    `A thread of the wasm engine is lost: ${reason}. Start the job again; with smaller batches it needs less memory.`,
    { retry: true },
  );
}

/** The worker's file: beside the bundle's entries, or among the sources. */
function ownEntry(): string {
  const places = ['../../step-thread.ts', 'step-thread.js', '../step-thread.js'];
  const found = places.map((place) => join(import.meta.dirname, place)).find((file) => existsSync(file));
  if (found === undefined) throw new AppError('internal', 'The file step-thread.js is missing from this installation.');
  return found;
}
