import { expect, it } from 'vitest';
import type { PlanResult } from '../../../shared/domain/plan.ts';
import { bestOf, matrixScale, rowShares, stepPoints } from './plan-view.ts';

it('a curve of steps holds each value up to the next x', () => {
  expect(stepPoints({ x: [0, 1, 2, 3], accuracy: [0.9, 0.9, 0.5, 0.4] })).toEqual([
    [0, 0.9],
    [1, 0.9],
    [2, 0.9],
    [2, 0.5],
    [3, 0.5],
    [3, 0.4],
  ]);
});

it('the best number of a column is marked only where there is something to be better than', () => {
  const result = (...means: readonly number[]): PlanResult =>
    ({
      models: means.map((_, at) => `m${at}`),
      cells: Object.fromEntries(means.map((mean, at) => [`m${at}`, { c: { accuracy: { mean } } }])),
    }) as unknown as PlanResult;
  expect(bestOf(result(0.4, 0.6), 'c')).toBe(0.6);
  expect(bestOf(result(0.4, 0.4), 'c')).toBeNull();
  expect(bestOf(result(0.4), 'c')).toBeNull();
  expect(bestOf(result(0.4, 0.6), 'other')).toBeNull();
});

it('the colours of a matrix span its numbers, and more than nothing', () => {
  const row = (accuracy: Record<string, number>) => ({ source: [], label: '', accuracy });
  expect(matrixScale([row({ a: 0.2, b: 0.7 }), row({ a: 0.1 })])).toEqual([0.1, 0.7]);
  expect(matrixScale([row({ a: 1 })])).toEqual([0.95, 1]);
  expect(matrixScale([])).toEqual([0, 1]);
});

it('rows of a confusion matrix are shares of their class', () => {
  expect(rowShares([3, 1, 0])).toEqual([0.75, 0.25, 0]);
  expect(rowShares([0, 0])).toEqual([0, 0]);
});
