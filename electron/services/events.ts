import type { EventName, EventPayload } from '../../shared/contract/events.ts';

/** The contract's events that a library itself makes; the others belong to the window's main process. */
export type LibraryEvent = Extract<
  EventName,
  'library.changed' | 'job.changed' | 'run.points' | 'evaluation.partial' | 'engine.tested' | 'app.notice'
>;

export interface LibraryEvents {
  /** Calls `listener` for each event of that name; returns the function that stops it. */
  on<N extends LibraryEvent>(name: N, listener: (payload: EventPayload<N>) => void): () => void;
}

export interface EventHub extends LibraryEvents {
  emit<N extends LibraryEvent>(name: N, payload: EventPayload<N>): void;
  clear(): void;
}

/** A typed emitter. A listener that throws does not keep the others from hearing: its error reaches `onError`. */
export function createEvents(onError: (error: unknown) => void): EventHub {
  const listeners = new Map<LibraryEvent, Set<(payload: never) => void>>();
  return {
    on: (name, listener) => {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener));
      return () => {
        set.delete(listener);
      };
    },
    emit: (name, payload) => {
      for (const listener of listeners.get(name) ?? []) {
        try {
          listener(payload as never);
        } catch (error) {
          onError(error);
        }
      }
    },
    clear: () => {
      listeners.clear();
    },
  };
}
