import type { TargetResult } from '../../shared/domain/evaluation.ts';
import type { ResultTable } from '../../shared/domain/library.ts';
import type { SettingField, SettingValues } from '../../shared/domain/settings.ts';
import { presetValues } from './attack-advice.ts';

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
 * White-box accuracy over ε: of the attacks that differ in nothing but ε (and the step size that follows from it), the
 * one with the most values of ε. Clean accuracy stands at ε = 0. Null unless some attack ran at two or more values.
 * @param fieldsOf settings of an attack, whose defaults stand for what a request left out.
 */
export function epsilonCurves(
  table: ResultTable,
  fieldsOf: (attack: string) => readonly SettingField[],
): { readonly label: string; readonly curves: readonly ModelCurve[] } | null {
  const families = new Map<string, Family>();
  for (const column of table.columns) {
    if (column.threat !== 'white-box') continue;
    for (const model of table.models) {
      const cell = table.cells[model]?.[column.key];
      const epsilon = cell?.attack.settings['epsilon'];
      if (!cell || typeof epsilon !== 'number') continue;
      const key = familyKey(cell.attack.name, presetValues(fieldsOf(cell.attack.name), cell.attack.settings));
      const family: Family = families.get(key) ?? newFamily(cell.label);
      const values = family.byModel.get(model) ?? new Map<number, number>();
      families.set(key, family);
      family.byModel.set(model, values.set(epsilon, cell.robustAccuracy));
      family.epsilons.add(epsilon);
    }
  }
  const widest = [...families.values()].sort((a, b) => b.epsilons.size - a.epsilons.size)[0];
  if (!widest || widest.epsilons.size < 2) return null;
  return {
    label: widest.label,
    curves: [...widest.byModel].map(([model, values]) => {
      const clean = table.clean[model];
      const points = [...values].sort(([a], [b]) => a - b);
      return { model, points: clean === undefined ? points : [[0, clean] as const, ...points] };
    }),
  };
}

/** Attacks that differ in ε alone: accuracy by model, then ε. */
interface Family {
  readonly label: string;
  readonly byModel: Map<string, Map<number, number>>;
  readonly epsilons: Set<number>;
}

function familyKey(attack: string, settings: SettingValues): string {
  const others = Object.entries(settings)
    .filter(([key]) => key !== 'epsilon' && key !== 'stepSize')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([attack, others]);
}

function newFamily(label: string): Family {
  return { label: familyLabel(label), byModel: new Map(), epsilons: new Set() };
}

/** The label of a column without its ε: `PGD-200 × 10, ε 0.25` → `PGD-200 × 10`. */
function familyLabel(label: string): string {
  return label.replace(/,?\s*ε\s*=?\s*[\d./]+/, '');
}
