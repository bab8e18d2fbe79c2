import { onMounted, onUnmounted, ref, shallowRef } from 'vue';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import type { ModuleOverview } from '../../shared/domain/module.ts';
import { call, listen } from '../stores/connection.ts';

/** The user's modules, followed while the component is there. */
export function useModules() {
  const overview = shallowRef<ModuleOverview | null>(null);
  const error = shallowRef<AppError | null>(null);
  const reading = ref(false);

  async function read(again: boolean): Promise<void> {
    reading.value = true;
    try {
      overview.value = await call('modules.list', { again });
      error.value = null;
    } catch (thrown) {
      error.value = toAppError(thrown);
    } finally {
      reading.value = false;
    }
  }

  let stop = (): void => undefined;
  onMounted(() => {
    stop = listen('modules.changed', (now) => (overview.value = now));
    void read(false);
  });
  onUnmounted(() => stop());
  return { overview, error, reading, read };
}
