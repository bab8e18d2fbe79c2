import { stringify } from 'csv-stringify/sync';
import type { CheckState } from '../../../shared/domain/check.ts';
import { THREATS } from '../../../shared/domain/evaluation.ts';
import type { ResultCell, ResultTable } from '../../../shared/domain/library.ts';
import type { ModelSummary } from '../../../shared/domain/model.ts';
import { checkText } from '../check-text.ts';
import { footnotes, markedName, type MarkedModel } from '../marks.ts';

/** Everything that a table file names besides the numbers. */
export interface TableContext {
  readonly models: readonly ModelSummary[];
  readonly datasetName: string;
  readonly datasetHash: string;
}

type Column = ResultTable['columns'][number];

const DELETED = 'a deleted model';

/** The result table in long form: one line for each number, with all that it rests on. */
export function tableCsv(table: ResultTable, context: TableContext): string {
  const lines = table.models.flatMap((id) => {
    const model = context.models.find((candidate) => candidate.id === id);
    return table.columns.flatMap((column) => {
      const cell = table.cells[id]?.[column.key];
      return cell ? [cellRecord(cell, column, model, context, table.checks[id])] : [];
    });
  });
  return stringify(lines, { header: true });
}

function cellRecord(
  cell: ResultCell,
  { sources }: Column,
  model: ModelSummary | undefined,
  context: TableContext,
  check: CheckState | undefined,
): Record<string, string | number> {
  return {
    model: model?.name ?? cell.model,
    defence: model?.defence ?? '',
    architecture: model?.architecture ?? '',
    seed: model?.seed ?? '',
    threat: cell.threat,
    source: sources.map((source) => modelOf(source, context)?.name ?? DELETED).join(' + '),
    attack: cell.label,
    settings: JSON.stringify(cell.settings),
    attack_seed: cell.seed,
    engine: `${cell.engine.name}, ${cell.engine.version}`,
    split: cell.split,
    examples: cell.examples,
    clean_accuracy: cell.cleanAccuracy,
    robust_accuracy: cell.robustAccuracy,
    robust_low_95: cell.robustInterval[0],
    robust_high_95: cell.robustInterval[1],
    remark: [...(cell.weak === null ? [] : [cell.weak]), ...cell.notes].join(' '),
    masking_check: checkText(check ?? null),
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
  const columns = THREATS.flatMap((threat) => table.columns.filter((column) => column.threat === threat));
  const percent = (share: number): string => (100 * share).toFixed(1);
  const best = new Map(columns.map(({ key }) => [key, bestOf(table, key)]));
  const marked = (id: string): MarkedModel => ({
    name: modelOf(id, context)?.name ?? id,
    check: table.checks[id] ?? null,
  });
  const body = table.models.map((id) => {
    const clean = table.clean[id];
    const numbers = columns.map(({ key }) => {
      const cell = table.cells[id]?.[key];
      if (!cell) return '{--}';
      const text = percent(cell.robustAccuracy);
      const mark = cell.weak === null ? '' : '\\rlap{\\textsuperscript{\\dag}}';
      return `${cell.robustAccuracy === best.get(key) ? '\\bfseries ' : ''}${text}${mark}`;
    });
    return `    ${[escapeLatex(markedName(marked(id))), clean === undefined ? '{--}' : percent(clean), ...numbers].join(' & ')} \\\\`;
  });
  const cells = table.models.flatMap((id) => Object.values(table.cells[id] ?? {}));
  const counts = [...new Set(cells.map((cell) => cell.examples))].sort((a, b) => a - b);
  const splits = [...new Set(cells.map((cell) => cell.split))];
  const sources = sourcesOf(columns, context);
  const epsilons = new Set(columns.map(({ label }) => /, (ε [\d.]+)/.exec(label)?.[1]));
  const [epsilon] = epsilons.size === 1 ? epsilons : [];
  const head = (label: string): string =>
    escapeLatex(epsilon === undefined ? withoutSource(label) : withoutSource(label).replace(`, ${epsilon}`, ''));
  const caption = [
    `Accuracy in \\si{\\percent} on ${counts.join(' or ')} ${splits.join(' and ')} images of ${escapeLatex(context.datasetName)}${epsilon === undefined ? '' : ` at ${escapeLatex(epsilon)}`}.`,
    'White-box: an example is robust only if no iterate of any restart is misclassified.',
    escapeLatex(footnotes(table.models.map(marked), cells).join(' ')),
    ...(sources === ''
      ? []
      : [`Transfer: adversarial examples made on ${escapeLatex(sources)}, judged on the last iterate.`]),
    ...new Set(cells.flatMap(({ notes }) => notes.map(escapeLatex))),
  ].join(' ');
  const groups = THREATS.map((threat) => ({
    threat,
    columns: columns.filter((column) => column.threat === threat),
  })).filter((group) => group.columns.length > 0);
  let next = 3;
  const rules = groups.map(({ columns: { length } }) => {
    const rule = `\\cmidrule(lr){${next}-${next + length - 1}}`;
    next += length;
    return rule;
  });
  return [
    '% \\usepackage{booktabs,siunitx}',
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${caption}}`,
    '  \\label{tab:robust-accuracy}',
    `  \\begin{tabular}{l*{${columns.length + 1}}{S[table-format=3.1, detect-weight]}}`,
    '    \\toprule',
    `    & & ${groups.map((group) => `\\multicolumn{${group.columns.length}}{c}{${group.threat}}`).join(' & ')} \\\\`,
    `    ${rules.join(' ')}`,
    `    Model & {Clean} & ${groups.flatMap((group) => group.columns.map(({ label }) => `{${head(label)}}`)).join(' & ')} \\\\`,
    '    \\midrule',
    ...body,
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

/** The highest number of a column, where several models have one on equally many examples; else null. */
function bestOf(table: ResultTable, key: string): number | null {
  const cells = table.models.flatMap((id) => table.cells[id]?.[key] ?? []);
  const comparable = cells.length > 1 && new Set(cells.map(({ examples }) => examples)).size === 1;
  return comparable ? Math.max(...cells.map(({ robustAccuracy }) => robustAccuracy)) : null;
}

function modelOf(id: string, { models }: TableContext): ModelSummary | undefined {
  return models.find((model) => model.id === id);
}

/** The models that transfer attacks came from, as a list in words; several that one came from are joined by a plus. */
function sourcesOf(columns: readonly Column[], context: TableContext): string {
  const each = columns
    .filter(({ sources }) => sources.length > 0)
    .map(({ sources }) =>
      sources
        .map((id) => modelOf(id, context))
        .map((model) => (model ? `${model.name} (${model.architecture})` : DELETED))
        .join(' + '),
    );
  return [...new Set(each)].join(' and ');
}

/** A column's label without the source, which the caption names. */
function withoutSource(label: string): string {
  return label.replace(/ from .*?(?=, \d+ images$|$)/, '');
}

const LATEX_SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '×': '$\\times$',
  '†': '\\textsuperscript{\\dag}',
  '‡': '\\textsuperscript{\\ddag}',
  ε: '$\\varepsilon$',
  α: '$\\alpha$',
  β: '$\\beta$',
  '∞': '$\\infty$',
};

/** Text with LaTeX's special characters and the symbols of our labels made safe. */
export function escapeLatex(text: string): string {
  return text.replace(/[\\~^×†‡εαβ∞&%$#_{}]/g, (character) => LATEX_SPECIAL[character] ?? `\\${character}`);
}
