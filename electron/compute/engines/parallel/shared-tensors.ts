import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { bytesAt, pointerOf } from '../kernels/simd/runtime.ts';
import type { Task } from './protocol.ts';
import { bytesPerElement } from './shard-run.ts';

interface Entry {
  readonly id: number;
  readonly tensor: tf.Tensor;
  readonly data: SharedArrayBuffer;
}

/**
 * The tensors that worker threads keep copies of, such as weights: each is sent once, and known by the identity of its
 * data. What this thread has disposed of, they dispose of at the next run.
 */
export class SharedTensors {
  readonly #entries = new Map<object, Entry>();
  readonly #sent: Set<number>[];
  readonly #gone: number[][];
  /** Memory to use again: new weights have the sizes of the old ones. */
  readonly #spare = new Map<number, SharedArrayBuffer[]>();
  #nextId = 0;

  constructor(workers: number) {
    this.#sent = Array.from({ length: workers }, () => new Set<number>());
    this.#gone = this.#sent.map(() => []);
  }

  /** Lets go of tensors that exist no more. @param lagging whether a worker may still be reading what it was sent. */
  sweep(lagging: boolean): void {
    const backend = tf.backend();
    for (const [dataId, { id, data }] of this.#entries) {
      if (backend.refCount(dataId) > 0) continue;
      this.#entries.delete(dataId);
      this.#sent.forEach((sent, index) => {
        if (sent.delete(id)) this.#gone[index]?.push(id);
      });
      if (lagging) this.#spare.clear();
      else this.#spare.set(data.byteLength, [...(this.#spare.get(data.byteLength) ?? []), data]);
    }
  }

  /** The number under which workers find this tensor's data, in one dimension. */
  idOf(tensor: tf.Tensor): number {
    const known = this.#entries.get(tensor.dataId);
    if (known) return known.id;
    const bytes = tensor.size * bytesPerElement(tensor.dtype as tf.NumericDataType);
    const data = this.#spare.get(bytes)?.pop() ?? new SharedArrayBuffer(bytes);
    const backend = tf.backend() as BackendWasm;
    new Uint8Array(data).set(bytesAt(backend, pointerOf(backend, tensor), bytes));
    const entry = { id: (this.#nextId += 1), tensor, data };
    this.#entries.set(tensor.dataId, entry);
    return entry.id;
  }

  /** What a worker must be told with the next task. */
  dueFor(index: number): Pick<Task, 'news' | 'gone'> {
    const sent = this.#sent[index] ?? new Set<number>();
    const due = [...this.#entries.values()].filter(({ id }) => !sent.has(id));
    for (const { id } of due) sent.add(id);
    const news = due.map(({ id, tensor, data }) => ({ id, dtype: tensor.dtype as tf.NumericDataType, data }));
    return { news, gone: this.#gone[index]?.splice(0) ?? [] };
  }
}
