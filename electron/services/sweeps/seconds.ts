import type { EntityId } from '../../../shared/domain/ids.ts';
import type { EvaluationRow, GalleryRow } from '../../../shared/domain/library.ts';
import type { Store } from '../../store/store.ts';

/** Seconds of computing that something took so far, over all its models. */
export interface SpentTime {
  readonly training: number;
  readonly evaluation: number;
  readonly attention: number;
  readonly check: number;
}

/**
 * What was spent on models. What was measured for several at once counts in equal shares.
 * @param checks of the sweep, by model.
 */
export function timeSpent(
  store: Pick<Store, 'runs' | 'checks'>,
  evaluations: readonly EvaluationRow[],
  galleries: readonly GalleryRow[],
  checks: ReadonlyMap<EntityId, EntityId>,
): (models: readonly EntityId[]) => SpentTime {
  const evaluated = shares(evaluations.map(({ request, result }) => [request.targets, result?.seconds ?? 0]));
  const shown = shares(galleries.map(({ request, result }) => [request.models, result?.seconds ?? 0]));
  const total = (models: readonly EntityId[], secondsOf: (model: EntityId) => number | undefined): number =>
    models.reduce((sum, model) => sum + (secondsOf(model) ?? 0), 0);
  return (models) => ({
    training: total(models, (model) => store.runs.get(model)?.result?.seconds),
    evaluation: total(models, (model) => evaluated.get(model)),
    attention: total(models, (model) => shown.get(model)),
    check: total(models, (model) => store.checks.get(checks.get(model) ?? '')?.result?.seconds),
  });
}

function shares(jobs: readonly (readonly [models: readonly EntityId[], seconds: number])[]): Map<EntityId, number> {
  const spent = new Map<EntityId, number>();
  for (const [models, seconds] of jobs) {
    for (const model of models) spent.set(model, (spent.get(model) ?? 0) + seconds / models.length);
  }
  return spent;
}
