import { describe, expect, it } from 'vitest';
import { culpritOf, diverged, heaviestTerm, trainingFailure, type Cutting } from './faults.ts';

const report = (terms: Readonly<Record<string, number>>, gradientSquares = 1) => ({
  terms,
  gradientSquares,
  cleanAccuracy: null,
  adversarialAccuracy: null,
});

describe('a step whose numbers went wrong', () => {
  it('is known by its first bad term, or by its gradient', () => {
    expect(culpritOf(report({ clean: 2.3, logits: 40, total: 42.3 }))).toBeNull();
    expect(culpritOf(report({ clean: 2.3, logits: NaN, total: NaN }))?.term).toBe('logits');
    expect(culpritOf(report({ clean: Infinity, logits: NaN, total: NaN }))?.term).toBe('clean');
    expect(culpritOf(report({ clean: 2.3, logits: 2e6, total: 2e6 }))).toEqual({ term: 'logits', value: 2e6 });
    expect(culpritOf(report({ clean: 1, total: 1 }, NaN))?.term).toBe('gradient');
    expect(culpritOf(report({ clean: 1, total: 1 }, 1e30))).toBeNull();
  });

  it('is told with step, term and the checkpoint to go on from', () => {
    const error = diverged(38, { term: 'logits', value: NaN }, 30);
    expect(error.message).toMatch(
      /^Training stopped at step 38: the loss term “logits” is not a finite number any more\./,
    );
    expect(error.message).toMatch(/The checkpoint of step 30 is kept: go on from it with a lower learning rate\.$/);
    expect(error.details).toMatchObject({ step: 38, term: 'logits', checkpoint: 30 });
    expect(diverged(1, { term: 'gradient', value: NaN }, null).message).toMatch(/There is no checkpoint before it/);
  });
});

it('a term that drowns the others is one with a weight of its own, not the plain loss that it is added to', () => {
  expect(heaviestTerm(3, { clean: 0.01, logits: 5, total: 5.01 })).toEqual({ term: 'logits', step: 3 });
  expect(heaviestTerm(3, { clean: 5, logits: 0.01, total: 5.01 })).toBeNull();
  expect(heaviestTerm(3, { clean: 0.01, adversarial: 5, total: 5.01 })).toBeNull();
  expect(heaviestTerm(3, { clean: 2, logits: 3, total: 5 })).toBeNull();
});

describe('a training without memory', () => {
  const missing = new RangeError('Array buffer allocation failed');
  const cutting: Cutting = { batchSize: 64, accumulation: 1, smallest: 1, normalised: false };
  const failed = (more: Partial<Cutting>) => trainingFailure(missing, { ...cutting, ...more });

  it('says how many micro-batches to go on with', () => {
    const error = failed({});
    expect(error).toMatchObject({ code: 'out-of-memory', retry: true, details: { accumulation: 2 } });
    expect(error.message).toMatch(
      /Go on with 2 micro-batches a step \(32 examples at once\): the update stays the same\./,
    );
    expect(failed({ batchSize: 6, accumulation: 4 }).details).toMatchObject({ accumulation: 6 });
  });

  it('says what smaller parts change with batch normalisation, and where the loss pairs images', () => {
    expect(failed({ normalised: true }).message).toMatch(
      /: batch normalisation sees each part by itself, so that from/,
    );
    expect(failed({ normalised: true }).message).not.toMatch(/stays the same/);
    expect(failed({ smallest: 2 }).message).toMatch(/: images are paired within a part only, so that from there on/);
    expect(failed({ smallest: 2, batchSize: 8, accumulation: 3 }).details).toMatchObject({ accumulation: 4 });
    expect(failed({ smallest: 2, batchSize: 8, accumulation: 4 }).message).toMatch(/as small as the loss allows/);
  });

  it('with single examples already asks for a smaller network', () => {
    expect(failed({ batchSize: 4, accumulation: 4 }).message).toMatch(/smaller architecture or smaller images/);
  });

  it('is not what other errors are', () => {
    const error = trainingFailure(new Error('disk on fire'), cutting);
    expect(error).toMatchObject({ code: 'internal' });
    expect(error.message).not.toMatch(/micro-batches/);
  });
});
