import type { DatasetRow, EvaluationRow, ResultCell, ResultTable } from '../../shared/domain/library.ts';
import type { EvaluationResult, TargetResult } from '../../shared/domain/evaluation.ts';
import { THREATS } from '../../shared/domain/evaluation.ts';
import type { ResolvedAttack } from '../compute/attacks/registry.ts';
import { wilsonInterval } from '../compute/statistics/wilson.ts';
import type { Store } from '../store/store.ts';

/** One model's outcome in one finished evaluation. */
interface Outcome {
  readonly evaluation: EvaluationRow;
  readonly result: EvaluationResult;
  readonly target: TargetResult;
  readonly attack: ResolvedAttack;
  /** By position in the data set: whether the example withstood. */
  readonly stands: ReadonlyMap<number, boolean>;
}

/**
 * Every finished number on a data set: models × (threat, source, attack, settings, images). Where an evaluation was
 * repeated, the newest counts. Deleted models and evaluations are left out.
 */
export async function resultTable(store: Store, dataset: DatasetRow): Promise<ResultTable> {
  const known = new Map(store.models.list().map((model) => [model.id, model]));
  const nameOf = (id: string): string => known.get(id)?.name ?? 'a deleted model';
  const shown = await newestOutcomes(store, dataset.id, known);
  const models = [...known.keys()].filter((id) => shown.some((outcome) => outcome.target.model === id));
  const several = new Set(shown.map((outcome) => imagesKey(outcome.result))).size > 1;
  const columns = new Map<string, ResultTable['columns'][number]>();
  const cells: Record<string, Record<string, ResultCell>> = {};
  const clean: Record<string, number> = {};
  for (const outcome of shown) {
    const { target } = outcome;
    const key = columnKey(outcome);
    const source = outcome.evaluation.request.source;
    const from = source === null ? '' : ` from ${nameOf(source)}`;
    const images = several ? `, ${target.examples} images` : '';
    columns.set(key, { key, label: `${outcome.attack.label}${from}${images}`, threat: target.threat });
    (cells[target.model] ??= {})[key] = toCell(outcome);
    clean[target.model] = target.cleanAccuracy;
  }
  const { findOrderingProblems } = await import('../compute/evaluation/orderings.ts');
  return {
    dataset: dataset.id,
    models,
    columns: [...columns.values()].sort(byThreatThenLabel),
    cells,
    clean,
    worstCase: worstCases(models, shown),
    findings: findOrderingProblems(
      shown.map(({ target, evaluation: { request }, stands }) => ({
        result: target,
        attack: request.attack,
        source: request.source,
        stands,
      })),
      nameOf,
    ),
  };
}

/** The newest finished outcome of each model and column, oldest first. */
async function newestOutcomes(
  store: Store,
  dataset: string,
  known: ReadonlyMap<string, unknown>,
): Promise<readonly Outcome[]> {
  const { resolveAttack } = await import('../compute/attacks/registry.ts');
  const newest = new Map<string, Outcome>();
  for (const evaluation of store.evaluations.list()) {
    const { result, request } = evaluation;
    if (!result || request.dataset !== dataset) continue;
    const attack = resolveAttack(request.attack);
    for (const target of result.targets.filter(({ model }) => known.has(model))) {
      const stands = store.evaluations.survival(evaluation.id, target.model);
      const outcome = { evaluation, result, target, attack, stands };
      newest.set(`${target.model} ${columnKey(outcome)}`, outcome);
    }
  }
  return [...newest.values()];
}

/** The same for evaluations that measure the same thing: threat, source, attack with all settings, images. */
function columnKey({ evaluation, result, target, attack }: Omit<Outcome, 'stands'>): string {
  const { source, includeMisclassified } = evaluation.request;
  const settings = Object.entries(attack.settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    target.threat,
    source,
    evaluation.request.attack.name,
    settings,
    includeMisclassified,
    imagesKey(result),
  ]);
}

/** Tells sets of images apart: their number, sum, and ends are enough for prefixes and seeded samples. */
function imagesKey({ indices }: EvaluationResult): string {
  const sum = indices.reduce((total, index, row) => total + index * (row + 1), 0);
  return [indices.length, indices[0], indices.at(-1), sum].join(':');
}

function toCell({ evaluation, target, attack }: Outcome): ResultCell {
  return {
    evaluation: evaluation.id,
    model: target.model,
    source: evaluation.request.source,
    threat: target.threat,
    attack: evaluation.request.attack,
    label: attack.label,
    examples: target.examples,
    cleanAccuracy: target.cleanAccuracy,
    robustAccuracy: target.robustAccuracy,
    robustInterval: target.robustInterval,
    weak: attack.weak,
  };
}

type Column = ResultTable['columns'][number];

/** White-box first; within a threat by label, numbers by value: PGD-10, PGD-40, PGD-200 × 10. */
function byThreatThenLabel(a: Column, b: Column): number {
  return (
    THREATS.indexOf(a.threat) - THREATS.indexOf(b.threat) || a.label.localeCompare(b.label, 'en', { numeric: true })
  );
}

/**
 * Per model the worst case per example: an example stands if it withstood every attack at the ε of the worst case, which
 * is the one that most white-box evaluations have (the largest of those), and every attack at a smaller ε.
 */
function worstCases(models: readonly string[], outcomes: readonly Outcome[]): ResultTable['worstCase'] {
  const entries = models.flatMap((model) => {
    const own = outcomes.filter((outcome) => outcome.target.model === model);
    const epsilon = commonEpsilon(own.filter((outcome) => outcome.target.threat === 'white-box'));
    if (epsilon === null) return [];
    const counted = own
      .filter((outcome) => outcome.attack.plan.epsilon <= epsilon)
      .map(({ target, stands }) => ({ white: target.threat === 'white-box', stands }));
    const white = counted.filter((one) => one.white).map((one) => one.stands);
    const shared = [...(white[0]?.keys() ?? [])].filter((position) => white.every((stands) => stands.has(position)));
    if (shared.length === 0) return [];
    const standing = shared.filter((position) => counted.every(({ stands }) => stands.get(position) !== false)).length;
    const [low, high] = wilsonInterval(standing, shared.length);
    return [[model, { accuracy: standing / shared.length, low, high, examples: shared.length }] as const];
  });
  return Object.fromEntries(entries);
}

function commonEpsilon(outcomes: readonly Outcome[]): number | null {
  const counts = new Map<number, number>();
  for (const { attack } of outcomes) counts.set(attack.plan.epsilon, (counts.get(attack.plan.epsilon) ?? 0) + 1);
  const best = [...counts].sort(([a, countA], [b, countB]) => countB - countA || b - a)[0];
  return best ? best[0] : null;
}
