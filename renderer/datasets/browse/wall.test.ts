import { describe, expect, it } from 'vitest';
import { isPicked, noPicks, pickedAmong, pickedPositions, pickOnly, withPicks } from './picks.ts';
import { HEADING, inSight, layoutWall, placeOf, slotAfter, slotsWithin, WALL_PAD, whatIsAt } from './wall-layout.ts';

const grouped = layoutWall(
  [
    { label: 'a', start: 0, count: 7 },
    { label: 'b', start: 7, count: 3 },
    { label: 'c', start: 10, count: 5 },
  ],
  2 * WALL_PAD + 4 * 50 - 4,
  46,
);

describe('the wall', () => {
  it('fills its width with whole squares', () => {
    expect(grouped).toMatchObject({ columns: 4, cell: 46, pitch: 50, slots: 15 });
    const wide = layoutWall([{ label: '', start: 0, count: 9 }], 500, 64);
    expect(wide.columns * wide.pitch).toBeCloseTo(500 - 2 * WALL_PAD + 4);
  });

  it('begins each group with a heading and a row of its own', () => {
    expect(placeOf(grouped, 0)).toEqual([WALL_PAD, HEADING]);
    expect(placeOf(grouped, 6)).toEqual([WALL_PAD + 100, HEADING + 50]);
    expect(placeOf(grouped, 7)).toEqual([WALL_PAD, 2 * HEADING + 100]);
    expect(placeOf(grouped, 10)).toEqual([WALL_PAD, 3 * HEADING + 150]);
  });

  it('finds every slot where it put it, and nothing between', () => {
    for (let slot = 0; slot < grouped.slots; slot += 1) {
      const [x, y] = placeOf(grouped, slot);
      expect(whatIsAt(grouped, x + 1, y + 1)).toEqual({ slot });
      expect(whatIsAt(grouped, x + 48, y + 1)).toBeNull();
    }
    expect(whatIsAt(grouped, 40, 5)).toMatchObject({ group: { label: 'a' } });
    expect(whatIsAt(grouped, WALL_PAD + 151, HEADING + 60)).toBeNull();
  });

  it('shows exactly the rows that a window touches', () => {
    const seen = inSight(grouped, HEADING + 60, HEADING + 100 + HEADING + 10).map(({ first, end }) => [first, end]);
    expect(seen).toEqual([
      [4, 7],
      [7, 10],
    ]);
    const all = inSight(grouped, 0, grouped.height).flatMap(({ first, end }) =>
      Array.from({ length: end - first }, (_, i) => first + i),
    );
    expect(all).toEqual(Array.from({ length: 15 }, (_, slot) => slot));
  });

  it('finds the window of a hundred thousand groups’ rows without walking through them', () => {
    const groups = Array.from({ length: 50_000 }, (_, i) => ({ label: String(i), start: 2 * i, count: 2 }));
    const huge = layoutWall(groups, 800, 64);
    const started = performance.now();
    for (let i = 0; i < 1000; i += 1) inSight(huge, (huge.height * i) / 1000, (huge.height * i) / 1000 + 900);
    expect(performance.now() - started).toBeLessThan(200);
  });

  it('leads from slot to slot by keys, keeping the column across groups', () => {
    expect(slotAfter(grouped, 2, 'ArrowDown', 3)).toBe(6);
    expect(slotAfter(grouped, 3, 'ArrowDown', 3)).toBe(6);
    expect(slotAfter(grouped, 5, 'ArrowDown', 3)).toBe(8);
    expect(slotAfter(grouped, 8, 'ArrowUp', 3)).toBe(5);
    expect(slotAfter(grouped, 0, 'ArrowLeft', 3)).toBe(0);
    expect(slotAfter(grouped, 0, 'PageDown', 3)).toBe(10);
    expect(slotAfter(grouped, 14, 'ArrowDown', 3)).toBe(14);
    expect(slotAfter(grouped, 3, 'End', 3)).toBe(14);
    expect(slotAfter(grouped, 3, 'x', 3)).toBeNull();
  });

  it('takes what a rectangle touches', () => {
    const [x, y] = placeOf(grouped, 1);
    expect(slotsWithin(grouped, [x + 10, y + 10], [x + 60, y + 60])).toEqual([1, 2, 5, 6]);
    expect(slotsWithin(grouped, [x + 47, y], [x + 49, y + 40])).toEqual([]);
  });
});

describe('picks', () => {
  it('are told apart by position, counted, and never changed in place', () => {
    const none = noPicks(10);
    const some = withPicks(none, [3, 3, 9, 12], true);
    expect([none.count, some.count, pickedPositions(some)]).toEqual([0, 2, [3, 9]]);
    const fewer = withPicks(some, Uint32Array.of(3, 4), false);
    expect([isPicked(some, 3), isPicked(fewer, 3), fewer.count]).toEqual([true, false, 1]);
    expect(pickedAmong(some, [1, 9])).toBe(1);
    expect(pickedPositions(pickOnly(10, [5]))).toEqual([5]);
  });
});
