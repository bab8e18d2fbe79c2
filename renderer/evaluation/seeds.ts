import type { EvaluationRow } from '../../shared/domain/library.ts';

/** The evaluations of a plan that differ from this one in nothing but their seed, itself among them, by seed. */
export function sameButSeed(
  row: EvaluationRow,
  all: readonly EvaluationRow[],
  model: string,
): readonly EvaluationRow[] {
  if (row.plan === null) return [row];
  const wanted = basis(row);
  return all
    .filter((other) => other.plan === row.plan && other.request.targets.includes(model) && basis(other) === wanted)
    .toSorted((a, b) => a.request.seed - b.request.seed);
}

/** What survivors are carried over differs from seed to seed too, and targets where models were added later. */
function basis({ request }: EvaluationRow): string {
  const { name: _name, seed: _seed, carryFrom: _carried, targets: _targets, ...rest } = request;
  const { attack, ...others } = rest;
  const settings = Object.entries(attack.settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([attack.name, settings, Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
