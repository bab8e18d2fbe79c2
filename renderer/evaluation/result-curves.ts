import type { TargetResult } from '../../shared/domain/evaluation.ts';
import type { ResultTable } from '../../shared/domain/library.ts';

/** One model's curve; points are (x, share 0…1). */
export interface ModelCurve {
  readonly model: string;
  readonly points: readonly (readonly [x: number, accuracy: number])[];
}

/** Robust accuracy after 1, 2, … restarts for each model of an evaluation; null if it ran with one start only. */
export function restartCurves(targets: readonly TargetResult[]): readonly ModelCurve[] | null {
  if (!targets.some((target) => target.byRestart.length > 1)) return null;
  return targets.map((target) => ({
    model: target.model,
    points: target.byRestart.map((accuracy, index) => [index + 1, accuracy] as const),
  }));
}

/** How many points of accuracy the restarts after the first one cost; null with one start only. */
export function restartDrop(target: TargetResult): number | null {
  const first = target.byRestart[0];
  const last = target.byRestart.at(-1);
  return target.byRestart.length > 1 && first !== undefined && last !== undefined ? 100 * (first - last) : null;
}

/**
 * White-box accuracy over ε: of the attacks that differ in nothing but ε, on the same images, those with the most values
 * of ε. Clean accuracy on these images stands at ε = 0. Null unless some attack ran at two or more values.
 */
export function epsilonCurves(
  table: ResultTable,
): { readonly label: string; readonly curves: readonly ModelCurve[] } | null {
  const families = new Map<string, ResultTable['columns']>();
  for (const column of table.columns) {
    if (column.threat !== 'white-box') continue;
    for (const family of column.families) families.set(family, [...(families.get(family) ?? []), column]);
  }
  const widest = [...families.values()].sort((a, b) => b.length - a.length)[0];
  if (!widest?.[0] || widest.length < 2) return null;
  const columns = widest.toSorted((a, b) => a.epsilon - b.epsilon);
  return {
    label: familyLabel(widest[0].label),
    curves: table.models.flatMap((model): readonly ModelCurve[] => {
      const cells = columns.flatMap(({ key, epsilon }) => {
        const cell = table.cells[model]?.[key];
        return cell ? [{ epsilon, cell }] : [];
      });
      if (!cells[0]) return [];
      const points = cells.map(({ epsilon, cell }) => [epsilon, cell.robustAccuracy] as const);
      return [{ model, points: [[0, cells[0].cell.cleanAccuracy], ...points.filter(([epsilon]) => epsilon > 0)] }];
    }),
  };
}

/** The label of a column without its ε: `PGD-200 × 10, ε 0.25, 500 images` → `PGD-200 × 10, 500 images`. */
function familyLabel(label: string): string {
  return label.replace(/,?\s*ε\s*=?\s*[\d./e-]+/, '');
}
