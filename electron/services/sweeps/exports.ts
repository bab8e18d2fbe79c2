import { stringify } from 'csv-stringify/sync';
import type { SettingValue } from '../../../shared/domain/settings.ts';
import { escapeLatex } from '../figures/table.ts';
import { footnotes, RED_MARK, WEAK_MARK } from '../marks.ts';
import type { SweepCell, SweepTable, SweepTableRow } from './table.ts';

export const SWEEP_FORMATS = { csv: 'csv', latex: 'tex', markdown: 'md' } as const;

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

/** The table as texts, head first: label, a column for each number, and the masking check. */
export function tableTexts(table: SweepTable): string[][] {
  const head = table.columns.map(({ label, weak }) => (weak === null ? label : `${label} ${WEAK_MARK}`));
  return [
    ['', ...head, 'masking check'],
    ...table.rows.map((row) => [
      rowName(row),
      ...table.columns.map(({ key }) => cellText(row.cells[key])),
      checksText(row),
    ]),
  ];
}

/** What the marks in a table mean, one line each. */
export function tableNotes({ columns, rows, notes }: SweepTable): string[] {
  const red = rows.some(({ checks }) => checks.includes('red'));
  const examples = new Set(rows.flatMap(({ cells }) => Object.values(cells).map((cell) => cell.examples)));
  return [
    `Accuracy in %, mean ± standard deviation (n − 1) over trainings with different seeds${examples.size > 0 ? `, on ${[...examples].join(' or ')} images` : ''}.`,
    ...(red
      ? [`${RED_MARK} Gradients of a model hide how easily it is fooled: do not trust gradient attacks alone.`]
      : []),
    ...footnotes([], columns),
    ...notes,
  ];
}

function rowName({ label, checks }: SweepTableRow): string {
  return checks.includes('red') ? `${label} ${RED_MARK}` : label;
}

function cellText(cell: SweepCell | undefined): string {
  if (!cell) return 'not run';
  const { mean, std, seeds } = cell;
  return std === null ? percent(mean) : `${percent(mean)} ± ${percent(std)} (${seeds})`;
}

/** `2 amber, 1 red`. */
function checksText({ checks }: SweepTableRow): string {
  const verdicts = [...new Set(checks)];
  if (verdicts.length === 1) return verdicts[0] ?? '';
  return verdicts.map((one) => `${checks.filter((verdict) => verdict === one).length} ${one}`).join(', ');
}

function settingText(value: SettingValue): string {
  if (value === null) return '';
  return typeof value === 'object' ? value.join(' ') : String(value);
}

const percent = (share: number): string => (100 * share).toFixed(1);

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
      };
    }),
  );
  return stringify(lines, { header: true });
}

const latexText = (text: string): string => escapeLatex(text).replaceAll('±', '$\\pm$').replaceAll('−', '$-$');

function latexOf(table: SweepTable): string {
  const [head = [], ...body] = tableTexts(table);
  const line = (texts: readonly string[]): string => `    ${texts.map((text) => latexText(text)).join(' & ')} \\\\`;
  return [
    '% \\usepackage{booktabs}',
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${latexText([`${table.name}.`, ...tableNotes(table)].join(' '))}}`,
    `  \\begin{tabular}{l${'r'.repeat(table.columns.length)}l}`,
    '    \\toprule',
    line(head),
    '    \\midrule',
    ...body.map(line),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

function markdownOf(table: SweepTable): string {
  const [head = [], ...body] = tableTexts(table);
  const line = (texts: readonly string[]): string =>
    `| ${texts.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = head.map((_, column) => (column === 0 || column === head.length - 1 ? '---' : '---:'));
  return [line(head), line(rule), ...body.map(line), '', ...tableNotes(table).flatMap((note) => [note, ''])].join('\n');
}
