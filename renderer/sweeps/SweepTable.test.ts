import { mount } from '@vue/test-utils';
import { expect, it } from 'vitest';
import type { SweepCellView, SweepRowView, SweepTableView } from '../../shared/domain/sweep-view.ts';
import SweepTable from './SweepTable.vue';

const cell = (values: readonly number[], std: number | null): SweepCellView => ({
  mean: values.reduce((sum, value) => sum + value, 0) / values.length,
  std,
  seeds: values.length,
  values,
  models: values.map((_, seed) => `run-${seed}`),
  examples: 500,
});
const row = (label: string, cells: SweepRowView['cells'], checks: readonly string[]): SweepRowView => ({
  label,
  varied: { defence: label },
  models: ['run-0', 'run-1'],
  seeds: [0, 1, 2],
  cells,
  checks,
  seconds: { training: 90, evaluation: 30 },
});
const table: SweepTableView = {
  sweep: 'sweep-00000001',
  columns: [
    { key: 'clean', kind: 'accuracy', label: 'clean', weak: null },
    { key: 'pgd', kind: 'accuracy', label: 'PGD-40, ε 0.3 from gray-box', weak: 'One start.' },
    { key: 'iou', kind: 'attention', label: 'IoU', weak: null },
  ],
  rows: [
    row('natural', { clean: cell([0.99, 0.97], 0.0141), pgd: cell([0.02, 0], 0.0141) }, ['green', 'green']),
    row('clp', { clean: cell([0.9], null), iou: cell([0.5, 0.7], 0.1414) }, ['red', 'not checked']),
  ],
  notes: [],
};

function mounted(kind: 'accuracy' | 'attention', chosen: ReadonlySet<number> | null = null) {
  const seedOf = (model: string): string => model.slice(4);
  return mount(SweepTable, { props: { table, kind, chosen, seedOf }, attachTo: document.body });
}

it('shows mean ± std in per cent, what is weak, what was not run, verdicts and times', () => {
  const view = mounted('accuracy');
  expect(view.findAll('thead .part').map((part) => part.text())).toEqual([
    'clean',
    'PGD-40',
    'ε 0.3',
    'from gray-box †',
  ]);
  expect(view.findAll('tbody tr').map((one) => one.findAll('th, td').map((part) => part.text()))).toEqual([
    ['natural', '2 of 3', '98.0± 1.4', '1.0± 1.4', '2 green', '2.0 min'],
    ['clp', '2 of 3', '90.0', 'not run', 'rednot checked', '2.0 min'],
  ]);
  expect(view.findAll('.best').map((best) => best.text())).toEqual(['98.0']);
  view.unmount();
});

it('shows measures of attention as they are, and fades rows that are not chosen', () => {
  const view = mounted('attention', new Set([1]));
  expect(view.findAll('tbody tr').map((one) => [one.text(), one.classes('faded')])).toEqual([
    ['natural2 of 3not run', true],
    ['clp2 of 30.600± 0.141', false],
  ]);
  view.unmount();
});

it('leads from a verdict to the check of a model that has it', async () => {
  const view = mounted('accuracy');
  await view.findAll('.verdict')[1]!.trigger('click');
  expect(view.emitted('check')).toEqual([['run-0']]);
  view.unmount();
});

it('draws a long table in parts', async () => {
  const rows = Array.from({ length: 450 }, (_, at) => row(`row ${at}`, {}, []));
  const view = mount(SweepTable, {
    props: { table: { ...table, rows }, kind: 'accuracy', chosen: null, seedOf: String },
  });
  expect(view.findAll('tbody tr')).toHaveLength(200);
  await view.get('button.button').trigger('click');
  expect(view.findAll('tbody tr')).toHaveLength(400);
  view.unmount();
});
