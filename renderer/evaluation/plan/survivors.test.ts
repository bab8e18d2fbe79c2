import { expect, it } from 'vitest';
import type { EvaluationRow } from '../../../shared/domain/library.ts';
import { survivorCurves } from './survivors.ts';

const evaluation = (model: string, byRestart: readonly number[]) =>
  ({
    result: null,
    partial: [{ model, cleanAccuracy: 0.9, robustAccuracy: byRestart.at(-1) ?? 0.4, byRestart }],
  }) as unknown as EvaluationRow;

it('the curve falls from the clean accuracy, attack by attack and restart by restart, and never rises', () => {
  const curves = survivorCurves(
    [evaluation('a', [0.7]), evaluation('a', [0.75, 0.5]), evaluation('b', [0.8]), evaluation('a', [])],
    ['a', 'b', 'c'],
  );
  expect(curves).toEqual([
    {
      model: 'a',
      points: [
        [0, 0.9],
        [1, 0.7],
        [1.5, 0.7],
        [2, 0.5],
        [4, 0.4],
      ],
    },
    {
      model: 'b',
      points: [
        [0, 0.9],
        [3, 0.8],
      ],
    },
  ]);
});
