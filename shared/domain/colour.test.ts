import { expect, test } from 'vitest';
import { paletteBytes } from './colour.ts';

const entry = (map: Parameters<typeof paletteBytes>[0], i: number) => [...paletteBytes(map).slice(i * 3, i * 3 + 3)];

test('viridis runs from its published dark violet to its yellow', () => {
  expect(entry('viridis', 0)).toEqual([68, 1, 84]);
  expect(entry('viridis', 255)).toEqual([253, 231, 37]);
});

test('the diverging palette is lightest at 0, blue below and red above', () => {
  const sum = (i: number) => entry('diverging', i).reduce((a, b) => a + b, 0);
  expect(sum(128)).toBeGreaterThan(sum(0));
  expect(sum(128)).toBeGreaterThan(sum(255));
  expect(entry('diverging', 0)[2]).toBeGreaterThan(entry('diverging', 0)[0]!);
  expect(entry('diverging', 255)[0]).toBeGreaterThan(entry('diverging', 255)[2]!);
});
