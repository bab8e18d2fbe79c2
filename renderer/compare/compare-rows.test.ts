import { describe, expect, it } from 'vitest';
import type { ResultTable, RunRow } from '../../shared/domain/library.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import { compareRows, seedSummaries } from './compare-rows.ts';

function run(id: string, seed: number, clean: number | null, defenceSettings: Record<string, number> = {}): RunRow {
  return {
    id,
    name: id,
    config: trainConfig.parse({
      dataset: 'dataset-00000001',
      architecture: 'small-cnn',
      defence: 'at',
      defenceSettings,
      seed,
    }),
    state: 'done',
    colour: 0,
    result:
      clean === null
        ? null
        : { steps: 1, epochs: 1, seconds: 1, cleanAccuracy: clean, adversarialAccuracy: null, parameters: 1 },
    engine: null,
    error: null,
    checkpointStep: null,
    created: '',
    ended: null,
  };
}

const table: ResultTable = {
  dataset: 'dataset-00000001',
  models: ['run-a', 'run-b'],
  columns: [],
  cells: {},
  clean: { 'run-a': 0.9 },
  cleanExamples: { 'run-a': 500 },
  worstBasis: { norm: 'linf', epsilon: 0.25, examples: 500, split: 'test' },
  checks: {},
  worstCase: {
    'run-a': { accuracy: 0.6, low: 0.55, high: 0.65, examples: 500, epsilon: 0.25, attacks: 2, weak: null },
    'run-b': { accuracy: 0.7, low: 0.65, high: 0.75, examples: 500, epsilon: 0.25, attacks: 2, weak: null },
  },
  findings: [],
};

describe('comparing runs', () => {
  it('takes validation numbers from the run and robust ones from the table of its data set', () => {
    const [first, second] = compareRows([run('run-a', 0, 0.95), run('run-b', 1, null)], [table]);
    expect(first).toMatchObject({
      validationClean: 0.95,
      validationAdversarial: null,
      evaluatedClean: 0.9,
      evaluatedImages: 500,
      worstCase: { accuracy: 0.6, epsilon: 0.25, examples: 500 },
    });
    expect(second).toMatchObject({ validationClean: null, evaluatedClean: null, worstCase: { accuracy: 0.7 } });
  });

  it('summarises runs that differ in nothing but the seed, with the sample deviation', () => {
    const rows = compareRows(
      [run('run-a', 0, 0.9, { epsilon: 0.25, alpha: 1 }), run('run-b', 1, 0.94, { alpha: 1, epsilon: 0.25 })],
      [table],
    );
    const [summary, ...others] = seedSummaries(rows);
    expect(others).toEqual([]);
    expect(summary?.seeds).toEqual([0, 1]);
    expect(summary?.numbers.validationClean?.mean).toBeCloseTo(0.92, 12);
    expect(summary?.numbers.validationClean?.deviation).toBeCloseTo(0.04 / Math.SQRT2, 12);
    expect(summary?.numbers.worstCase?.mean).toBeCloseTo(0.65, 12);
    expect(summary?.numbers.evaluatedClean).toBeNull();
  });

  it('does not mix settings', () => {
    expect(
      seedSummaries(compareRows([run('run-a', 0, 0.9, { epsilon: 0.25 }), run('run-b', 1, 0.9, { epsilon: 0.3 })], [])),
    ).toEqual([]);
  });
});
