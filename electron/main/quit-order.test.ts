import { expect, test, vi } from 'vitest';
import { quitOrder } from './quit-order.ts';
import type { QuitSteps } from './quit-order.ts';

function steps(change: Partial<QuitSteps> = {}) {
  return {
    mayQuit: vi.fn(() => Promise.resolve(true)),
    close: vi.fn(() => Promise.resolve()),
    quit: vi.fn(),
    onError: vi.fn(),
    ...change,
  };
}
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

test('asks, closes, and only then quits', async () => {
  const all = steps();
  const order = quitOrder(all, 1000);
  order.ask();
  order.ask();
  expect(order.closed()).toBe(false);
  await settled();
  expect(order.closed()).toBe(true);
  for (const step of [all.mayQuit, all.close, all.quit]) expect(step).toHaveBeenCalledTimes(1);
});

test('a question that fails leaves the application open, and can be asked again', async () => {
  const mayQuit = vi.fn().mockRejectedValueOnce(new Error('no window')).mockResolvedValue(true);
  const all = steps({ mayQuit });
  const order = quitOrder(all, 1000);
  order.ask();
  await settled();
  expect(order.closed()).toBe(false);
  expect(all.onError).toHaveBeenCalledTimes(1);
  order.ask();
  await settled();
  expect(order.closed()).toBe(true);
});

test('a signal during the question closes once, whatever the answer', async () => {
  let answer: (yes: boolean) => void = () => undefined;
  for (const yes of [true, false]) {
    const all = steps({ mayQuit: () => new Promise((resolve) => (answer = resolve)) });
    const order = quitOrder(all, 1000);
    order.ask();
    order.close();
    answer(yes);
    await settled();
    expect(order.closed()).toBe(true);
    expect(all.close).toHaveBeenCalledTimes(1);
    expect(all.quit).toHaveBeenCalledTimes(1);
  }
});

test('what does not close in time, or fails to, is left behind', async () => {
  const hanging = steps({ close: vi.fn(() => new Promise<void>(() => undefined)) });
  quitOrder(hanging, 5).close();
  const failing = steps({ close: vi.fn(() => Promise.reject(new Error('disk'))) });
  quitOrder(failing, 1000).close();
  await settled();
  expect(hanging.quit).toHaveBeenCalledTimes(1);
  expect(failing.quit).toHaveBeenCalledTimes(1);
  expect(failing.onError).toHaveBeenCalledTimes(1);
});
