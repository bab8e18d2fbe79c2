import type { Threat } from '../../shared/domain/evaluation.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';

/** Why a model cannot be the source of a transfer attack on the chosen targets. */
export type SourceObstacle = 'is-target' | 'other-shape';
/** What to know about a source that can be chosen but is not the usual kind. */
export type SourceRemark = 'trained-against' | 'defended' | 'same-seed';

export interface SourceOption {
  readonly model: ModelSummary;
  /** The threat for each kind of target; two entries if the targets' architectures differ. */
  readonly threats: readonly Threat[];
  readonly obstacle: SourceObstacle | null;
  readonly remarks: readonly SourceRemark[];
}

/**
 * The models of a data set as sources for the chosen targets. Gray or black box follows from the architecture:
 * the same as the target's is gray. A source is never the target itself.
 */
export function sourceOptions(
  models: readonly ModelSummary[],
  targets: readonly ModelSummary[],
): readonly SourceOption[] {
  return models.map((model) => {
    const others = targets.filter((target) => target.id !== model.id);
    const gray = others.filter((target) => target.architecture === model.architecture);
    const threats: readonly Threat[] = [
      ...(gray.length > 0 ? (['gray-box'] as const) : []),
      ...(gray.length < others.length ? (['black-box'] as const) : []),
    ];
    const remarks: readonly SourceRemark[] = [
      ...(others.some(({ trainedAgainst }) => trainedAgainst?.includes(model.id))
        ? (['trained-against'] as const)
        : []),
      ...(model.defence !== null && model.defence !== 'natural' ? (['defended'] as const) : []),
      ...(gray.some((target) => target.seed !== null && target.seed === model.seed) ? (['same-seed'] as const) : []),
    ];
    return { model, threats, obstacle: obstacleOf(model, targets), remarks };
  });
}

function obstacleOf(model: ModelSummary, targets: readonly ModelSummary[]): SourceObstacle | null {
  if (targets.some((target) => target.id === model.id)) return 'is-target';
  const fits = targets.every(
    (target) => target.classes === model.classes && target.inputShape.join() === model.inputShape.join(),
  );
  return fits ? null : 'other-shape';
}
