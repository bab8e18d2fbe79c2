import type { SweepCellView, SweepColumnView, SweepTableView } from '../../shared/domain/sweep-view.ts';
import { formatPercent } from '../ui/format.ts';

/** A number of a column as it is written: shares in per cent, measures of attention with three decimals. */
export function numberText(value: number, kind: SweepColumnView['kind']): string {
  return kind === 'accuracy' ? formatPercent(value) : value.toFixed(3);
}

/** `± 1.2`; empty for one seed. */
export function deviationText({ std }: SweepCellView, kind: SweepColumnView['kind']): string {
  return std === null ? '' : `± ${numberText(std, kind)}`;
}

/** Highest mean of each column of accuracies where at least two rows have one and they differ, by key. */
export function bestMeans({ columns, rows }: SweepTableView): ReadonlyMap<string, number> {
  return new Map(
    columns.flatMap(({ key, kind }): [string, number][] => {
      const means = rows.flatMap(({ cells }) => cells[key]?.mean ?? []);
      const best = Math.max(...means);
      return kind === 'accuracy' && means.length > 1 && means.some((mean) => mean !== best) ? [[key, best]] : [];
    }),
  );
}

/** Verdicts of a row's models, each once with how many have it. */
export function verdictCounts(checks: readonly string[]): readonly (readonly [verdict: string, count: number])[] {
  return [...new Set(checks)].map((verdict) => [verdict, checks.filter((one) => one === verdict).length]);
}
