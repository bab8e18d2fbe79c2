import type { CatalogueEntry } from '../../shared/domain/catalogue.ts';
import type { AttackSpec } from '../../shared/domain/evaluation.ts';

/** An attack in a few characters for a column's heading: `PGD-40`, `PGD-200 × 10`, `FGSM`. */
export function attackLabel(spec: AttackSpec, attacks: readonly CatalogueEntry[]): string {
  const entry = attacks.find((candidate) => candidate.name === spec.name);
  const setting = (key: string): number | null => {
    const value = spec.settings[key] ?? entry?.fields.find((field) => field.key === key)?.default;
    return typeof value === 'number' ? value : null;
  };
  const steps = setting('steps');
  const restarts = setting('restarts');
  return [
    `${entry?.label ?? spec.name}${steps === null ? '' : `-${steps}`}`,
    ...(restarts !== null && restarts > 1 ? [`× ${restarts}`] : []),
  ].join(' ');
}
