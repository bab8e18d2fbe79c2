import { computed, ref, shallowReactive, watch } from 'vue';
import type { JobRow } from '../../../shared/domain/library.ts';
import { call } from '../../stores/connection.ts';
import { useLibrary } from '../../stores/library.ts';
import { isActive } from '../../ui/state.ts';

/** Prediction jobs started from this window, by data set and model. */
const jobs = shallowReactive(new Map<string, string>());

/** Starts models' predictions over data sets, and tells when one has come to its end. */
export function usePredictions() {
  const library = useLibrary();
  /** Counts the predictions that were finished while somebody looked. */
  const finished = ref(0);

  const keyOf = (dataset: string, model: string): string => `${dataset} ${model}`;

  async function start(dataset: string, model: string): Promise<void> {
    const { id } = await call('datasets.predict', { id: dataset, model });
    if (id === null) finished.value += 1;
    else jobs.set(keyOf(dataset, model), id);
  }

  /** The job that predicts, while it waits or runs. */
  function jobOf(dataset: string, model: string): JobRow | undefined {
    const job = library.jobById.get(jobs.get(keyOf(dataset, model)) ?? '');
    return job && isActive(job.state) ? job : undefined;
  }

  const done = computed(() => [...jobs.values()].filter((id) => library.jobById.get(id)?.state === 'done').length);
  watch(done, (now, old) => {
    if (now > old) finished.value += 1;
  });

  return { start, jobOf, finished };
}
