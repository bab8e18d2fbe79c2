import { describe, expect, it } from 'vitest';
import type { SpeedPoint } from '../../shared/domain/speed.ts';
import type { TrainPoint } from '../../shared/domain/train-point.ts';
import { runSpeed } from './speed.ts';

const stretch = (at: number, attack: number, validation = 0): SpeedPoint => ({
  type: 'speed',
  step: at,
  epoch: 0,
  steps: 2,
  examples: 100,
  time: { data: 0, attack, update: 50, report: 0, validation, checkpoint: 0, other: 0 },
  memory: { process: 1000 + at, tensors: 5, tensorBytes: 20 },
});
const validation: TrainPoint = {
  type: 'validation',
  step: 2,
  epoch: 0,
  cleanAccuracy: 1,
  adversarialAccuracy: 1,
  examples: 1,
};

describe('the speed of a run', () => {
  it('lists the parts that took time in the order of a step, with what lies between spread over the steps', () => {
    const speed = runSpeed([validation, stretch(2, 150, 100), stretch(4, 50)]);
    expect(speed?.shares.map(({ part, milliseconds, share }) => [part, milliseconds, share])).toEqual([
      ['attack', 50, 0.5],
      ['update', 25, 0.25],
      ['validation', 25, 0.25],
    ]);
    expect(speed).toMatchObject({ examplesPerSecond: 200_000 / 300, millisecondsPerStep: 75, memory: 1004 });
    expect(speed?.rates).toEqual([0.5, 1]);
  });

  it('keeps its curve small however long the run', () => {
    const speed = runSpeed(Array.from({ length: 1000 }, (_, at) => stretch(at, 50)));
    expect(speed?.rates.length).toBeLessThanOrEqual(60);
    expect(speed?.peakMemory).toBe(1999);
  });

  it('is unknown before the first second', () => {
    expect(runSpeed([validation])).toBeNull();
  });
});
