import { customRef, type Ref } from 'vue';

/**
 * A ref that outlives the window in localStorage. A stored value that `accepts` refuses, or that cannot be read,
 * counts as absent.
 */
export function persisted<T>(key: string, initial: T, accepts: (value: unknown) => value is T): Ref<T> {
  const name = `pairlight.${key}`;
  let current = read();

  function read(): T {
    try {
      const stored = localStorage.getItem(name);
      if (stored === null) return initial;
      const value: unknown = JSON.parse(stored);
      return accepts(value) ? value : initial;
    } catch {
      return initial;
    }
  }

  return customRef((track, trigger) => ({
    get() {
      track();
      return current;
    },
    set(value) {
      current = value;
      try {
        localStorage.setItem(name, JSON.stringify(value));
      } catch {
        // A full or blocked storage only costs the memory of the view.
      }
      trigger();
    },
  }));
}

export const isText = (value: unknown): value is string => typeof value === 'string';
export const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === 'string';
export const isTextList = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText);
export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
