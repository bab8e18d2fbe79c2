import { stringify } from 'csv-stringify/sync';
import type { SettingValue } from '../../../shared/domain/settings.ts';
import { escapeLatex } from '../figures/table.ts';
import { durationText } from '../duration.ts';
import { footnotes, RED_MARK, WEAK_MARK } from '../marks.ts';
import type { SweepCell, SweepColumn, SweepTable, SweepTableRow } from './table.ts';

export const SWEEP_FORMATS = { csv: 'csv', latex: 'tex', markdown: 'md' } as const;

const CHECK_HEADING = 'masking check';
const TIMES = ['training', 'evaluation'] as const;

/** The grouped table as a file's text; cells that were not run say so. */
export function exportSweep(table: SweepTable, format: keyof typeof SWEEP_FORMATS): string {
  switch (format) {
    case 'csv':
      return csvOf(table);
    case 'latex':
      return latexOf(table);
    case 'markdown':
      return markdownOf(table);
  }
}

/**
 * The numbers as texts, one table for each kind of them that there is: head first, then label, a column for each number,
 * and beside accuracies the masking check and what training and evaluation took.
 */
export function tableTexts(table: SweepTable): string[][][] {
  const attention = table.columns.filter(({ kind }) => kind === 'attention');
  const accuracy = textsOf(
    table,
    table.columns.filter(({ kind }) => kind === 'accuracy'),
    percent,
  ).map((line, row) => {
    const before = table.rows[row - 1];
    if (!before) return [...line, CHECK_HEADING, ...TIMES];
    return [...line, checksText(before), ...TIMES.map((part) => timeText(before.seconds[part]))];
  });
  return [accuracy, ...(attention.length > 0 ? [textsOf(table, attention, plain)] : [])];
}

function textsOf({ rows }: SweepTable, columns: readonly SweepColumn[], number: (value: number) => string): string[][] {
  const head = columns.map(({ label, weak }) => (weak === null ? label : `${label} ${WEAK_MARK}`));
  return [
    ['', ...head],
    ...rows.map((row) => [
      rowName(row),
      ...columns.map(({ key }) => cellText(row.cells[key], row.seeds.length, number)),
    ]),
  ];
}

/** What the marks in a table mean, one line each. */
export function tableNotes({ columns, rows, notes }: SweepTable): string[] {
  const red = rows.some(({ checks }) => checks.includes('red'));
  const accuracies = columns.filter(({ kind }) => kind === 'accuracy');
  const examples = new Set(rows.flatMap(({ cells }) => accuracies.flatMap(({ key }) => cells[key]?.examples ?? [])));
  return [
    `Accuracy in %, mean ± standard deviation (n − 1) over trainings with different seeds${examples.size > 0 ? `, on ${[...examples].join(' or ')} images` : ''}.`,
    ...(red
      ? [`${RED_MARK} Gradients of a model hide how easily it is fooled: do not trust gradient attacks alone.`]
      : []),
    'Training and evaluation: time of computing over all models of a row; what several models share counts in equal shares.',
    ...footnotes([], columns),
    ...notes,
  ];
}

function rowName({ label, checks }: SweepTableRow): string {
  return checks.includes('red') ? `${label} ${RED_MARK}` : label;
}

/** `85.0 ± 5.0 (2)`: over so many seeds; a row of one seed has the number alone. */
function cellText(cell: SweepCell | undefined, asked: number, number: (value: number) => string): string {
  if (!cell) return 'not run';
  const { mean, std, seeds } = cell;
  return `${number(mean)}${std === null ? '' : ` ± ${number(std)}`}${asked > 1 ? ` (${seeds})` : ''}`;
}

/** `2 amber, 1 red`. */
function checksText({ checks }: SweepTableRow): string {
  const verdicts = [...new Set(checks)];
  if (verdicts.length === 1) return verdicts[0] ?? '';
  return verdicts.map((one) => `${checks.filter((verdict) => verdict === one).length} ${one}`).join(', ');
}

/** Of nothing that was run: a dash. */
const timeText = (seconds: number): string => (seconds > 0 ? durationText(seconds) : '–');

function settingText(value: SettingValue): string {
  if (value === null) return '';
  return typeof value === 'object' ? value.join(' ') : String(value);
}

const percent = (share: number): string => (100 * share).toFixed(1);
const plain = (value: number): string => value.toFixed(3);

function csvOf({ columns, rows }: SweepTable): string {
  const settings = [...new Set(rows.flatMap(({ varied }) => Object.keys(varied)))];
  const lines = rows.flatMap((row) =>
    columns.map(({ key, label, weak }) => {
      const cell = row.cells[key];
      return {
        row: row.label,
        ...Object.fromEntries(settings.map((setting) => [setting, settingText(row.varied[setting] ?? null)])),
        measured: label,
        mean: cell?.mean ?? '',
        std: cell?.std ?? '',
        seeds: cell?.seeds ?? 0,
        values: cell ? cell.values.join(' ') : 'not run',
        examples: cell?.examples ?? '',
        remark: weak ?? '',
        masking_check: checksText(row),
        training_seconds: row.seconds.training.toFixed(1),
        evaluation_seconds: row.seconds.evaluation.toFixed(1),
      };
    }),
  );
  return stringify(lines, { header: true });
}

const latexText = (text: string): string =>
  escapeLatex(text)
    .replaceAll('±', '$\\pm$')
    .replaceAll('−', '$-$')
    .replaceAll('′', () => "$'$");

function latexOf(table: SweepTable): string {
  const line = (texts: readonly string[]): string => `    ${texts.map((text) => latexText(text)).join(' & ')} \\\\`;
  const tables = tableTexts(table).flatMap(([head = [], ...body], which) => [
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${latexText(which === 0 ? [`${table.name}.`, ...tableNotes(table)].join(' ') : `${table.name}: where the models look.`)}}`,
    `  \\begin{tabular}{${head.map((_, column) => (isText(head, column) ? 'l' : 'r')).join('')}}`,
    '    \\toprule',
    line(head),
    '    \\midrule',
    ...body.map(line),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ]);
  return ['% \\usepackage{booktabs}', ...tables].join('\n');
}

function markdownOf(table: SweepTable): string {
  const line = (texts: readonly string[]): string =>
    `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const tables = tableTexts(table).flatMap(([head = [], ...body]) => {
    const rule = head.map((_, column) => (isText(head, column) ? '---' : '---:'));
    return [line(head), line(rule), ...body.map(line), ''];
  });
  return [...tables, ...tableNotes(table).flatMap((note) => [note, ''])].join('\n');
}

const isText = (head: readonly string[], column: number): boolean => column === 0 || head[column] === CHECK_HEADING;
