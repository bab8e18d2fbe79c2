import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../shared/domain/errors.ts';
import { runsElsewhere, sweepDrivers } from './drivers.ts';

const SWEEP = 'sweep-00000001';
const RUN = 'run-00000001';
const PLAN = 'plan-00000001';
const EVALUATION = 'evaluation-00000001';

type Library = Parameters<ReturnType<typeof sweepDrivers>['start']>[0];

/** A library whose sweep ends when the test says so. */
function libraryOf(here: readonly string[] = [RUN]) {
  const ends: { done: (report: { failed: [] }) => void; fail: (error: unknown) => void; say: () => void }[] = [];
  const cancel = vi.fn();
  const job = (id: string, state: string) => ({ id, state });
  const library = {
    sweeps: {
      parts: () =>
        new Map([
          ['train {}', RUN],
          ['evaluate 0', PLAN],
        ]),
      run: (_: string, say: (text: string) => void) =>
        new Promise((done, fail) => ends.push({ done, fail, say: () => say('more') })),
    },
    plans: { list: () => [{ id: PLAN, evaluations: [EVALUATION] }] },
    jobs: {
      list: () => [job(RUN, 'running'), job(EVALUATION, 'waiting'), job('run-00000002', 'running')],
      cancel,
      running: () => here.map((id) => job(id, 'running')),
    },
  } as unknown as Library;
  return { library, ends, cancel };
}

describe('the attempt to make all of a sweep', () => {
  it('is one at a time, and is over when everything is there', async () => {
    const { library, ends } = libraryOf();
    const changed = vi.fn();
    const drivers = sweepDrivers(changed);
    drivers.start(library, SWEEP);
    drivers.start(library, SWEEP);
    expect(ends).toHaveLength(1);
    expect(drivers.attempt(SWEEP)).toEqual({ driven: true, stopped: null, failed: [] });
    ends[0]!.done({ failed: [] });
    await vi.waitFor(() => expect(drivers.attempt(SWEEP).driven).toBe(false));
    expect(changed).toHaveBeenCalledTimes(2);
    drivers.start(library, SWEEP);
    expect(ends).toHaveLength(2);
  });

  it('cancels its own jobs alone, also those of a stage that had just begun, and says why it stopped', async () => {
    const { library, ends, cancel } = libraryOf();
    const drivers = sweepDrivers(() => undefined);
    drivers.start(library, SWEEP);
    drivers.cancel(library, SWEEP);
    expect(cancel.mock.calls).toEqual([[RUN], [EVALUATION]]);
    expect(() => ends[0]!.say()).toThrow('The sweep was cancelled.');
    ends[0]!.fail(new AppError('cancelled', 'A training was cancelled.'));
    await vi.waitFor(() => expect(drivers.attempt(SWEEP).stopped).toBe('A training was cancelled.'));
    expect(cancel).toHaveBeenCalledTimes(4);
    // It can go on, and is not cancelled then.
    drivers.start(library, SWEEP);
    expect(() => ends[1]!.say()).not.toThrow();
  });

  it('is somebody else’s where another process runs a part of it', () => {
    expect(runsElsewhere(libraryOf().library, SWEEP)).toBe(false);
    expect(runsElsewhere(libraryOf([]).library, SWEEP)).toBe(true);
  });
});
