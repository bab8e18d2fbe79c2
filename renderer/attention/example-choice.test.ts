import { describe, expect, it } from 'vitest';
import { firstOfEachClass, parsePositions, samplePositions } from './example-choice.ts';

describe('positions typed by a person', () => {
  it('may be numbers and ranges, each position once, in the given order', () => {
    expect(parsePositions('7, 1 3-5;4', 10)).toEqual({ positions: [7, 1, 3, 4, 5] });
    expect(parsePositions('', 10)).toEqual({ positions: [] });
  });

  it('are refused by naming the part that is wrong', () => {
    expect(parsePositions('1, x', 10)).toEqual({ wrong: 'x' });
    expect(parsePositions('1, 10', 10)).toEqual({ wrong: '10' });
    expect(parsePositions('5-2', 10)).toEqual({ wrong: '5-2' });
    expect(parsePositions('0-600', 1000)).toEqual({ wrong: '0-600' });
  });
});

describe('a seeded sample', () => {
  const candidates = Array.from({ length: 100 }, (_, index) => index * 3);

  it('is the same for a seed, differs between seeds, and repeats nothing', () => {
    const sample = samplePositions(candidates, 10, 5);
    expect(samplePositions(candidates, 10, 5)).toEqual(sample);
    expect(samplePositions(candidates, 10, 6)).not.toEqual(sample);
    expect(new Set(sample).size).toBe(10);
    expect(sample.every((position) => candidates.includes(position))).toBe(true);
  });

  it('takes all where fewer are there', () => {
    expect(samplePositions([4, 2], 10, 0)).toEqual([2, 4]);
  });
});

describe('the first of each class', () => {
  it('goes class by class and skips absent classes', () => {
    expect(firstOfEachClass([0, 1, 2, 3, 4], [1, 0, 1, 0, 1], 3, 2)).toEqual([1, 3, 0, 2]);
  });
});
