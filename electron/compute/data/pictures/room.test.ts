import { expect, test } from 'vitest';
import { createRoom } from './room.ts';

test('what is under way at once fits into the room, and what is larger is alone', async () => {
  const room = createRoom(10);
  let [now, most, alone] = [0, 0, true];
  const sizes = [4, 4, 4, 30, 1, 9, 10, 2, 2, 2];
  const work = sizes.map((size) =>
    room.use(size, async () => {
      now += size;
      if (size > 10) alone &&= now === size;
      else most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now -= size;
      return size;
    }),
  );
  expect(await Promise.all(work)).toEqual(sizes);
  expect(most).toBeLessThanOrEqual(10);
  expect(alone).toBe(true);
});

test('room is given back when work fails', async () => {
  const room = createRoom(1);
  await expect(room.use(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await room.use(1, () => Promise.resolve('yes'))).toBe('yes');
});
