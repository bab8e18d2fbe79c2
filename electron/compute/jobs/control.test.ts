import { describe, expect, it } from 'vitest';
import type { HostMessage } from '../../../shared/domain/job.ts';
import { createControl } from './control.ts';

function setUp() {
  const sent: HostMessage[] = [];
  const clock = { time: 0 };
  const control = createControl(
    (message) => sent.push(message),
    () => clock.time,
  );
  return { sent, clock, ...control };
}

const settled = async (promise: Promise<void>): Promise<boolean> => {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise((resolve) => setTimeout(resolve, 5));
  return done;
};

describe('the control of a job', () => {
  it('gives the event loop a turn only when 15 ms have gone by', async () => {
    const { context, clock } = setUp();
    let turns = 0;
    const count = (): void => {
      turns += 1;
    };
    setImmediate(count);
    await context.checkpoint();
    expect(turns).toBe(0);
    clock.time = 15;
    await context.checkpoint();
    expect(turns).toBe(1);
  });

  it('saves, then waits while paused, and goes on at resume', async () => {
    const { context, receive, sent } = setUp();
    const order: string[] = [];
    receive('pause');
    const waiting = context.checkpoint(async () => void order.push('saved')).then(() => void order.push('on'));
    expect(await settled(waiting)).toBe(false);
    expect(order).toEqual(['saved']);
    expect(sent).toEqual([{ type: 'state', state: 'paused' }]);
    receive('resume');
    await waiting;
    expect(order).toEqual(['saved', 'on']);
    expect(sent.at(-1)).toEqual({ type: 'state', state: 'running' });
  });

  it('saves, then throws `cancelled`, also out of a pause, and cannot be resumed after that', async () => {
    const { context, receive } = setUp();
    receive('pause');
    let saved = 0;
    const waiting = context.checkpoint(async () => void (saved += 1));
    receive('cancel');
    receive('resume');
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    await expect(context.checkpoint()).rejects.toMatchObject({ code: 'cancelled' });
    expect(saved).toBe(1);
  });

  it('sends at most 20 reports a second, and always the last one', () => {
    const { context, clock, sent } = setUp();
    for (let step = 1; step <= 100; step += 1) {
      clock.time += 5;
      context.progress({ done: step, total: 100, unit: 'steps', message: '' });
    }
    expect(sent.length).toBeLessThanOrEqual(11);
    expect(sent.at(-1)).toMatchObject({ progress: { done: 100, secondsLeft: 0 } });
  });

  it('works out rate and time left', () => {
    const { context, clock, sent } = setUp();
    for (let step = 1; step <= 20; step += 1) {
      clock.time += 100;
      context.progress({ done: step, total: 100, unit: 'steps', message: '' });
    }
    const last = sent.at(-1);
    expect(last).toMatchObject({ type: 'progress', progress: { rate: 10, secondsLeft: 8 } });
  });
});
