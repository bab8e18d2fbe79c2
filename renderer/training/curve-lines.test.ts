import { describe, expect, it } from 'vitest';
import type { TrainPoint } from '../../shared/domain/train-point.ts';
import { accuracyLines, lossLines, sparkValues, stepLines, termNames, type CurveRun } from './curve-lines.ts';

const step = (
  at: number,
  terms: Readonly<Record<string, number>>,
  adversarialAccuracy: number | null = 0.25,
): TrainPoint => ({
  type: 'step',
  step: at,
  epoch: at / 10,
  terms,
  cleanAccuracy: 0.5,
  adversarialAccuracy,
  learningRate: 0.1,
  epsilon: 0.25,
  rate: 10,
});
const validation: TrainPoint = {
  type: 'validation',
  step: 2,
  epoch: 0.2,
  cleanAccuracy: 0.9,
  adversarialAccuracy: 0.6,
  examples: 10,
};
const points = [
  step(1, { total: 3, attention: 1, 'cross-entropy': 2 }),
  step(2, { total: 2, attention: 0.5, 'cross-entropy': 1.5 }),
  validation,
];
const run = (id: string, of: readonly TrainPoint[] = points): CurveRun => ({ id, name: id, colour: 'red', points: of });

describe('loss curves', () => {
  it('draw every term of one run as a curve of its own, the total last', () => {
    expect(termNames(points)).toEqual(['attention', 'cross-entropy', 'total']);
    const lines = lossLines([run('a')], ['c0', 'c1'], 'ink');
    expect(lines.map((line) => [line.key, line.colour])).toEqual([
      ['attention', 'c0'],
      ['cross-entropy', 'c1'],
      ['total', 'ink'],
    ]);
    expect(lines[0]?.points).toEqual([
      [1, 1],
      [2, 0.5],
    ]);
  });

  it('do not draw the total over the only term', () => {
    expect(termNames([step(1, { clean: 1, total: 1 })])).toEqual(['clean']);
    expect(termNames([step(1, { total: 1 })])).toEqual(['total']);
  });

  it('draw the total of several runs in their colours', () => {
    const lines = lossLines([run('a'), run('b')], [], 'ink');
    expect(lines.map((line) => line.key)).toEqual(['a', 'b']);
    expect(lines[1]?.points[0]).toEqual([1, 3]);
  });

  it('keep the raw values behind the average of a long curve', () => {
    const long = Array.from({ length: 400 }, (_, i) => step(i, { total: i % 2 }));
    const [raw, average] = lossLines([run('a', long)], [], 'ink');
    expect(raw?.quiet).toBe(true);
    expect(raw?.points).toHaveLength(400);
    const tail = average?.points.slice(200).map(([, y]) => y) ?? [];
    expect(Math.max(...tail)).toBeLessThan(0.6);
    expect(Math.min(...tail)).toBeGreaterThan(0.4);
  });
});

describe('curves of single numbers of each step', () => {
  const measured = [0.5, 8].map((gradientNorm, at): TrainPoint => {
    const point = step(at + 1, { total: 1 });
    return point.type === 'step' ? { ...point, gradientNorm, learningRate: 0.1 / (at + 1) } : point;
  });

  it('are the norm of the gradient and the learning rate, a line for each run that has them', () => {
    const runs = [run('a', measured), run('old')];
    expect(stepLines(runs, 'gradient').map((line) => [line.key, line.points])).toEqual([
      [
        'a',
        [
          [1, 0.5],
          [2, 8],
        ],
      ],
    ]);
    expect(stepLines(runs, 'rate').map((line) => line.key)).toEqual(['a', 'old']);
  });

  it('are smoothed as chosen, the learning rate never', () => {
    const [raw, average] = stepLines([run('a', measured)], 'gradient', 0.5);
    expect(raw?.quiet).toBe(true);
    expect(average?.points[1]?.[1]).toBeCloseTo((0.5 * 0.5 * 0.5 + 0.5 * 8) / 0.75, 12);
    expect(stepLines([run('a', measured)], 'rate', 0.9)).toHaveLength(1);
    expect(lossLines([run('a')], ['c0', 'c1'], 'ink', 0)).toHaveLength(3);
  });
});

describe('accuracy curves', () => {
  it('show the averaged weights dotted, where there are any', () => {
    const averaged: TrainPoint = { ...validation, ema: { cleanAccuracy: 0.95, adversarialAccuracy: 0.7 } };
    const lines = accuracyLines([run('a', [averaged])], 'blue', 'orange');
    expect(lines.map((line) => line.key)).toEqual(['clean', 'adversarial', 'averaged-clean', 'averaged-adversarial']);
    expect(lines[3]?.points).toEqual([[2, 70]]);
  });

  it('are in per cent, and leave out the minibatch of defences without x′', () => {
    const lines = accuracyLines([run('a')], 'blue', 'orange');
    expect(lines.map((line) => line.key)).toEqual(['batch-clean', 'batch-adversarial', 'clean', 'adversarial']);
    expect(lines[2]?.points).toEqual([[2, 90]]);
    const natural = accuracyLines([run('a', [step(1, { total: 1 }, null), validation])], 'blue', 'orange');
    expect(natural.map((line) => line.key)).toEqual(['batch-clean', 'clean', 'adversarial']);
  });
});

it('makes a short picture of a long curve that ends at its last point', () => {
  const long = Array.from({ length: 1000 }, (_, i): TrainPoint => ({
    ...validation,
    step: i,
    cleanAccuracy: i / 1000,
  }));
  const { clean } = sparkValues(long);
  expect(clean.length).toBeLessThanOrEqual(42);
  expect(clean.at(-1)).toBe(0.999);
});
