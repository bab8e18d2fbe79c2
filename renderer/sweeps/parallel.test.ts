import { describe, expect, it } from 'vitest';
import type { SweepTableView } from '../../shared/domain/sweep-view.ts';
import { brushedRows, colourSlots, parallelAxes, usualColumns } from './parallel.ts';

const cell = (mean: number) => ({ mean, std: null, seeds: 1, values: [mean], models: ['run-1'], examples: 100 });
const table: SweepTableView = {
  sweep: 'sweep-00000001',
  columns: [
    { key: 'pgd', kind: 'accuracy', label: 'PGD-40', weak: null },
    { key: 'clean', kind: 'accuracy', label: 'clean', weak: null },
    { key: 'worst case, ε 0.3', kind: 'accuracy', label: 'worst case, ε 0.3', weak: null },
    { key: 'iou', kind: 'attention', label: 'IoU', weak: null },
  ],
  rows: [
    row('natural', { defence: 'natural' }, { clean: cell(0.99), pgd: cell(0.01), iou: cell(0.4) }),
    row('at-alp', { defence: 'at-alp', alpha: 0.5 }, { clean: cell(0.97), pgd: cell(0.9), iou: cell(0.7) }),
    row('at-alp, 1', { defence: 'at-alp', alpha: 1 }, { clean: cell(0.96) }),
  ],
  notes: [],
};

function row(label: string, varied: SweepTableView['rows'][0]['varied'], cells: SweepTableView['rows'][0]['cells']) {
  return { label, varied, cells, models: [], seeds: [0], checks: [], seconds: { training: 0, evaluation: 0 } };
}

describe('parallel coordinates of a sweep', () => {
  const axes = parallelAxes(table, ['clean', 'pgd', 'iou'], (key) => key.toUpperCase());

  it('have an axis for each setting that varies and each chosen column, with a place for every row', () => {
    expect(axes.map(({ name, categories, values }) => [name, categories, values])).toEqual([
      ['DEFENCE', ['natural', 'at-alp'], [0, 1, 1]],
      ['ALPHA', null, [null, 0.5, 1]],
      ['PGD-40', null, [1, 90, null]],
      ['clean', null, [99, 97, 96]],
      ['IoU', null, [0.4, 0.7, null]],
    ]);
  });

  it('show clean accuracy and worst cases first', () => {
    expect(usualColumns(table)).toEqual(['clean', 'worst case, ε 0.3', 'pgd']);
  });

  it('choose the rows that are inside a range of every brushed axis; a row without a value is outside', () => {
    expect(brushedRows(axes, {})).toBeNull();
    expect(brushedRows(axes, { 'setting alpha': [] })).toBeNull();
    expect(brushedRows(axes, { 'setting alpha': [[0, 0.6]] })).toEqual(new Set([1]));
    expect(brushedRows(axes, { 'setting defence': [[0.5, 1.4]], 'column clean': [[90, 96.5]] })).toEqual(new Set([2]));
    const two = {
      'column clean': [
        [98, 100],
        [95, 96],
      ],
    } as const;
    expect(brushedRows(axes, two)).toEqual(new Set([0, 2]));
  });

  it('give rows of one defence one colour', () => {
    expect(colourSlots(axes)).toEqual([0, 1, 1]);
    expect(colourSlots(parallelAxes({ ...table, rows: [] }, [], String))).toEqual([]);
  });
});
