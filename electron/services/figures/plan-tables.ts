import { stringify } from 'csv-stringify/sync';
import { epsilonLabel } from '../../../shared/domain/epsilon.ts';
import type { Norm } from '../../../shared/domain/evaluation.ts';
import type { PlanClasses, PlanComparison, PlanCurves, PlanResult } from '../../../shared/domain/plan.ts';
import { checkText } from '../check-text.ts';
import { footnotes, markedLabel, markedName, type MarkedAttack, type MarkedModel } from '../marks.ts';
import { attacksBehind, sourceNotesOf, weaknessBehind } from './plan-marks.ts';
import { escapeLatex } from './table.ts';

/** Names for a plan's tables. */
export interface PlanNames {
  readonly plan: string;
  readonly dataset: string;
  readonly datasetHash: string;
  readonly modelOf: (id: string) => MarkedModel;
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
        model: names.modelOf(model).name,
        attack: column.attackLabel,
        norm: column.norm,
        epsilon: column.epsilon,
        source: column.source.map((id) => names.modelOf(id).name).join(' + '),
        attack_seed: one.seed,
        examples: result.cells[model]?.[column.key]?.examples ?? '',
        clean_accuracy: result.cells[model]?.[column.key]?.clean ?? '',
        robust_accuracy: one.robustAccuracy,
        robust_low_95: one.interval[0],
        robust_high_95: one.interval[1],
        robust_accuracy_8bit: one.accuracy8Bit ?? '',
        median_distance: one.medianDistance ?? '',
        carried: one.carried,
        remark: [column.weak ?? [], result.cells[model]?.[column.key]?.notes ?? []].flat().join(' '),
        masking_check: checkText(names.modelOf(model).check),
        evaluation: one.evaluation,
        dataset: names.dataset,
        dataset_sha256: names.datasetHash,
      })),
    ),
  );
  const worst = result.models.flatMap((model) =>
    (result.worst[model] ?? []).map((one) => ({
      model: names.modelOf(model).name,
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
      remark: `${one.attacks} attacks${one.weak === null ? '' : `. ${one.weak}`}`,
      masking_check: checkText(names.modelOf(model).check),
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
    caption: `Accuracy in \\si{\\percent} on ${examplesOf(result)} images of ${escapeLatex(names.dataset)}, with Wilson 95\\,\\% intervals for the worst case over all attacks. ${latexNotes(result.models, shownAttacks(result), names)}${captionNotes(result)}`,
    head: [
      'Model',
      'Clean',
      ...result.columns.map(markedLabel),
      ...worstHeads.map(({ norm, epsilon }) => `worst case, ${epsilonLabel({ norm, epsilon })}`),
    ],
    rows: result.models.map((model) => ({
      name: markedName(names.modelOf(model)),
      values: [
        percent(result.clean[model]?.accuracy),
        ...result.columns.map(({ key, weak }) => {
          const { accuracy } = result.cells[model]?.[key] ?? {};
          return accuracy === undefined ? NONE : markedLabel({ label: withSpread(accuracy.mean, accuracy.std), weak });
        }),
        ...worstHeads.map(({ norm, epsilon }) => {
          const worst = result.worst[model]?.find((one) => one.norm === norm && one.epsilon === epsilon);
          if (!worst) return NONE;
          const label = `${percent(worst.accuracy)} [${percent(worst.interval[0])}, ${percent(worst.interval[1])}]`;
          return markedLabel({ label, weak: worst.weak });
        }),
      ],
    })),
  });
}

/** The footnotes of a table as the end of its caption. */
function latexNotes(
  models: readonly string[],
  attacks: readonly MarkedAttack[],
  { modelOf }: Pick<PlanNames, 'modelOf'>,
): string {
  return escapeLatex(footnotes(models.map(modelOf), attacks).join(' '));
}

/** What is unusual about sources, behind all else in a caption. */
function captionNotes(result: PlanResult): string {
  return sourceNotesOf(result)
    .map((note) => ` ${escapeLatex(note)}`)
    .join('');
}

function shownAttacks(result: PlanResult): readonly MarkedAttack[] {
  return [...result.columns, ...attacksBehind(result, null, result.models)];
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
  result: PlanResult,
  matrix: PlanResult['matrices'][number],
  names: PlanNames,
  format: 'csv' | 'latex',
): string {
  const { models, columns } = result;
  const { label: attack } = matrix;
  const weak = columns.find(({ attackKey }) => attackKey === matrix.attackKey)?.weak ?? null;
  if (format === 'csv') {
    // In long form: a cell of its own for the check of each model.
    return stringify(
      matrix.rows.flatMap(({ source, label, accuracy }) =>
        models.map((model) => ({
          attack,
          source: source.length === 0 ? label : source.map((id) => names.modelOf(id).name).join(' + '),
          model: names.modelOf(model).name,
          robust_accuracy: accuracy[model] ?? '',
          remark: weak ?? '',
          masking_check: checkText(names.modelOf(model).check),
        })),
      ),
      { header: true },
    );
  }
  return latex({
    caption: `Accuracy in \\si{\\percent} under ${escapeLatex(attack)}: adversarial examples made on the model of the row, judged on the model of the column. ${latexNotes(models, [{ label: attack, weak }], names)}${captionNotes(result)}`,
    head: ['Source', ...models.map((model) => markedName(names.modelOf(model)))],
    rows: matrix.rows.map(({ label, accuracy }) => ({
      name: label,
      values: models.map((model) => {
        const share = accuracy[model];
        return share === undefined ? NONE : markedLabel({ label: percent(share), weak });
      }),
    })),
  });
}

/** Every pair of models with its test. */
export function comparisonTable(
  result: PlanResult,
  column: string | null,
  comparison: PlanComparison,
  names: PlanNames,
  format: 'csv' | 'latex',
): string {
  const models = [...new Set(comparison.pairs.flatMap(({ first, second }) => [first, second]))];
  const weakOf = (model: string): string | null => weaknessBehind(result, column, [model]);
  if (format === 'csv') {
    return stringify(
      comparison.pairs.map(({ first, second, ...pair }) => ({
        on: comparison.label,
        first: names.modelOf(first).name,
        second: names.modelOf(second).name,
        examples: pair.examples,
        accuracy_first: pair.accuracyFirst,
        accuracy_second: pair.accuracySecond,
        only_first: pair.onlyFirst,
        only_second: pair.onlySecond,
        p_mcnemar: pair.p,
        p_holm: pair.holm,
        smallest_difference_80: pair.smallestDifference ?? '',
        remark: weakOf(first) ?? weakOf(second) ?? '',
        masking_check_first: checkText(names.modelOf(first).check),
        masking_check_second: checkText(names.modelOf(second).check),
      })),
      { header: true },
    );
  }
  return latex({
    caption: `Paired comparison on the same images (${escapeLatex(comparison.label)}): exact two-sided McNemar test, corrected after Holm over the table; the smallest difference that these images show with a power of 80\\,\\%. ${latexNotes(models, attacksBehind(result, column, models), names)}`,
    head: ['Pair', 'First', 'Second', 'Only first', 'Only second', 'p', 'p (Holm)', 'Smallest difference'],
    rows: comparison.pairs.map((pair) => ({
      name: `${markedName(names.modelOf(pair.first))} / ${markedName(names.modelOf(pair.second))}`,
      values: [
        markedLabel({ label: percent(pair.accuracyFirst), weak: weakOf(pair.first) }),
        markedLabel({ label: percent(pair.accuracySecond), weak: weakOf(pair.second) }),
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
export function curvesCsv(result: PlanResult, curves: PlanCurves, names: PlanNames): string {
  const lines = Object.entries(curves).flatMap(([over, list]) =>
    list.flatMap((curve) =>
      curve.x.map((x, at) => ({
        over,
        model: names.modelOf(curve.model).name,
        attack: curve.label,
        norm: curve.norm,
        x,
        accuracy: curve.accuracy[at] ?? '',
        low_95: curve.low[at] ?? '',
        high_95: curve.high[at] ?? '',
        seeds: curve.seeds,
        lowest: curve.lowest[at] ?? '',
        highest: curve.highest[at] ?? '',
        examples: curve.examples,
        remark: weaknessBehind(result, curve.column, [curve.model]) ?? '',
        masking_check: checkText(names.modelOf(curve.model).check),
      })),
    ),
  );
  return stringify(lines, { header: true });
}

/** Robustness class by class. */
export function classesTable({ classes, perClass }: PlanClasses, shown: ShownModel, format: 'csv' | 'latex'): string {
  const { model, attacks } = shown;
  if (format === 'csv') {
    return stringify(
      perClass.map(({ examples, clean, robust, low, high }, at) => ({
        class: classes[at] ?? at,
        examples,
        clean_accuracy: clean,
        robust_accuracy: robust,
        robust_low_95: low,
        robust_high_95: high,
        ...standing(shown),
      })),
      { header: true },
    );
  }
  return latex({
    caption: `Accuracy of ${escapeLatex(markedName(model))} in \\si{\\percent} by class, with Wilson 95\\,\\% intervals. ${escapeLatex(footnotes([model], attacks).join(' '))}`,
    head: ['Class', 'Images', 'Clean', 'Robust', '95 % interval'],
    rows: perClass.map(({ examples, clean, robust, low, high }, at) => ({
      name: classes[at] ?? String(at),
      values: [
        String(examples),
        percent(clean),
        markedLabel({ label: percent(robust), weak: weakest(attacks) }),
        `[${percent(low)}, ${percent(high)}]`,
      ],
    })),
  });
}

/** Counts of predictions by label, before and after the attack. */
export function confusionTable(
  { classes, before, after }: PlanClasses,
  shown: ShownModel,
  format: 'csv' | 'latex',
): string {
  const { model, attacks } = shown;
  const head = [...classes, 'not finite'];
  if (format === 'csv') {
    const lines = (['before', 'after'] as const).flatMap((when) =>
      (when === 'before' ? before : after).map((row, label) => ({
        when,
        label: classes[label] ?? label,
        ...Object.fromEntries(row.map((count, prediction) => [`predicted ${head[prediction] ?? prediction}`, count])),
        ...standing(shown),
      })),
    );
    return stringify(lines, { header: true });
  }
  return latex({
    caption: `Predictions of ${escapeLatex(markedName(model))} by label after the attack (before it in brackets). ${escapeLatex(footnotes([model], attacks).join(' '))}`,
    head: ['Label', ...head],
    rows: classes.map((name, label) => ({
      name,
      values: head.map((_, prediction) => `${after[label]?.[prediction] ?? 0} (${before[label]?.[prediction] ?? 0})`),
    })),
  });
}

/** The model of a table, and the attacks behind its numbers. */
interface ShownModel {
  readonly model: MarkedModel;
  readonly attacks: readonly MarkedAttack[];
}

function standing({ model, attacks }: ShownModel): Readonly<Record<string, string>> {
  return { model: model.name, remark: weakest(attacks) ?? '', masking_check: checkText(model.check) };
}

function weakest(attacks: readonly MarkedAttack[]): string | null {
  return attacks.find(({ weak }) => weak !== null)?.weak ?? null;
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
