import { expect, it } from 'vitest';
import { readingHint } from '../../../shared/domain/model.ts';
import { emptyReading, hintOfForm, readingProblem } from './reading-form.ts';

it('what is left open is no part of the hint', () => {
  expect(hintOfForm(emptyReading())).toEqual({});
  const form = { ...emptyReading(), range: 'bytes', mean: '0.5; 0.4, 0.3', deviation: '0.2 0.2 0.2' } as const;
  expect(readingHint.parse(hintOfForm(form))).toEqual({
    range: 'bytes',
    normalisation: { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.2, 0.2] },
  });
});

it('mean and deviation are numbers, both or neither, one for each channel, deviations above 0', () => {
  const problem = (mean: string, deviation: string) => readingProblem({ ...emptyReading(), mean, deviation }, 1);
  expect(problem('', '')).toBeNull();
  expect(problem('0.1307', '0.3081')).toBeNull();
  expect(problem('a half', '0.3')).toBe('numbers');
  expect(problem('0.1307', '')).toBe('one-of-two');
  expect(problem('0.1, 0.2', '0.3')).toBe('channels');
  expect(problem('0.1', '0')).toBe('deviation');
});
