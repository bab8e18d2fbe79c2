import type { DatasetRow, EvaluationRow, ResultCell, ResultTable } from '../../shared/domain/library.ts';
import type { EvaluationResult, TargetResult, Threat } from '../../shared/domain/evaluation.ts';
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
}

/**
 * Every finished number on a data set: models × (threat, source, attack, settings, images). Where an evaluation was
 * repeated, the newest counts. Deleted models and evaluations are left out.
 */
export async function resultTable(store: Store, dataset: DatasetRow): Promise<ResultTable> {
  const outcomes = await finished(store, dataset.id);
  const known = new Map(store.models.list().map((model) => [model.id, model]));
  const shown = outcomes.filter((outcome) => known.has(outcome.target.model));
  const models = [...known.keys()].filter((id) => shown.some((outcome) => outcome.target.model === id));
  const several = new Set(shown.map((outcome) => imagesKey(outcome.result))).size > 1;
  const columns = new Map<string, ResultTable['columns'][number]>();
  const cells: Record<string, Record<string, ResultCell>> = {};
  const clean: Record<string, number> = {};
  for (const outcome of shown) {
    const { target } = outcome;
    const key = columnKey(outcome);
    const source = outcome.evaluation.request.source;
    const from = source === null ? '' : ` from ${known.get(source)?.name ?? 'a deleted model'}`;
    const images = several ? `, ${target.examples} images` : '';
    columns.set(key, { key, label: `${outcome.attack.label}${from}${images}`, threat: target.threat });
    (cells[target.model] ??= {})[key] = toCell(outcome);
    clean[target.model] = target.cleanAccuracy;
  }
  return {
    dataset: dataset.id,
    models,
    columns: [...columns.values()].sort(byThreat),
    cells,
    clean,
    worstCase: worstCases(store, models, shown),
    findings: [],
  };
}

async function finished(store: Store, dataset: string): Promise<Outcome[]> {
  const { resolveAttack } = await import('../compute/attacks/registry.ts');
  return store.evaluations
    .list()
    .filter((evaluation) => evaluation.request.dataset === dataset)
    .flatMap((evaluation) => {
      const { result } = evaluation;
      if (!result) return [];
      const attack = resolveAttack(evaluation.request.attack);
      return result.targets.map((target) => ({ evaluation, result, target, attack }));
    });
}

/** The same for evaluations that measure the same thing: threat, source, attack with all settings, images. */
function columnKey({ evaluation, result, target, attack }: Outcome): string {
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

function byThreat(a: { readonly threat: Threat }, b: { readonly threat: Threat }): number {
  return THREATS.indexOf(a.threat) - THREATS.indexOf(b.threat);
}

/**
 * Per model the worst case per example: an example stands if it withstood every attack at the ε of the worst case, which
 * is the one that most white-box evaluations have (the largest of those), and every attack at a smaller ε.
 */
function worstCases(store: Store, models: readonly string[], outcomes: readonly Outcome[]): ResultTable['worstCase'] {
  const entries = models.flatMap((model) => {
    const own = outcomes.filter((outcome) => outcome.target.model === model);
    const epsilon = commonEpsilon(own.filter((outcome) => outcome.target.threat === 'white-box'));
    if (epsilon === null) return [];
    const counted = own
      .filter((outcome) => outcome.attack.plan.epsilon <= epsilon)
      .map((outcome) => ({
        white: outcome.target.threat === 'white-box',
        stands: store.evaluations.survival(outcome.evaluation.id, model),
      }));
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
