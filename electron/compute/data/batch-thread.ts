/**
 * Entry of the thread that prepares batches ahead of a training: reads, varies and starts them in memory that it shares
 * with the training's thread. Speaks the messages below until it is ended.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { toAppError, type ErrorData } from '../../../shared/domain/errors.ts';
import { openImageFile, type ImageFile, type ImageFileLayout } from './image-file.ts';
import { batchPreparer, type BatchMemory, type BatchRecipe, type BatchRequest } from './prepare.ts';

/** What the thread gets when it is started. */
export interface BatchThreadData {
  readonly layout: ImageFileLayout;
  readonly recipe: BatchRecipe;
  /** In shared memory. */
  readonly slots: readonly BatchMemory[];
  /** One word, 0 until the thread has loaded its modules, then 1. */
  readonly loaded: Int32Array<SharedArrayBuffer>;
}

/** To the thread: make this batch in this slot. */
export interface BatchOrder {
  readonly slot: number;
  readonly request: BatchRequest;
}

/** From the thread: it runs; or a batch is there, or cannot be made. */
export type BatchNews =
  { readonly type: 'ready' } | { readonly type: 'made'; readonly slot: number; readonly error: ErrorData | null };

const port = parentPort;
if (port) {
  const { layout, recipe, slots, loaded } = workerData as BatchThreadData;
  Atomics.store(loaded, 0, 1);
  Atomics.notify(loaded, 0);
  const say = (news: BatchNews): void => port.postMessage(news);
  let file: ImageFile | null = null;
  const prepare = batchPreparer(recipe, (positions) => (file ??= openImageFile(layout)).read(positions));
  port.on('message', ({ slot, request }: BatchOrder) => {
    let error: ErrorData | null = null;
    try {
      const memory = slots[slot];
      if (memory) prepare(request, memory);
    } catch (thrown) {
      error = toAppError(thrown).toData();
    }
    say({ type: 'made', slot, error });
  });
  say({ type: 'ready' });
}
