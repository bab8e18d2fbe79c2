import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import { toAppError, type AppError } from '../../../shared/domain/errors.ts';

export interface Loaded<T> {
  readonly value: ShallowRef<T | null>;
  readonly error: ShallowRef<AppError | null>;
  readonly loading: Ref<boolean>;
  readonly reload: () => Promise<void>;
}

/**
 * Something fetched again whenever `version` changes; what was there stays until the new one has come. An answer that is
 * overtaken by a later question is dropped.
 */
export function useLoaded<T>(version: () => string, fetch: () => Promise<T>): Loaded<T> {
  const value = shallowRef<T | null>(null);
  const error = shallowRef<AppError | null>(null);
  const loading = ref(false);
  let turn = 0;

  async function reload(): Promise<void> {
    const mine = (turn += 1);
    loading.value = true;
    try {
      const found = await fetch();
      if (mine !== turn) return;
      value.value = found;
      error.value = null;
    } catch (thrown) {
      if (mine === turn) error.value = toAppError(thrown);
    } finally {
      if (mine === turn) loading.value = false;
    }
  }

  watch(version, reload, { immediate: true });
  onScopeDispose(() => (turn += 1));
  return { value, error, loading, reload };
}
