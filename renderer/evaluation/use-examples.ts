import { onScopeDispose, ref, shallowReactive, shallowRef, watch } from 'vue';
import { tensorUrl } from '../../shared/contract/bridge.ts';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import type { ExampleQuery, ExampleRecord } from '../../shared/domain/evaluation.ts';
import { call } from '../stores/connection.ts';
import { fetchTensor, rowOf, toUnit } from '../ui/tensors.ts';
import { perturbation } from './examples.ts';

/** An example with its pictures, pixels in [0, 1], [height × width × channels]. */
export interface LoadedExample {
  readonly record: ExampleRecord;
  readonly clean: Float32Array;
  readonly adversarial: Float32Array;
  readonly difference: Float32Array;
}

export type ExampleSelection = Omit<ExampleQuery, 'offset' | 'limit'> & {
  readonly dataset: string;
};

const PAGE = 50;

/**
 * The examples behind one number, fetched page by page as they come into sight, records and pictures together.
 * A new selection throws the old pages away.
 */
export function useExamples(selection: () => ExampleSelection) {
  const total = ref<number | null>(null);
  const error = shallowRef<AppError | null>(null);
  const pages = shallowReactive(new Map<number, readonly LoadedExample[]>());
  const asked = new Set<number>();
  let lifetime = new AbortController();

  function restart(): void {
    lifetime.abort();
    lifetime = new AbortController();
    pages.clear();
    asked.clear();
    total.value = null;
    error.value = null;
    void load(0);
  }

  async function load(page: number): Promise<void> {
    if (asked.has(page)) return;
    asked.add(page);
    const { signal } = lifetime;
    const { dataset, ...query } = selection();
    try {
      const found = await call('evaluations.examples', { ...query, offset: page * PAGE, limit: PAGE });
      const loaded = await withPictures(dataset, query, found.examples, signal);
      if (signal.aborted) return;
      total.value = found.total;
      pages.set(page, loaded);
    } catch (thrown) {
      if (!signal.aborted) error.value = toAppError(thrown);
    }
  }

  /** Asks for the pages of the examples `first` to `last`. */
  function need(first: number, last: number): void {
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page += 1) void load(page);
  }

  const at = (position: number): LoadedExample | undefined => pages.get(Math.floor(position / PAGE))?.[position % PAGE];

  watch(() => JSON.stringify(selection()), restart, { immediate: true });
  onScopeDispose(() => lifetime.abort());
  return { total, error, at, need, retry: restart };
}

async function withPictures(
  dataset: string,
  query: Pick<ExampleQuery, 'evaluation' | 'model'>,
  records: readonly ExampleRecord[],
  signal: AbortSignal,
): Promise<readonly LoadedExample[]> {
  if (records.length === 0) return [];
  const [images, attacked] = await Promise.all([
    fetchTensor(
      tensorUrl(
        'dataset',
        dataset,
        'images',
        records.map((record) => record.index),
      ),
      signal,
    ),
    fetchTensor(
      tensorUrl(
        'evaluation',
        query.evaluation,
        `${query.model}/adversarial`,
        records.map((record) => record.row),
      ),
      signal,
    ),
  ]);
  return records.map((record, row) => {
    const clean = toUnit(rowOf(images, row));
    const adversarial = toUnit(rowOf(attacked, row));
    return { record, clean, adversarial, difference: perturbation(clean, adversarial) };
  });
}
