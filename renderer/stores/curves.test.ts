import { describe, expect, it } from 'vitest';
import type { TrainPoint } from '../../shared/domain/train-point.ts';
import { mergePoints } from './curves.ts';

const step = (at: number, total = 1): TrainPoint => ({
  type: 'step',
  step: at,
  epoch: 0,
  terms: { total },
  cleanAccuracy: 0,
  adversarialAccuracy: null,
  learningRate: 0.1,
  epsilon: null,
  rate: 1,
});
const validation = (at: number): TrainPoint => ({
  type: 'validation',
  step: at,
  epoch: 0,
  cleanAccuracy: 0,
  adversarialAccuracy: 0,
  examples: 1,
});

const speed = (at: number): TrainPoint => ({
  type: 'speed',
  step: at,
  epoch: 0,
  steps: 1,
  examples: 1,
  time: { data: 0, attack: 0, update: 1, report: 0, validation: 0, checkpoint: 0, other: 0 },
  memory: { process: 1, tensors: 1, tensorBytes: 4 },
});

describe('mergePoints', () => {
  it('appends what follows', () => {
    expect(mergePoints([step(1), step(2)], [step(3)])).toEqual([step(1), step(2), step(3)]);
    expect(mergePoints([step(1)], [])).toEqual([step(1)]);
    expect(mergePoints([], [step(1)])).toEqual([step(1)]);
  });

  it('lets a resumed run replace what came after its checkpoint', () => {
    const known = [step(1), step(2), validation(2), step(3), step(4)];
    expect(mergePoints(known, [step(3, 9)])).toEqual([step(1), step(2), validation(2), step(3, 9)]);
  });

  it('takes the same points twice without doubling them', () => {
    const known = [step(1), step(2), validation(2)];
    expect(mergePoints(known, known)).toEqual(known);
    expect(mergePoints(known, [validation(2), step(3)])).toEqual([...known, step(3)]);
    const timed = [...known, speed(2)];
    expect(mergePoints(timed, [speed(2), step(3)])).toEqual([...timed, step(3)]);
    expect(mergePoints(known, [speed(2)])).toEqual(timed);
  });
});
