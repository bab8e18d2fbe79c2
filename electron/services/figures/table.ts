import { stringify } from 'csv-stringify/sync';
import type { ResultCell, ResultTable } from '../../../shared/domain/library.ts';
import type { ModelSummary } from '../../../shared/domain/model.ts';

/** Everything that a table file names besides the numbers. */
export interface TableContext {
  readonly models: readonly ModelSummary[];
  readonly datasetName: string;
  readonly datasetHash: string;
}

/** The result table in long form: one line for each number, with all that it rests on. */
export function tableCsv(table: ResultTable, context: TableContext): string {
  const lines = table.models.flatMap((id) => {
    const model = context.models.find((candidate) => candidate.id === id);
    return table.columns.flatMap((column) => {
      const cell = table.cells[id]?.[column.key];
      return cell ? [cellRecord(cell, model, context)] : [];
    });
  });
  return stringify(lines, { header: true });
}

function cellRecord(
  cell: ResultCell,
  model: ModelSummary | undefined,
  context: TableContext,
): Record<string, string | number> {
  return {
    model: model?.name ?? cell.model,
    defence: model?.defence ?? '',
    architecture: model?.architecture ?? '',
    seed: model?.seed ?? '',
    threat: cell.threat,
    source: context.models.find(({ id }) => id === cell.source)?.name ?? '',
    attack: cell.label,
    settings: JSON.stringify(cell.attack.settings),
    examples: cell.examples,
    clean_accuracy: cell.cleanAccuracy,
    robust_accuracy: cell.robustAccuracy,
    robust_low_95: cell.robustInterval[0],
    robust_high_95: cell.robustInterval[1],
    remark: cell.weak ?? '',
    evaluation: cell.evaluation,
    dataset: context.datasetName,
    dataset_sha256: context.datasetHash,
  };
}

/**
 * The result table for LaTeX with booktabs and siunitx: models down, attacks across, per cent with one decimal, the
 * best of each attack in bold where more than one model has it.
 */
export function tableLatex(table: ResultTable, context: TableContext): string {
  const columns = table.columns;
  const percent = (share: number): string => (100 * share).toFixed(1);
  const best = new Map(
    columns.map(({ key }) => {
      const values = table.models.flatMap((id) => table.cells[id]?.[key]?.robustAccuracy ?? []);
      return [key, values.length > 1 ? Math.max(...values) : null];
    }),
  );
  const body = table.models.map((id) => {
    const model = context.models.find((candidate) => candidate.id === id);
    const clean = table.clean[id];
    const cells = columns.map(({ key }) => {
      const cell = table.cells[id]?.[key];
      if (!cell) return '{--}';
      const text = percent(cell.robustAccuracy);
      return cell.robustAccuracy === best.get(key) ? `\\bfseries ${text}` : text;
    });
    return `    ${[escapeLatex(model?.name ?? id), clean === undefined ? '{--}' : percent(clean), ...cells].join(' & ')} \\\\`;
  });
  const counts = [
    ...new Set(table.models.flatMap((id) => Object.values(table.cells[id] ?? {}).map((cell) => cell.examples))),
  ];
  const caption = `Accuracy in \\si{\\percent} on ${counts.sort((a, b) => a - b).join(' or ')} test images of ${escapeLatex(context.datasetName)}. An example counts as robust only if no iterate of any restart is misclassified.`;
  return [
    '% \\usepackage{booktabs,siunitx}',
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${caption}}`,
    '  \\label{tab:robust-accuracy}',
    `  \\begin{tabular}{l*{${columns.length + 1}}{S[table-format=3.1, detect-weight]}}`,
    '    \\toprule',
    `    Model & {Clean} & ${columns.map(({ label, threat }) => `{${escapeLatex(`${threat}, ${label}`)}}`).join(' & ')} \\\\`,
    '    \\midrule',
    ...body,
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

const LATEX_SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '×': '$\\times$',
  ε: '$\\varepsilon$',
  α: '$\\alpha$',
  β: '$\\beta$',
  '∞': '$\\infty$',
};

/** Text with LaTeX's special characters and the symbols of our labels made safe. */
export function escapeLatex(text: string): string {
  return text.replace(/[\\~^×εαβ∞&%$#_{}]/g, (character) => LATEX_SPECIAL[character] ?? `\\${character}`);
}
