import type { EventName, EventPayload } from '../../shared/contract/events.ts';
import type { LibraryEvent, LibraryEvents } from '../services/events.ts';

/** At most 20 updates a second of anything. */
const INTERVAL_MS = 50;

/** Which earlier, unsent event a new one replaces: those with the same key. null: every one is sent. */
const KEYS: { readonly [N in EventName]: (payload: EventPayload<N>) => string | null } = {
  'library.changed': () => '',
  'job.changed': ({ id }) => id,
  'run.points': ({ id }) => id,
  'evaluation.partial': ({ id }) => id,
  'check.partial': ({ id }) => id,
  'sweep.changed': ({ id }) => id,
  'dataset.task': ({ id, task }) => `${task} ${id}`,
  'dataset.preview': ({ token }) => token,
  'engine.install': ({ stage }) => stage,
  'engine.tested': () => null,
  'modules.changed': () => 'modules',
  'app.command': () => null,
  'app.notice': () => null,
};

interface Pending {
  readonly name: EventName;
  readonly payload: EventPayload<EventName>;
}

export interface EventStream {
  push<N extends EventName>(name: N, payload: EventPayload<N>): void;
  /** Sends what is waiting and nothing after that. */
  dispose(): void;
}

/**
 * Coalesces events on their way to the window: of two states of one thing within 50 ms only the newer is sent, points of
 * a curve are joined, and notices and commands go through one by one.
 * @param ready until then nobody listens: what is said before is kept, and sent then.
 */
export function eventStream(
  send: (name: EventName, payload: EventPayload<EventName>) => void,
  ready: Promise<unknown> | null = null,
): EventStream {
  const waiting = new Map<string, Pending>();
  let timer: NodeJS.Timeout | null = null;
  let serial = 0;
  let open = true;
  let listening = ready === null;

  const flush = (): void => {
    timer = null;
    const events = [...waiting.values()];
    waiting.clear();
    for (const { name, payload } of events) send(name, payload);
  };

  const schedule = (): void => {
    if (open && listening && waiting.size > 0) timer ??= setTimeout(flush, INTERVAL_MS);
  };
  void ready?.then(() => {
    listening = true;
    schedule();
  });

  return {
    push(name, payload) {
      if (!open) return;
      const key = `${name} ${KEYS[name](payload) ?? (serial += 1)}`;
      const earlier = waiting.get(key);
      // A newer state goes behind everything that was said before it.
      waiting.delete(key);
      waiting.set(key, { name, payload: earlier ? joined(earlier, { name, payload }) : payload });
      schedule();
    },
    dispose() {
      open = false;
      if (timer) clearTimeout(timer);
      flush();
    },
  };
}

function joined(earlier: Pending, later: Pending): EventPayload<EventName> {
  if (later.name !== 'run.points') return later.payload;
  const before = earlier.payload as EventPayload<'run.points'>;
  const after = later.payload as EventPayload<'run.points'>;
  return { id: after.id, points: [...before.points, ...after.points] };
}

const LIBRARY_EVENTS: { readonly [N in LibraryEvent]: true } = {
  'library.changed': true,
  'job.changed': true,
  'run.points': true,
  'evaluation.partial': true,
  'check.partial': true,
  'dataset.task': true,
  'dataset.preview': true,
  'engine.tested': true,
  'modules.changed': true,
  'app.notice': true,
};

/** Sends everything that a library says to the window. */
export function forwardEvents(from: LibraryEvents, to: EventStream): void {
  const forward = <N extends LibraryEvent>(name: N): unknown => from.on(name, (payload) => to.push(name, payload));
  (Object.keys(LIBRARY_EVENTS) as LibraryEvent[]).forEach(forward);
}
