import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SplitItem } from './splits.ts';
import { assignSplits, countSplits } from './splits.ts';

const items = (counts: readonly number[], split: SplitItem['split'] = null): SplitItem[] =>
  counts.flatMap((count, label) => Array.from({ length: count }, () => ({ label, split })));

test('held-out parts are stratified and have exactly their share', () => {
  const all = items([100, 50, 30]);
  const splits = assignSplits(all, { seed: 1, validationShare: 0.1, testShare: 0.2 });
  expect(countSplits(splits)).toEqual({ train: 126, validation: 18, test: 36 });
  const test = (label: number) => all.filter((item, i) => item.label === label && splits[i] === 2).length;
  expect([test(0), test(1), test(2)]).toEqual([20, 10, 6]);
});

test('splits that the source gives are kept: 500 of 6,000 for validation, the test part untouched', () => {
  const all = [...items([3000, 3000], 'train'), ...items([500, 500], 'test')];
  const splits = assignSplits(all, { seed: 0, validationShare: 500 / 6000, testShare: 0.2 });
  expect(countSplits(splits)).toEqual({ train: 5500, validation: 500, test: 1000 });
  expect(splits.subarray(6000).every((split) => split === 2)).toBe(true);
});

test('the seed decides, and nothing else', () => {
  const options = { seed: 3, validationShare: 0.2, testShare: 0.2 };
  const all = items([40, 40]);
  expect(assignSplits(all, options)).toEqual(assignSplits(all, options));
  expect(assignSplits(all, options)).not.toEqual(assignSplits(all, { ...options, seed: 4 }));
});

test('every class keeps an image to train on, whatever the shares', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 6 }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      (counts, validationShare, testShare) => {
        const all = items(counts);
        const splits = assignSplits(all, { seed: 0, validationShare, testShare });
        return counts.every((_, label) => all.some((item, i) => item.label === label && splits[i] === 0));
      },
    ),
  );
});
