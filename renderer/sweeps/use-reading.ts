import { onScopeDispose, shallowRef, watch } from 'vue';
import type { SweepReading } from '../../shared/domain/sweep-view.ts';
import { attempt } from '../stores/actions.ts';
import { call } from '../stores/connection.ts';

const WAIT_MS = 250;

/** What a YAML text asks for, read anew a moment after it changes. */
export function useReading(text: () => string, preset: () => string | undefined) {
  const reading = shallowRef<SweepReading | null>(null);
  let turn = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function read(): Promise<void> {
    const mine = (turn += 1);
    const chosen = preset();
    await attempt(async () => {
      const found = await call('sweeps.read', { text: text(), ...(chosen !== undefined && { preset: chosen }) });
      if (mine === turn) reading.value = found;
    });
  }

  watch([text, preset], () => {
    clearTimeout(timer);
    turn += 1;
    if (text().trim() === '') {
      reading.value = null;
      return;
    }
    timer = setTimeout(() => void read(), WAIT_MS);
  });
  onScopeDispose(() => clearTimeout(timer));

  return { reading };
}
