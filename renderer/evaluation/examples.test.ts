import { describe, expect, it } from 'vitest';
import { gainFor, outcomeOf, perturbation, whenBroken } from './examples.ts';

describe('the perturbation', () => {
  it('is what the attack added, with its sign', () => {
    expect([...perturbation(Float32Array.of(0.5, 0.5, 1), Float32Array.of(0.75, 0.25, 1))]).toEqual([0.25, -0.25, 0]);
  });

  it('is offered with the largest gain that an ε does not overrun', () => {
    expect(gainFor(0.25, [1, 2, 4, 8])).toBe(4);
    expect(gainFor(8 / 255, [1, 2, 4, 8, 16])).toBe(16);
    expect(gainFor(2, [1, 2])).toBe(1);
  });
});

describe('the outcome of an example', () => {
  it('tells wrong before the attack from broken by it', () => {
    expect(outcomeOf({ label: 1, cleanPrediction: 2, broken: true })).toBe('misclassified');
    expect(outcomeOf({ label: 1, cleanPrediction: 1, broken: true })).toBe('broken');
    expect(outcomeOf({ label: 1, cleanPrediction: 1, broken: false })).toBe('survived');
  });
});

describe('when an example broke', () => {
  const record = { attacked: true, carriedFrom: null, firstSuccessIteration: 7, restart: 1, queries: null };

  it('is told in iterations of a restart, or in queries', () => {
    expect(whenBroken(record)).toEqual({ key: 'firstSuccess', values: { iteration: 7, restart: 2 } });
    expect(whenBroken({ ...record, queries: 5312 })).toEqual({ key: 'firstQuery', values: { queries: '5,312' } });
    const survivor = { ...record, firstSuccessIteration: null, restart: null };
    expect(whenBroken(survivor).key).toBe('neverBroken');
    expect(whenBroken({ ...survivor, queries: 5000 }).key).toBe('neverBrokenBy');
    expect(whenBroken({ ...survivor, attacked: false, queries: 0 }).key).toBe('notAttacked');
    expect(whenBroken({ ...survivor, attacked: false, carriedFrom: 'evaluation-1' }).key).toBe('brokenEarlier');
  });
});
