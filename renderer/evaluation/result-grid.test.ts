import { describe, expect, it } from 'vitest';
import type { Threat } from '../../shared/domain/evaluation.ts';
import type { ResultCell, ResultTable } from '../../shared/domain/library.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import { modelDetail, resultGrid } from './result-grid.ts';

function model(id: string, name: string): ModelSummary {
  return {
    id,
    name,
    origin: 'run',
    architecture: 'small-cnn',
    defence: 'at',
    dataset: 'dataset-00000001',
    inputShape: [28, 28, 1],
    classes: 10,
    parameters: 1,
    seed: 3,
    colour: 2,
    created: '',
  };
}

function cell(id: string, robustAccuracy: number, examples = 500): ResultCell {
  return {
    evaluation: 'evaluation-00000001',
    model: id,
    source: null,
    threat: 'white-box',
    attack: { name: 'pgd', settings: {} },
    settings: {},
    label: 'PGD-40',
    seed: 0,
    split: 'test',
    engine: { name: 'wasm', version: '', device: '', threads: 1, deterministic: false },
    examples,
    cleanAccuracy: 0.95,
    robustAccuracy,
    robustInterval: [robustAccuracy - 0.02, robustAccuracy + 0.02],
    carried: 0,
    counted: true,
    weak: null,
    notes: [],
  };
}

function column(
  key: string,
  label: string,
  threat: Threat,
  sources: string[],
  heading = 'PGD-40',
): ResultTable['columns'][number] {
  return { key, label, heading, threat, sources, epsilon: 0.25, families: [] };
}

const models = [model('run-00000001', 'natural'), model('run-00000002', 'AT')];
const table: ResultTable = {
  dataset: 'dataset-00000001',
  models: ['run-00000001', 'run-00000002'],
  columns: [
    column('black', 'PGD-40 from AT', 'black-box', ['run-00000002']),
    column('white', 'PGD-40', 'white-box', []),
  ],
  cells: {
    'run-00000001': { white: cell('run-00000001', 0.01), black: cell('run-00000001', 0.3, 100) },
    'run-00000002': { white: cell('run-00000002', 0.6), black: cell('run-00000002', 0.7, 500) },
  },
  clean: { 'run-00000001': 0.97 },
  cleanExamples: { 'run-00000001': 400 },
  worstBasis: { norm: 'linf', epsilon: 0.25, examples: 500, split: 'test' },
  checks: {},
  worstCase: {
    'run-00000002': {
      accuracy: 0.58,
      low: 0.54,
      high: 0.62,
      examples: 500,
      epsilon: 0.25,
      attacks: 2,
      weak: null,
    },
  },
  findings: [],
};

describe('the result grid', () => {
  it('puts white-box columns before black-box ones, whatever the order of the table', () => {
    const grid = resultGrid(table, models);
    expect(grid.columns.map((column) => column.key)).toEqual(['white', 'black']);
    expect(grid.groups).toEqual([
      { threat: 'white-box', columns: 1 },
      { threat: 'black-box', columns: 1 },
    ]);
  });

  it('marks the best of a column only where all were measured on as many examples', () => {
    const grid = resultGrid(table, models);
    expect(grid.rows.map((row) => row.cells.map((found) => found?.best))).toEqual([
      [false, false],
      [true, false],
    ]);
  });

  it('shows a gap for a number that was not measured, and keeps models that are gone', () => {
    const grid = resultGrid({ ...table, cells: { 'run-00000001': table.cells['run-00000001'] ?? {} } }, []);
    expect(grid.rows[1]?.cells).toEqual([null, null]);
    expect(grid.rows[1]?.name).toBe('run-00000002');
    expect(grid.rows[0]?.clean).toBe(0.97);
    expect(grid.rows[1]?.clean).toBeNull();
  });

  it('names the sources of a transfer column once: by themselves, not in the lines of its heading', () => {
    const gray = { ...cell('run-00000001', 0.4), threat: 'gray-box' as const, source: 'run-00000002' };
    const grid = resultGrid(
      {
        ...table,
        columns: [
          column(
            'gray',
            'PGD-40, ε 0.25 from AT, 200 images',
            'gray-box',
            ['run-00000002'],
            'PGD-40, ε 0.25, 200 images',
          ),
        ],
        cells: { 'run-00000001': { gray } },
      },
      models,
    );
    expect(grid.columns).toMatchObject([
      { key: 'gray', lines: ['PGD-40', 'ε 0.25', '200 images'], threat: 'gray-box', sources: ['run-00000002'] },
    ]);
  });

  it('describes a model by what tells it apart', () => {
    expect(modelDetail(models[1]!)).toBe('at, small-cnn, seed 3');
    expect(modelDetail({ ...models[1]!, origin: 'imported', defence: null, seed: null })).toBe('imported, small-cnn');
  });
});
