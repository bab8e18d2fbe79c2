import { onScopeDispose, ref, shallowRef, watch } from 'vue';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import type { SweepRequest } from '../../shared/domain/sweep.ts';
import type { SweepPreviewView } from '../../shared/domain/sweep-view.ts';
import { call } from '../stores/connection.ts';

const WAIT_MS = 350;

/** The plan of a sweep, made anew a moment after the sweep changes; what is overtaken is dropped. */
export function usePreview(request: () => SweepRequest | null) {
  const preview = shallowRef<SweepPreviewView | null>(null);
  const error = shallowRef<AppError | null>(null);
  const pending = ref(false);
  let turn = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function ask(asked: SweepRequest, many: boolean): Promise<void> {
    const mine = (turn += 1);
    pending.value = true;
    try {
      const found = await call('sweeps.preview', { request: asked, many });
      if (mine !== turn) return;
      preview.value = found;
      error.value = null;
    } catch (thrown) {
      if (mine !== turn) return;
      preview.value = null;
      error.value = toAppError(thrown);
    } finally {
      if (mine === turn) pending.value = false;
    }
  }

  watch(
    () => JSON.stringify(request()),
    () => {
      clearTimeout(timer);
      turn += 1;
      const asked = request();
      pending.value = asked !== null;
      if (asked) timer = setTimeout(() => void ask(asked, false), WAIT_MS);
      else preview.value = null;
      if (!asked) error.value = null;
    },
    { immediate: true },
  );
  onScopeDispose(() => clearTimeout(timer));

  /** Expands it however many trainings it asks for. */
  function expand(): void {
    const asked = request();
    if (asked) void ask(asked, true);
  }

  return { preview, error, pending, expand };
}
