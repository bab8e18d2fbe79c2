import { expect, it } from 'vitest';
import { cellAfter, type CellAt, type GridShape } from './grid-keys.ts';

/** Rows of a table: `x` a cell, anything else a gap. */
const shape = (...lines: readonly string[]): GridShape => ({
  rows: lines.length,
  columns: lines[0]?.length ?? 0,
  isCell: (row, column) => lines[row]?.[column] === 'x',
  first: null,
});

it('arrow keys jump over gaps and stop at the edge', () => {
  const grid = shape('x.x', '.xx', 'x..');
  const from = (at: CellAt, key: string): CellAt | null => cellAfter(grid, at, key, false);
  expect(from([0, 0], 'ArrowRight')).toEqual([0, 2]);
  expect(from([0, 0], 'ArrowDown')).toEqual([2, 0]);
  expect(from([0, 2], 'ArrowRight')).toBeNull();
  expect(from([1, 2], 'ArrowDown')).toBeNull();
  expect(from([1, 1], 'Enter')).toBeNull();
});

it('Home and End lead to the ends of the row, with Ctrl to those of the table', () => {
  const grid = shape('.xx', 'xxx', '...');
  expect(cellAfter(grid, [1, 1], 'Home', false)).toEqual([1, 0]);
  expect(cellAfter(grid, [0, 1], 'End', false)).toEqual([0, 2]);
  expect(cellAfter(grid, [1, 1], 'Home', true)).toEqual([0, 1]);
  expect(cellAfter(grid, [0, 1], 'End', true)).toEqual([1, 2]);
});
