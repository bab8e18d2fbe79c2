import { defineStore } from 'pinia';
import { ref } from 'vue';
import { toAppError } from '../../shared/domain/errors.ts';

export interface ToastAction {
  readonly label: string;
  readonly run: () => void | Promise<void>;
}

export interface Toast {
  readonly id: number;
  readonly tone: 'info' | 'ok' | 'warn' | 'bad';
  readonly text: string;
  readonly action: ToastAction | null;
}

const SHORT_MS = 5000;
const ACTION_MS = 12_000;

/** Short messages at the window's edge. Errors stay until they are dismissed. */
export const useToasts = defineStore('toasts', () => {
  const toasts = ref<readonly Toast[]>([]);
  const timers = new Map<number, ReturnType<typeof setTimeout>>();
  let next = 1;

  function dismiss(id: number): void {
    clearTimeout(timers.get(id));
    timers.delete(id);
    toasts.value = toasts.value.filter((toast) => toast.id !== id);
  }

  function hold(id: number): void {
    clearTimeout(timers.get(id));
  }

  function release(id: number): void {
    const toast = toasts.value.find((candidate) => candidate.id === id);
    if (!toast || toast.tone === 'bad') return;
    timers.set(
      id,
      setTimeout(() => dismiss(id), toast.action ? ACTION_MS : SHORT_MS),
    );
  }

  function show(text: string, options: { readonly tone?: Toast['tone']; readonly action?: ToastAction } = {}): number {
    const id = next++;
    const toast: Toast = { id, text, tone: options.tone ?? 'info', action: options.action ?? null };
    toasts.value = [...toasts.value.filter((old) => old.text !== text).slice(-3), toast];
    release(id);
    return id;
  }

  /** Shows what was thrown as an error message. Cancelled requests are no errors and show nothing. */
  function fail(thrown: unknown): void {
    const error = toAppError(thrown);
    if (error.code !== 'cancelled') show(error.message, { tone: 'bad' });
  }

  return { toasts, show, fail, dismiss, hold, release };
});
