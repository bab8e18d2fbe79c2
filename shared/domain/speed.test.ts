import { expect, test } from 'vitest';
import { speedSummary, type SpeedPoint } from './speed.ts';

const none = { data: 0, attack: 0, update: 0, report: 0, validation: 0, checkpoint: 0, other: 0 };
const point = (steps: number, examples: number, time: Partial<SpeedPoint['time']>, process = 1): SpeedPoint => ({
  type: 'speed',
  step: steps,
  epoch: 0,
  steps,
  examples,
  time: { ...none, ...time },
  memory: { process, tensors: 3, tensorBytes: 12 },
});

test('a summary adds stretches up; validations and checkpoints come between steps', () => {
  const summary = speedSummary([
    point(2, 20, { attack: 300, update: 100, validation: 1000 }, 7),
    point(3, 28, { attack: 150, update: 40, other: 10, checkpoint: 50 }, 5),
  ]);
  expect(summary).toEqual({
    steps: 5,
    examples: 48,
    time: { ...none, attack: 450, update: 140, other: 10, validation: 1000, checkpoint: 50 },
    examplesPerSecond: 80,
    millisecondsPerStep: 120,
    peakMemory: 7,
  });
});

test('nothing measured gives no summary', () => {
  expect(speedSummary([])).toBeNull();
  expect(speedSummary([point(0, 0, { validation: 4 })])).toBeNull();
});
