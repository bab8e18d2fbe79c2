import { describe, expect, it } from 'vitest';
import { countClasses, filterPositions, imageStatistics } from './selection.ts';
import { blockLength, neededBlocks } from './thumbnails.ts';

const labels = [0, 1, 2, 1, 0, 1];
const splits = [0, 0, 1, 2, 2, 0];

describe('filterPositions', () => {
  it('passes everything without a filter', () => {
    expect([...filterPositions(labels, splits, { classes: [], split: null })]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('joins class and split', () => {
    expect([...filterPositions(labels, splits, { classes: [1], split: null })]).toEqual([1, 3, 5]);
    expect([...filterPositions(labels, splits, { classes: [1, 0], split: 'test' })]).toEqual([3, 4]);
    expect([...filterPositions(labels, splits, { classes: [2], split: 'train' })]).toEqual([]);
  });
});

it('counts classes of a split, and the counts add up to it', () => {
  expect(countClasses(labels, splits, null, 3)).toEqual([2, 3, 1]);
  expect(countClasses(labels, splits, 'train', 3)).toEqual([1, 2, 0]);
});

it('describes an image by its pixels', () => {
  const { minimum, maximum, mean, histogram } = imageStatistics(Float32Array.of(0, 0, 0.5, 1), 4);
  expect([minimum, maximum, mean]).toEqual([0, 1, 0.375]);
  expect(histogram).toEqual([0.5, 0, 0.25, 0.25]);
});

describe('thumbnail blocks', () => {
  it('stay small for large images and large for small ones', () => {
    expect(blockLength([28, 28, 1])).toBe(256);
    expect(blockLength([224, 224, 3]) * 224 * 224 * 3).toBeLessThan(2_000_000);
    expect(blockLength([1024, 1024, 3])).toBe(4);
  });

  it('cover what is in sight, the middle first', () => {
    expect(neededBlocks(0, 255, 256)).toEqual([0]);
    expect([...neededBlocks(250, 1030, 256)].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(neededBlocks(250, 1030, 256)[0]).toBe(2);
  });
});
