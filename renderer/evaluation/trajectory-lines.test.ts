import { expect, it } from 'vitest';
import type { TrajectoryPoint } from '../../shared/domain/trajectory.ts';
import { firstWrong, trajectoryPoints, trajectoryRange } from './trajectory-lines.ts';

const point = (pass: number, prediction: number, margin: number | null): TrajectoryPoint => ({
  pass,
  loss: 0.5,
  margin,
  trueLogit: 3,
  wrongLogit: margin === null ? null : 3 - margin,
  prediction,
  confidence: 0.6,
  linf: 0.1,
  l2: 1,
  l1: 10,
});

it('a curve keeps its passes, and numbers that were not finite break it', () => {
  const points = [point(0, 4, 2), point(8, 4, null), point(16, 7, -1)];
  expect(trajectoryPoints({ points }, 'margin')).toEqual([
    [0, 2],
    [8, Number.NaN],
    [16, -1],
  ]);
  expect(trajectoryRange(points)).toEqual([-1, 4]);
});

it('the first wrong image is found; logits without a prediction are none', () => {
  expect(firstWrong([point(0, 4, 2), point(1, -1, null), point(2, 7, -1), point(3, 7, -2)], 4)).toBe(2);
  expect(firstWrong([point(0, 4, 2)], 4)).toBeNull();
});

it('without a finite number the range is that of an empty chart', () => {
  const empty = { ...point(0, -1, null), loss: null, trueLogit: null };
  expect(trajectoryRange([empty])).toEqual([0, 1]);
});
