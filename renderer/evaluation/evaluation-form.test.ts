import { describe, expect, it } from 'vitest';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import { emptyEvaluationForm, evaluationRequestOf, formOf, formProblems } from './evaluation-form.ts';

const filled = { ...emptyEvaluationForm('dataset-00000001'), targets: ['run-00000001'], attack: 'pgd' };

describe('the new-evaluation form', () => {
  it('asks for a target before anything else', () => {
    expect(formProblems(emptyEvaluationForm('dataset-00000001'))).toEqual(['no-targets']);
    expect(formProblems(filled)).toEqual([]);
  });

  it('refuses a transfer attack without a source, and one whose source is a target', () => {
    const transfer = { ...filled, threat: 'transfer' as const };
    expect(formProblems(transfer)).toEqual(['no-source']);
    expect(formProblems({ ...transfer, sources: ['run-00000001'] })).toEqual(['source-is-target']);
    expect(formProblems({ ...transfer, sources: ['run-00000002'] })).toEqual([]);
  });

  it('refuses counts, seeds and batch sizes that are empty, fractional or out of range', () => {
    expect(formProblems({ ...filled, count: 0 })).toEqual(['count']);
    expect(formProblems({ ...filled, count: null })).toEqual(['count']);
    expect(formProblems({ ...filled, count: null, which: 'all' })).toEqual([]);
    expect(formProblems({ ...filled, which: 'sample', sampleSeed: 0.5 })).toEqual(['sample-seed']);
    expect(formProblems({ ...filled, seed: -1 })).toEqual(['seed']);
    expect(formProblems({ ...filled, batchSize: 5000 })).toEqual(['batch-size']);
    expect(formProblems({ ...filled, maxSeconds: 0, maxWork: 1.5 })).toEqual(['seconds', 'work']);
    expect(formProblems({ ...filled, maxSeconds: 0.5, maxWork: 1 })).toEqual([]);
  });

  it('makes a request that the contract accepts, without a source when white-box', () => {
    const request = evaluationRequest.parse(
      evaluationRequestOf({
        ...filled,
        sources: ['run-00000002'],
        which: 'all',
        settings: { epsilon: 0.25, stepSize: null },
      }),
    );
    expect(request.source).toBeNull();
    expect(request.examples).toEqual({ split: 'test', count: null, sample: false, seed: 0 });
    expect(request.attack).toEqual({ name: 'pgd', settings: { epsilon: 0.25, stepSize: null } });
    expect('name' in request).toBe(false);
  });

  it('keeps the source and the sample seed where they are used', () => {
    const request = evaluationRequestOf({
      ...filled,
      threat: 'transfer',
      sources: ['run-00000002', 'run-00000003'],
      which: 'sample',
      sampleSeed: 7,
      count: 20,
    });
    expect([request.source, request.ensemble]).toEqual(['run-00000002', ['run-00000003']]);
    expect(request.examples).toEqual({ split: 'test', count: 20, sample: true, seed: 7 });
  });

  it('takes an earlier request over as it was, but for its name', () => {
    const earlier = evaluationRequest.parse({
      ...evaluationRequestOf({
        ...filled,
        threat: 'transfer',
        sources: ['run-00000002'],
        which: 'sample',
        sampleSeed: 7,
        count: 20,
        seed: 3,
        goal: 'least-likely',
        maxSeconds: 12.5,
        maxWork: 40,
      }),
      name: 'first try',
    });
    const { name: _name, ...rest } = earlier;
    expect(evaluationRequest.parse(evaluationRequestOf(formOf(earlier)))).toEqual(rest);
  });
});
