import { describe, expect, it } from 'vitest';
import type { PlanRow } from '../../shared/domain/plan.ts';
import type { SweepRow } from '../../shared/domain/sweep-view.ts';
import type { RunState } from '../../shared/domain/training.ts';
import { sweepProgress } from './progress.ts';

const row = (parts: SweepRow['parts'], more: Partial<SweepRow> = {}): SweepRow => ({
  id: 'sweep-00000001',
  name: 'sweep',
  created: '',
  request: { name: 'sweep', dataset: 'dataset-00000001', evaluate: { attacks: ['pgd'] }, check: {} },
  trainings: 3,
  models: 2,
  parts,
  driven: false,
  elsewhere: false,
  stopped: null,
  failed: [],
  ...more,
});
// Only what is looked up of it.
const plans = [{ id: 'plan-1', evaluations: ['eval-1', 'eval-2'] }] as unknown as readonly PlanRow[];
const known = (states: Readonly<Record<string, RunState>>) => ({ stateOf: (id: string) => states[id] ?? null, plans });

const TRAINED: SweepRow['parts'] = [
  ['train a', 'run-a'],
  ['train b', 'run-b'],
  ['train c', 'run-c'],
];

describe('the progress of a sweep', () => {
  it('counts what was asked for, also what was not made yet', () => {
    const { stages, state, fraction } = sweepProgress(
      row(TRAINED.slice(0, 2), { driven: true }),
      known({ 'run-a': 'done', 'run-b': 'running' }),
    );
    expect(stages).toEqual([
      { name: 'trainings', total: 3, done: 1, failed: 0, jobs: ['run-a', 'run-b'] },
      { name: 'evaluations', total: null, done: 0, failed: 0, jobs: [] },
      { name: 'checks', total: 2, done: 0, failed: 0, jobs: [] },
    ]);
    expect(state).toBe('running');
    expect(fraction).toBeCloseTo(1 / 9);
  });

  it('is done when all of it is, and not before', () => {
    const done = { 'run-a': 'done', 'run-b': 'done', 'run-c': 'done', 'eval-1': 'done', 'check-1': 'done' } as const;
    const parts: SweepRow['parts'] = [...TRAINED, ['evaluate 0', 'plan-1'], ['check run-a', 'check-1']];
    expect(sweepProgress(row(parts), known(done)).state).toBe('interrupted');
    const all: SweepRow['parts'] = [...parts, ['check run-b', 'check-2']];
    expect(sweepProgress(row(all), known({ ...done, 'eval-2': 'done', 'check-2': 'done' }))).toMatchObject({
      state: 'done',
      fraction: 1,
    });
    expect(sweepProgress(row(all), known({ ...done, 'eval-2': 'failed', 'check-2': 'done' })).state).toBe('failed');
    expect(sweepProgress(row(all), known({ ...done, 'eval-2': 'cancelled' })).state).toBe('cancelled');
    expect(sweepProgress(row(all), known({ ...done, 'eval-2': 'running' })).state).toBe('running');
  });
});
