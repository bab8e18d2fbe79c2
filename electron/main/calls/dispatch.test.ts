import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../shared/domain/errors.ts';
import { dispatch, type Handlers } from './dispatch.ts';

const pause = vi.fn();
const setPreferences = vi.fn(() => ({ theme: 'dark', engine: 'wasm', parallelJobs: null, maxMemory: null }) as const);
// Only the handlers that these requests reach.
const handlers = {
  'jobs.pause': pause,
  'app.setPreferences': setPreferences,
  'jobs.cancel': () => {
    throw new AppError('not-found', 'There is no job run-00000000.', { details: { id: 'run-00000000' } });
  },
  'jobs.resume': () => Promise.reject(new TypeError('x is undefined')),
} as Partial<Handlers> as Handlers;

describe('a request from the window', () => {
  it('is checked, carried out and answered', async () => {
    expect(await dispatch(handlers, 'jobs.pause', { id: 'run-00000000' })).toEqual({ ok: true, value: undefined });
    expect(pause).toHaveBeenCalledWith({ id: 'run-00000000' });
  });

  it.each([['no.such.call'], ['__proto__'], ['toString'], [null], [7], [undefined]])(
    'of unknown name %j is a typed error',
    async (name) => {
      expect(await dispatch(handlers, name, undefined)).toMatchObject({ ok: false, error: { code: 'unsupported' } });
    },
  );

  it('with wrong input names the call and the field, and does nothing', async () => {
    pause.mockClear();
    const reply = await dispatch(handlers, 'jobs.pause', { id: 3, more: 1 });
    expect(reply).toMatchObject({ ok: false, error: { code: 'invalid-input' } });
    expect(reply.ok ? '' : reply.error.message).toMatch(/^jobs\.pause: .*id.*more/);
    expect(pause).not.toHaveBeenCalled();
  });

  it('leaves preferences alone that it does not name', async () => {
    await dispatch(handlers, 'app.setPreferences', { theme: 'dark' });
    expect(setPreferences).toHaveBeenCalledWith({ theme: 'dark' });
  });

  it('that a service refuses comes back with the code, message and details of its error', async () => {
    expect(await dispatch(handlers, 'jobs.cancel', { id: 'run-00000000' })).toEqual({
      ok: false,
      error: {
        code: 'not-found',
        message: 'There is no job run-00000000.',
        details: { id: 'run-00000000' },
        retry: false,
      },
    });
  });

  it('that fails unexpectedly gives a message without a stack, and the log gets the error', async () => {
    const log = vi.fn();
    const reply = await dispatch(handlers, 'jobs.resume', { id: 'run-00000000' }, log);
    expect(reply).toMatchObject({ ok: false, error: { code: 'internal' } });
    expect(JSON.stringify(reply)).not.toMatch(/dispatch|\.ts|at /);
    expect(log).toHaveBeenCalledWith('jobs.resume', expect.any(TypeError));
  });
});
