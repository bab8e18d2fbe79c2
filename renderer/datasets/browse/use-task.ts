import { onBeforeUnmount, ref, shallowRef } from 'vue';
import type { DatasetTask } from '../../../shared/domain/dataset-view.ts';
import type { EventPayload } from '../../../shared/contract/events.ts';
import { toAppError, type AppError } from '../../../shared/domain/errors.ts';
import { attempt } from '../../stores/actions.ts';
import { call, listen } from '../../stores/connection.ts';

/** Work on a data set that takes more than a moment: its progress while it runs, its error, and a way to end it. */
export function useTask(dataset: () => string, task: DatasetTask) {
  const busy = ref(false);
  const progress = shallowRef<EventPayload<'dataset.task'> | null>(null);
  const error = shallowRef<AppError | null>(null);
  const unlisten = listen('dataset.task', (news) => {
    if (news.id === dataset() && news.task === task) progress.value = news;
  });
  onBeforeUnmount(unlisten);

  /** Runs it; null if it failed, was cancelled, or the view went on to another data set. */
  async function run<T>(work: (id: string) => Promise<T>): Promise<T | null> {
    const id = dataset();
    busy.value = true;
    error.value = null;
    progress.value = null;
    try {
      const result = await work(id);
      return dataset() === id ? result : null;
    } catch (thrown) {
      const failure = toAppError(thrown);
      if (dataset() === id && failure.code !== 'cancelled') error.value = failure;
      return null;
    } finally {
      if (dataset() === id) busy.value = false;
    }
  }

  function stop(): void {
    void attempt(() => call('datasets.stop', { id: dataset(), task }));
  }

  const fraction = (): number | null => {
    const now = progress.value;
    return now && now.total > 0 ? now.done / now.total : null;
  };
  return { busy, progress, error, run, stop, fraction };
}
