import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import type { SweepRow } from '../../shared/domain/sweep-view.ts';
import { call, listen } from './connection.ts';

/** What changes of the library, many a second, wait for each other, in milliseconds. */
const WAIT_MS = 300;

/** The sweeps of the library, newest first, kept current by events. */
export const useSweeps = defineStore('sweeps', () => {
  const rows = shallowRef<readonly SweepRow[]>([]);
  const status = shallowRef<'loading' | 'ready' | 'failed'>('loading');
  const error = shallowRef<AppError | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function load(): Promise<void> {
    try {
      rows.value = (await call('sweeps.list')).toSorted((a, b) => b.created.localeCompare(a.created));
      status.value = 'ready';
      error.value = null;
    } catch (thrown) {
      status.value = 'failed';
      error.value = toAppError(thrown);
    }
  }

  function soon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      void load();
    }, WAIT_MS);
  }

  /** Follows events until the returned function is called. */
  function follow(): () => void {
    const stops = [listen('library.changed', soon), listen('sweep.changed', soon)];
    return () => {
      stops.forEach((stop) => stop());
      clearTimeout(timer);
    };
  }

  return { rows, status, error, load, follow };
});
