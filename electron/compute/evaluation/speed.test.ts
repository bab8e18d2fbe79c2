import { expect, test } from 'vitest';
import { watchSpeed } from './speed.ts';

test('time is split into attacking, writing and pauses, and each counts once', async () => {
  let time = 0;
  const pass = async (ms: number): Promise<void> => {
    time += ms;
  };
  const watch = watchSpeed({ checkpoint: () => pass(400), progress: () => undefined }, () => time);
  await watch.attacking(async () => {
    await pass(1500);
    await watch.control.checkpoint();
    await pass(500);
  });
  await pass(77);
  await watch.writing(() => pass(250));
  await expect(watch.attacking(() => pass(1000).then(() => Promise.reject(new Error('no'))))).rejects.toThrow('no');
  const result = watch.result('gradients', 30);
  expect(result).toMatchObject({
    unit: 'gradients',
    work: 30,
    attackSeconds: 3,
    writeSeconds: 0.25,
    pauseSeconds: 0.4,
  });
  expect(result.peakMemory).toBeGreaterThan(1e6);
});
