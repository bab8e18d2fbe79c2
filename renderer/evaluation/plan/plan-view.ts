import type { PlanCurve, PlanResult } from '../../../shared/domain/plan.ts';

type Cell = PlanResult['cells'][string][string];

/** The evaluation behind a cell: that of the first seed. */
export function evaluationOf(cell: Cell): string | null {
  return cell.bySeed[0]?.evaluation ?? null;
}

/** Highest accuracy of a column where at least two models have one and they differ. */
export function bestOf(result: PlanResult, column: string): number | null {
  const values = result.models.flatMap((model) => result.cells[model]?.[column]?.accuracy.mean ?? []);
  const highest = Math.max(...values);
  return values.length < 2 || values.every((value) => value === highest) ? null : highest;
}

/** Points of a curve of steps: each value holds up to the next x. */
export function stepPoints({ x, accuracy }: Pick<PlanCurve, 'x' | 'accuracy'>): readonly (readonly [number, number])[] {
  return x.flatMap((at, position): readonly (readonly [number, number])[] => {
    const now = accuracy[position] ?? Number.NaN;
    const before = position > 0 ? accuracy[position - 1] : undefined;
    return before === undefined || before === now
      ? [[at, now]]
      : [
          [at, before],
          [at, now],
        ];
  });
}

/** Where a share lies between the least and the greatest of a matrix, for the scale of its colours. */
export function matrixScale(rows: PlanResult['matrices'][number]['rows']): readonly [low: number, high: number] {
  const values = rows.flatMap(({ accuracy }) => Object.values(accuracy));
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? [Math.max(0, low - 0.05), Math.min(1, high + 0.05)] : [low, high];
}

/** Shares of a row of counts, for the colours of a confusion matrix; all 0 for an empty row. */
export function rowShares(counts: readonly number[]): readonly number[] {
  const sum = counts.reduce((total, count) => total + count, 0);
  return counts.map((count) => (sum > 0 ? count / sum : 0));
}
