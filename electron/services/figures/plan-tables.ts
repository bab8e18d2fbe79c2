import { stringify } from 'csv-stringify/sync';
import { epsilonLabel } from '../../../shared/domain/epsilon.ts';
import type { Norm } from '../../../shared/domain/evaluation.ts';
import type { PlanClasses, PlanComparison, PlanCurves, PlanResult } from '../../../shared/domain/plan.ts';
import { escapeLatex } from './table.ts';

/** Names for a plan's tables. */
export interface PlanNames {
  readonly plan: string;
  readonly dataset: string;
  readonly datasetHash: string;
  readonly modelName: (id: string) => string;
  /** What the gradient-masking check says of a model: `red (full, ε 0.25)`, `not run`. */
  readonly checkOf: (id: string) => string;
}

/** A table in words and numbers, from which both formats are made. */
interface Grid {
  readonly caption: string;
  /** Of the first column, then of the numbers. */
  readonly head: readonly string[];
  readonly rows: readonly { readonly name: string; readonly values: readonly string[] }[];
}

const NONE = '--';

/** Every number of a plan in long form: model × attack × ε × source × seed. */
export function planTableCsv(result: PlanResult, names: PlanNames): string {
  const lines = result.models.flatMap((model) =>
    result.columns.flatMap((column) =>
      (result.cells[model]?.[column.key]?.bySeed ?? []).map((one) => ({
        model: names.modelName(model),
        attack: column.attackLabel,
        norm: column.norm,
        epsilon: column.epsilon,
        source: column.source.map(names.modelName).join(' + '),
        attack_seed: one.seed,
        examples: result.cells[model]?.[column.key]?.examples ?? '',
        clean_accuracy: result.cells[model]?.[column.key]?.clean ?? '',
        robust_accuracy: one.robustAccuracy,
        robust_low_95: one.interval[0],
        robust_high_95: one.interval[1],
        robust_accuracy_8bit: one.accuracy8Bit ?? '',
        median_distance: one.medianDistance ?? '',
        carried: one.carried,
        remark: column.weak ?? '',
        masking_check: names.checkOf(model),
        evaluation: one.evaluation,
        dataset: names.dataset,
        dataset_sha256: names.datasetHash,
      })),
    ),
  );
  const worst = result.models.flatMap((model) =>
    (result.worst[model] ?? []).map((one) => ({
      model: names.modelName(model),
      attack: 'worst case',
      norm: one.norm,
      epsilon: one.epsilon,
      source: '',
      attack_seed: '',
      examples: one.examples,
      clean_accuracy: result.clean[model]?.accuracy ?? '',
      robust_accuracy: one.accuracy,
      robust_low_95: one.interval[0],
      robust_high_95: one.interval[1],
      robust_accuracy_8bit: '',
      median_distance: '',
      carried: '',
      remark: `${one.attacks} attacks${one.gradientFree ? '' : ', none without gradients'}`,
      masking_check: names.checkOf(model),
      evaluation: '',
      dataset: names.dataset,
      dataset_sha256: names.datasetHash,
    })),
  );
  return stringify([...lines, ...worst], { header: true });
}

/** Models down, attacks across, then the worst cases; mean ± standard deviation where there are several seeds. */
export function planTableLatex(result: PlanResult, names: PlanNames): string {
  const worstHeads = uniqueWorst(result);
  return latex({
    caption: `Accuracy in \\si{\\percent} on ${examplesOf(result)} images of ${escapeLatex(names.dataset)}, with Wilson 95\\,\\% intervals for the worst case over all attacks. ${escapeLatex(maskingChecks(result, names))}`,
    head: [
      'Model',
      'Clean',
      ...result.columns.map(({ label }) => label),
      ...worstHeads.map(({ norm, epsilon }) => `worst case, ${epsilonLabel({ norm, epsilon })}`),
    ],
    rows: result.models.map((model) => ({
      name: names.modelName(model),
      values: [
        percent(result.clean[model]?.accuracy),
        ...result.columns.map(({ key }) => {
          const { accuracy } = result.cells[model]?.[key] ?? {};
          return accuracy === undefined ? NONE : withSpread(accuracy.mean, accuracy.std);
        }),
        ...worstHeads.map(({ norm, epsilon }) => {
          const worst = result.worst[model]?.find((one) => one.norm === norm && one.epsilon === epsilon);
          return worst
            ? `${percent(worst.accuracy)} [${percent(worst.interval[0])}, ${percent(worst.interval[1])}]`
            : NONE;
        }),
      ],
    })),
  });
}

/** What the gradient-masking check says of each model. */
function maskingChecks({ models }: PlanResult, { modelName, checkOf }: PlanNames): string {
  return `Gradient-masking check: ${models.map((model) => `${modelName(model)} ${checkOf(model)}`).join(', ')}.`;
}

function uniqueWorst({ worst }: PlanResult): { readonly norm: Norm; readonly epsilon: number }[] {
  const all = Object.values(worst).flatMap((list) => list.map(({ norm, epsilon }) => ({ norm, epsilon })));
  return [...new Map(all.map((one) => [`${one.norm} ${one.epsilon}`, one])).values()];
}

function examplesOf({ clean }: PlanResult): string {
  const counts = [...new Set(Object.values(clean).map(({ examples }) => examples))];
  return counts.sort((a, b) => a - b).join(' or ');
}

/** Robust accuracy by source and target. */
export function matrixTable(
  matrix: PlanResult['matrices'][number],
  models: readonly string[],
  names: PlanNames,
  format: 'csv' | 'latex',
): string {
  const grid: Grid = {
    caption: `Accuracy in \\si{\\percent} under ${escapeLatex(matrix.label)}: adversarial examples made on the model of the row, judged on the model of the column.`,
    head: ['Source', ...models.map(names.modelName)],
    rows: matrix.rows.map(({ label, accuracy }) => ({
      name: label,
      values: models.map((model) => percent(accuracy[model])),
    })),
  };
  if (format === 'latex') return latex(grid);
  return csv(grid, (row, at) => matrix.rows[row]?.accuracy[models[at] ?? ''] ?? '');
}

/** Every pair of models with its test. */
export function comparisonTable(comparison: PlanComparison, names: PlanNames, format: 'csv' | 'latex'): string {
  if (format === 'csv') {
    return stringify(
      comparison.pairs.map(({ first, second, ...pair }) => ({
        on: comparison.label,
        first: names.modelName(first),
        second: names.modelName(second),
        examples: pair.examples,
        accuracy_first: pair.accuracyFirst,
        accuracy_second: pair.accuracySecond,
        only_first: pair.onlyFirst,
        only_second: pair.onlySecond,
        p_mcnemar: pair.p,
        p_holm: pair.holm,
        smallest_difference_80: pair.smallestDifference ?? '',
      })),
      { header: true },
    );
  }
  return latex({
    caption: `Paired comparison on the same images (${escapeLatex(comparison.label)}): exact two-sided McNemar test, corrected after Holm over the table; the smallest difference that these images show with a power of 80\\,\\%.`,
    head: ['Pair', 'First', 'Second', 'Only first', 'Only second', 'p', 'p (Holm)', 'Smallest difference'],
    rows: comparison.pairs.map((pair) => ({
      name: `${names.modelName(pair.first)} / ${names.modelName(pair.second)}`,
      values: [
        percent(pair.accuracyFirst),
        percent(pair.accuracySecond),
        String(pair.onlyFirst),
        String(pair.onlySecond),
        chance(pair.p),
        chance(pair.holm),
        percent(pair.smallestDifference ?? undefined),
      ],
    })),
  });
}

/** Every point of every curve. */
export function curvesCsv(curves: PlanCurves, names: PlanNames): string {
  const lines = Object.entries(curves).flatMap(([over, list]) =>
    list.flatMap((curve) =>
      curve.x.map((x, at) => ({
        over,
        model: names.modelName(curve.model),
        attack: curve.label,
        norm: curve.norm,
        x,
        accuracy: curve.accuracy[at] ?? '',
        low_95: curve.low[at] ?? '',
        high_95: curve.high[at] ?? '',
        examples: curve.examples,
      })),
    ),
  );
  return stringify(lines, { header: true });
}

/** Robustness class by class. */
export function classesTable({ classes, perClass }: PlanClasses, format: 'csv' | 'latex'): string {
  if (format === 'csv') {
    return stringify(
      perClass.map(({ examples, clean, robust, low, high }, at) => ({
        class: classes[at] ?? at,
        examples,
        clean_accuracy: clean,
        robust_accuracy: robust,
        robust_low_95: low,
        robust_high_95: high,
      })),
      { header: true },
    );
  }
  return latex({
    caption: 'Accuracy in \\si{\\percent} by class, with Wilson 95\\,\\% intervals.',
    head: ['Class', 'Images', 'Clean', 'Robust', '95 % interval'],
    rows: perClass.map(({ examples, clean, robust, low, high }, at) => ({
      name: classes[at] ?? String(at),
      values: [String(examples), percent(clean), percent(robust), `[${percent(low)}, ${percent(high)}]`],
    })),
  });
}

/** Counts of predictions by label, before and after the attack. */
export function confusionTable({ classes, before, after }: PlanClasses, format: 'csv' | 'latex'): string {
  const head = [...classes, 'not finite'];
  if (format === 'csv') {
    const lines = (['before', 'after'] as const).flatMap((when) =>
      (when === 'before' ? before : after).map((row, label) => ({
        when,
        label: classes[label] ?? label,
        ...Object.fromEntries(row.map((count, prediction) => [`predicted ${head[prediction] ?? prediction}`, count])),
      })),
    );
    return stringify(lines, { header: true });
  }
  return latex({
    caption: 'Predictions by label after the attack (before it in brackets).',
    head: ['Label', ...head],
    rows: classes.map((name, label) => ({
      name,
      values: head.map((_, prediction) => `${after[label]?.[prediction] ?? 0} (${before[label]?.[prediction] ?? 0})`),
    })),
  });
}

function percent(share: number | undefined): string {
  return share === undefined ? NONE : (100 * share).toFixed(1);
}

function withSpread(mean: number, std: number | null): string {
  return std === null ? percent(mean) : `${percent(mean)} ± ${percent(std)}`;
}

function chance(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

function csv({ head, rows }: Grid, value: (row: number, column: number) => number | string): string {
  const [first = '', ...others] = head;
  return stringify(
    rows.map(({ name }, row) => [name, ...others.map((_, column) => value(row, column))]),
    { header: true, columns: [first, ...others] },
  );
}

function latex({ caption, head, rows }: Grid): string {
  const line = (cells: readonly string[]): string => `    ${cells.map(latexCell).join(' & ')} \\\\`;
  return [
    '% \\usepackage{booktabs,siunitx}',
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${caption}}`,
    `  \\begin{tabular}{l${'r'.repeat(head.length - 1)}}`,
    '    \\toprule',
    line(head),
    '    \\midrule',
    ...rows.map(({ name, values }) => line([name, ...values])),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

function latexCell(text: string): string {
  return escapeLatex(text).replaceAll('±', '$\\pm$').replace(/^< /, '$<$ ');
}
