import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EventPayload } from '../../shared/contract/events.ts';
import { eventStream } from './event-stream.ts';

const point = (step: number): EventPayload<'run.points'>['points'][number] => ({
  type: 'validation',
  step,
  epoch: 1,
  cleanAccuracy: 0.9,
  adversarialAccuracy: 0.5,
  examples: 10,
});
const partial = (id: string): EventPayload<'evaluation.partial'> => ({ id, targets: [] });

describe('the stream of events to the window', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('sends at most 20 updates a second of one thing, the newest', () => {
    const send = vi.fn();
    const stream = eventStream(send);
    for (let i = 0; i < 1000; i += 1) {
      stream.push('evaluation.partial', partial('evaluation-00000000'));
      vi.advanceTimersByTime(1);
    }
    expect(send.mock.calls.length).toBeLessThanOrEqual(20);
    expect(send.mock.calls.length).toBeGreaterThan(15);
  });

  it('keeps what is said before the page listens', async () => {
    const send = vi.fn();
    let load: () => void = () => undefined;
    const stream = eventStream(send, new Promise<void>((resolve) => (load = resolve)));
    stream.push('app.notice', { severity: 'warning', error: { code: 'io', message: 'early' } });
    await vi.advanceTimersByTimeAsync(1000);
    expect(send).not.toHaveBeenCalled();
    load();
    await vi.advanceTimersByTimeAsync(100);
    expect(send.mock.calls.map(([name]) => name as string)).toEqual(['app.notice']);
  });

  it('loses no point of a curve', () => {
    const send = vi.fn();
    const stream = eventStream(send);
    stream.push('run.points', { id: 'run-00000000', points: [point(1)] });
    stream.push('run.points', { id: 'run-00000000', points: [point(2), point(3)] });
    stream.push('run.points', { id: 'run-11111111', points: [point(9)] });
    vi.advanceTimersByTime(50);
    expect(send.mock.calls).toEqual([
      ['run.points', { id: 'run-00000000', points: [point(1), point(2), point(3)] }],
      ['run.points', { id: 'run-11111111', points: [point(9)] }],
    ]);
  });

  it('sends every command, and a newer state never before an older one of something else', () => {
    const send = vi.fn();
    const stream = eventStream(send);
    stream.push('evaluation.partial', partial('evaluation-00000000'));
    stream.push('app.command', { command: 'a' });
    stream.push('app.command', { command: 'b' });
    stream.push('evaluation.partial', partial('evaluation-00000000'));
    vi.advanceTimersByTime(50);
    expect(send.mock.calls.map(([name]) => name as string)).toEqual([
      'app.command',
      'app.command',
      'evaluation.partial',
    ]);
  });

  it('sends what is waiting when it ends, and nothing after', () => {
    const send = vi.fn();
    const stream = eventStream(send);
    stream.push('app.command', { command: 'a' });
    stream.dispose();
    stream.push('app.command', { command: 'b' });
    vi.advanceTimersByTime(1000);
    expect(send.mock.calls).toEqual([['app.command', { command: 'a' }]]);
  });
});
