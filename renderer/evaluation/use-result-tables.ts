import { computed, ref, shallowReactive, watch } from 'vue';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import type { ResultTable } from '../../shared/domain/library.ts';
import { call } from '../stores/connection.ts';
import { useLibrary } from '../stores/library.ts';

/**
 * The result tables of some data sets, fetched again when an evaluation is finished, renamed or deleted, or a model
 * changes; not at every step of a running one.
 */
export function useResultTables(datasets: () => readonly string[]) {
  const library = useLibrary();
  const tables = shallowReactive(new Map<string, ResultTable>());
  const errors = shallowReactive(new Map<string, AppError>());
  const loading = ref(0);

  const version = computed(() =>
    JSON.stringify([
      datasets(),
      library.evaluations.filter((row) => row.state === 'done').map((row) => [row.id, row.name]),
      library.models.map((model) => [model.id, model.name, model.colour]),
    ]),
  );

  async function load(): Promise<void> {
    loading.value += 1;
    await Promise.all(
      datasets().map(async (dataset) => {
        try {
          tables.set(dataset, await call('evaluations.table', { dataset }));
          errors.delete(dataset);
        } catch (thrown) {
          errors.set(dataset, toAppError(thrown));
        }
      }),
    );
    loading.value -= 1;
  }

  watch(version, load, { immediate: true });
  return { tables, errors, loading, reload: load };
}
