import { onMounted, onUnmounted, ref, shallowRef } from 'vue';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import type { ModuleOverview } from '../../shared/domain/module.ts';
import { call, listen } from '../stores/connection.ts';

/** The user's modules, followed while the component is there. */
export function useModules() {
  const overview = shallowRef<ModuleOverview | null>(null);
  const error = shallowRef<AppError | null>(null);
  const reading = ref(false);

  async function take(answer: () => Promise<ModuleOverview>): Promise<void> {
    reading.value = true;
    try {
      overview.value = await answer();
      error.value = null;
    } catch (thrown) {
      error.value = toAppError(thrown);
    } finally {
      reading.value = false;
    }
  }

  const read = (again: boolean): Promise<void> => take(() => call('modules.list', { again }));
  const trust = (trusted: boolean): Promise<void> => take(() => call('modules.trust', { trusted }));

  let stop = (): void => undefined;
  onMounted(() => {
    stop = listen('modules.changed', (now) => (overview.value = now));
    void read(false);
  });
  onUnmounted(() => stop());
  return { overview, error, reading, read, trust };
}
