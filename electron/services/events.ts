import type { EventName, EventPayload } from '../../shared/contract/events.ts';

/** The contract's events that a library itself makes; the others belong to the window's main process. */
export type LibraryEvent = Extract<
  EventName,
  | 'library.changed'
  | 'job.changed'
  | 'run.points'
  | 'evaluation.partial'
  | 'check.partial'
  | 'dataset.task'
  | 'dataset.preview'
  | 'engine.tested'
  | 'modules.changed'
  | 'app.notice'
>;

export interface LibraryEvents {
  /** Calls `listener` for each event of that name; returns the function that stops it. */
  on<N extends LibraryEvent>(name: N, listener: (payload: EventPayload<N>) => void): () => void;
}

export interface EventHub extends LibraryEvents {
  emit<N extends LibraryEvent>(name: N, payload: EventPayload<N>): void;
  clear(): void;
}

/** So many notices from before anybody listened are kept. */
const MOST_HELD = 50;

/**
 * A typed emitter. A listener that throws does not keep the others from hearing: its error reaches `onError`. Notices
 * wait for the first listener: what goes wrong while a library opens would be lost otherwise.
 */
export function createEvents(onError: (error: unknown) => void): EventHub {
  const listeners = new Map<LibraryEvent, Set<(payload: never) => void>>();
  let held: EventPayload<'app.notice'>[] = [];

  const emit: EventHub['emit'] = (name, payload) => {
    const set = listeners.get(name);
    if (!set && name === 'app.notice' && held.length < MOST_HELD) held.push(payload as EventPayload<'app.notice'>);
    for (const listener of set ?? []) {
      try {
        listener(payload as never);
      } catch (error) {
        onError(error);
      }
    }
  };

  return {
    on: (name, listener) => {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener));
      if (name === 'app.notice') {
        const earlier = held;
        held = [];
        for (const notice of earlier) emit('app.notice', notice);
      }
      return () => {
        set.delete(listener);
      };
    },
    emit,
    clear: () => {
      listeners.clear();
      held = [];
    },
  };
}
