import { expect, test } from 'vitest';
import { estimateLines, networkParts, reportLines } from './texts.ts';

test('an estimate says what it is from', () => {
  const base = { passes: 13, memory: 1.2e9, measured: 'AT seed 0', rate: 3.456 };
  expect(estimateLines({ ...base, seconds: 0.1234, basis: 'same' })).toEqual([
    'A step takes about 120 ms and 1.2 GB of memory.',
    'As measured in AT seed 0, a run of this architecture.',
  ]);
  expect(estimateLines({ ...base, seconds: 90, basis: 'other' })[1]).toBe(
    'From its multiply-adds, at the 3.5 G/s of the run AT seed 0.',
  );
  expect(estimateLines({ ...base, seconds: null, basis: 'unknown', measured: null, rate: null })).toEqual([
    'A step takes about 1.2 GB of memory. No speed is known yet: test an engine, or train for a moment.',
  ]);
});

test('a report names what is new and what is not used, and counts the rest', () => {
  const fresh = ['a', 'b', 'c', 'd', 'e', 'f'];
  expect(reportLines({ source: 'x.npz', taken: ['g', 'h'], fresh, unused: ['i'], newHead: true })).toEqual([
    '2 arrays taken from x.npz.',
    'The last layer is new.',
    'New: a, b, c, d and 2 more.',
    'Not used: i.',
  ]);
});

test('a run says what its network is beyond its name', () => {
  expect(networkParts({})).toEqual([]);
  expect(
    networkParts({
      architectureSettings: { width: 0.5, denoise: ['layer2', 'layer3'] },
      initial: { from: 'file', path: 'x.npz' },
      freeze: ['stem'],
    }),
  ).toEqual(['width 0.5', 'denoise layer2 layer3', 'from given weights', 'stem as they were']);
});
