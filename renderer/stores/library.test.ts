import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Bridge } from '../../shared/contract/bridge.ts';
import type { JobRow, LibrarySnapshot } from '../../shared/domain/library.ts';
import { call } from './connection.ts';
import { useLibrary } from './library.ts';

const job = (id: string, state: JobRow['state'], position: number): JobRow => ({
  id,
  kind: 'train',
  title: `Train ${id}`,
  state,
  position,
  progress: null,
  error: null,
  engine: null,
  created: '2026-01-01T00:00:00Z',
  started: null,
  ended: null,
});
const snapshot = (jobs: readonly JobRow[]): LibrarySnapshot => ({
  datasets: [],
  runs: [],
  evaluations: [],
  plans: [],
  galleries: [],
  checks: [],
  jobs: [...jobs],
});

/** The other side of the bridge: answers by name, and a way to send events. */
function connect(answers: Readonly<Record<string, (input: unknown) => unknown>>): {
  send: (name: string, payload: unknown) => void;
  listening: () => number;
} {
  const listeners = new Map<string, Set<(payload: unknown) => void>>();
  const bridge = {
    call: async (name: string, input: unknown) => {
      const answer = answers[name];
      return answer
        ? { ok: true, value: answer(input) }
        : { ok: false, error: { code: 'library-busy', message: `${name} is refused`, retry: true } };
    },
    on: (name: string, listener: (payload: unknown) => void) => {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set.add(listener));
      return () => set.delete(listener);
    },
    pathOf: () => '',
  };
  Object.assign(window, { pairlight: bridge as unknown as Bridge });
  return {
    send: (name, payload) => listeners.get(name)?.forEach((listener) => listener(payload)),
    listening: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0),
  };
}

describe('library', () => {
  beforeEach(() => setActivePinia(createPinia()));

  it('reads the library and follows its events until it is told to stop', async () => {
    const { send, listening } = connect({
      'library.snapshot': () =>
        snapshot([job('run-b', 'waiting', 2), job('run-a', 'running', 0), job('run-c', 'waiting', 1)]),
      'models.list': () => [],
    });
    const library = useLibrary();
    await library.load();
    expect(library.status).toBe('ready');
    expect(library.waitingJobs.map((row) => row.id)).toEqual(['run-c', 'run-b']);

    const stop = library.follow();
    send('job.changed', job('run-c', 'running', 1));
    send('job.changed', job('run-d', 'waiting', 3));
    expect(library.runningJobs.map((row) => row.id)).toEqual(['run-a', 'run-c']);
    expect(library.waitingJobs.map((row) => row.id)).toEqual(['run-b', 'run-d']);
    send('library.changed', snapshot([job('run-a', 'done', 0)]));
    expect(library.jobs).toHaveLength(1);
    stop();
    expect(listening()).toBe(0);
  });

  it('keeps the error of a refused request and recovers on the next try', async () => {
    connect({});
    const library = useLibrary();
    await library.load();
    expect(library.status).toBe('failed');
    expect(library.error).toMatchObject({ code: 'library-busy', retry: true });
    connect({ 'library.snapshot': () => snapshot([]), 'models.list': () => [] });
    await library.load();
    expect(library.status).toBe('ready');
    expect(library.error).toBeNull();
  });
});

it('sends plain copies and throws refusals as typed errors', async () => {
  let got: unknown;
  connect({ 'jobs.pause': (input) => void (got = input) });
  const input = { id: 'run-a' };
  await call('jobs.pause', input);
  expect(got).toEqual(input);
  expect(got).not.toBe(input);
  await expect(call('jobs.cancel', input)).rejects.toMatchObject({
    code: 'library-busy',
    message: 'jobs.cancel is refused',
  });
});
