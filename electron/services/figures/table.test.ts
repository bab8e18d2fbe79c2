import { expect, test } from 'vitest';
import type { ResultCell, ResultTable } from '../../../shared/domain/library.ts';
import type { ModelSummary } from '../../../shared/domain/model.ts';
import { escapeLatex, tableCsv, tableLatex } from './table.ts';

const model = (id: string, name: string): ModelSummary => ({
  id,
  name,
  origin: 'run',
  architecture: 'small-cnn',
  defence: 'at',
  dataset: 'dataset-00000000',
  inputShape: [28, 28, 1],
  classes: 10,
  parameters: 1,
  seed: 3,
  colour: 0,
  created: '2026-01-01T00:00:00Z',
});
const cell = (id: string, robust: number): ResultCell => ({
  evaluation: 'evaluation-00000000',
  model: id,
  source: null,
  threat: 'white-box',
  attack: { name: 'pgd', settings: { epsilon: 0.25 } },
  settings: { epsilon: 0.25, steps: 40, stepSize: 0.015625 },
  label: 'PGD-40, ε 0.25',
  seed: 0,
  split: 'test',
  engine: { name: 'wasm', version: '4.22.0', device: 'cpu', threads: 1, deterministic: false },
  examples: 500,
  cleanAccuracy: 0.95,
  robustAccuracy: robust,
  robustInterval: [robust - 0.04, robust + 0.04],
  carried: 0,
  counted: true,
  weak: null,
  notes: [],
});
const table: ResultTable = {
  dataset: 'dataset-00000000',
  models: ['run-00000000', 'run-11111111'],
  columns: [
    {
      key: 'white',
      label: 'PGD-40, ε 0.25',
      heading: 'PGD-40, ε 0.25',
      threat: 'white-box',
      sources: [],
      epsilon: 0.25,
      families: [],
    },
  ],
  cells: { 'run-00000000': { white: cell('run-00000000', 0.6) }, 'run-11111111': { white: cell('run-11111111', 0.7) } },
  clean: { 'run-00000000': 0.95, 'run-11111111': 0.94 },
  cleanExamples: {},
  worstBasis: null,
  worstCase: {},
  checks: {},
  findings: [],
};
const context = {
  models: [model('run-00000000', 'AT_1'), model('run-11111111', 'AT+ALP, "new"')],
  datasetName: 'MNIST',
  datasetHash: 'ab'.repeat(32),
};

test('the LaTeX table has booktabs rules, escaped names and the best number in bold', () => {
  const latex = tableLatex(table, context);
  expect(latex).toContain('\\toprule');
  expect(latex).toContain('images of MNIST at $\\varepsilon$ 0.25.');
  expect(latex).toContain('    AT\\_1 & 95.0 & 60.0 \\\\');
  expect(latex).toContain('& 94.0 & \\bfseries 70.0 \\\\');
  expect(latex).toContain(
    '    & & \\multicolumn{1}{c}{white-box} \\\\\n    \\cmidrule(lr){3-3}\n    Model & {Clean} & {PGD-40} \\\\',
  );
});

test('the CSV has one line for each number, with quotes where a name needs them and the data hash', () => {
  const lines = tableCsv(table, context).trim().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(
    /^model,defence,architecture,seed,threat,source,attack,settings,attack_seed,engine,split,examples,/,
  );
  expect(lines[2]).toContain('"AT+ALP, ""new"""');
  expect(lines[2]).toContain('ab'.repeat(32));
});

test('both files name every source of an ensemble, and say what is unusual about a transfer', () => {
  const note = 'The source AT_2 is defended (at); this is not the usual gray-box number.';
  const sources = ['run-22222222', 'run-33333333', 'run-00000404'];
  const column: ResultTable['columns'][number] = { ...table.columns[0]!, key: 'gray', threat: 'gray-box', sources };
  const transfer: ResultCell = {
    ...cell('run-00000000', 0.8),
    threat: 'gray-box',
    source: 'run-22222222',
    weak: 'One start: restarts may break more.',
    notes: [note],
  };
  const others = [model('run-22222222', 'AT_2'), model('run-33333333', 'AT_3')];
  const cells = { ...table.cells, 'run-00000000': { ...table.cells['run-00000000'], gray: transfer } };
  const given: Parameters<typeof tableCsv> = [
    { ...table, columns: [...table.columns, column], cells },
    { ...context, models: [...context.models, ...others] },
  ];
  const [, white, gray] = tableCsv(...given).split('\n');
  expect(white).toContain(',white-box,,');
  expect(gray).toContain(',gray-box,AT_2 + AT_3 + a deleted model,');
  expect(gray).toContain(`One start: restarts may break more. ${note}`);
  const latex = tableLatex(...given);
  expect(latex).toContain('made on AT\\_2 (small-cnn) + AT\\_3 (small-cnn) + a deleted model, judged on');
  expect(latex).toContain('The source AT\\_2 is defended (at); this is not the usual gray-box number.}');
});

test('LaTeX special characters are escaped', () => {
  expect(escapeLatex('a_b & 5% {x} ~ \\')).toBe('a\\_b \\& 5\\% \\{x\\} \\textasciitilde{} \\textbackslash{}');
});

test('both files say what the masking check found on each model, and mark one whose gradients are masked', () => {
  const created = '2026-11-22T10:00:00.000Z';
  const red = { check: 'check-00000000', verdict: 'red', depth: 'full', epsilon: 0.25, summary: '', created } as const;
  const checked: ResultTable = { ...table, checks: { 'run-00000000': red } };
  const latex = tableLatex(checked, context);
  expect(latex).toContain(
    'Gradient-masking check: AT\\_1 \\textsuperscript{\\ddag} red (full, $\\varepsilon$ 0.25, 2026-11-22); AT+ALP, "new" not checked. \\textsuperscript{\\ddag} Its gradients hide',
  );
  expect(latex).toContain('    AT\\_1 \\textsuperscript{\\ddag} & 95.0');
  expect(tableLatex(table, context)).not.toContain('ddag');
  const [, first, second] = tableCsv(checked, context).split('\n');
  expect(first).toContain('"red (full, ε 0.25, 2026-11-22)"');
  expect(second).toContain('not checked');
});
