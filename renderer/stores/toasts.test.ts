import { createPinia, setActivePinia } from 'pinia';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../shared/domain/errors.ts';
import { useToasts } from './toasts.ts';

describe('toasts', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    setActivePinia(createPinia());
  });
  afterEach(() => vi.useRealTimers());

  it('go by themselves, later when they offer an action', () => {
    const store = useToasts();
    store.show('plain');
    store.show('deleted', { action: { label: 'Undo', run: () => undefined } });
    vi.advanceTimersByTime(6000);
    expect(store.toasts.map((toast) => toast.text)).toEqual(['deleted']);
    vi.advanceTimersByTime(10_000);
    expect(store.toasts).toEqual([]);
  });

  it('stay while they are held', () => {
    const store = useToasts();
    const id = store.show('plain');
    store.hold(id);
    vi.advanceTimersByTime(60_000);
    expect(store.toasts).toHaveLength(1);
    store.release(id);
    vi.advanceTimersByTime(6000);
    expect(store.toasts).toEqual([]);
  });

  it('keep errors until they are dismissed, and say nothing of what the user cancelled', () => {
    const store = useToasts();
    store.fail(new AppError('cancelled', 'stopped'));
    store.fail(new AppError('io', 'The file could not be read.'));
    vi.advanceTimersByTime(120_000);
    expect(store.toasts.map((toast) => toast.text)).toEqual(['The file could not be read.']);
    store.dismiss(store.toasts[0]?.id ?? 0);
    expect(store.toasts).toEqual([]);
  });
});
