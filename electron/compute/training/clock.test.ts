import { expect, test } from 'vitest';
import { createStepClock } from './clock.ts';

test('all time belongs to exactly one part, and pauses to none', async () => {
  let time = 1000;
  const pass = (ms: number): void => {
    time += ms;
  };
  const clock = createStepClock(() => time);
  pass(1);
  await clock.within('attack', async () => {
    pass(10);
    await clock.within('pause', async () => {
      pass(500);
      await clock.within('checkpoint', async () => pass(7));
      pass(500);
    });
    pass(20);
  });
  expect(clock.withinSync('update', () => (pass(40), 'done'))).toBe('done');
  expect(clock.sinceLap).toBe(78);
  expect(clock.lap()).toEqual({ data: 0, attack: 30, update: 40, report: 0, validation: 0, checkpoint: 7, other: 1 });
  pass(3);
  expect(clock.elapsed).toBe(81);
  expect(clock.sinceLap).toBe(3);
  expect(clock.lap().other).toBe(3);
});

test('work that fails is counted, and the part around it goes on', async () => {
  let time = 0;
  const clock = createStepClock(() => time);
  const failing = clock.within('validation', async () => {
    time += 5;
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  time += 2;
  expect(clock.lap()).toMatchObject({ validation: 5, other: 2 });
});
