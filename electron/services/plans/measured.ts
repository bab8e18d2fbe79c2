import type { ExampleRecord, TargetResult } from '../../../shared/domain/evaluation.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { EvaluationRow } from '../../../shared/domain/library.ts';
import { shortHash } from '../../../shared/domain/module.ts';
import { isBlind, isInBall } from '../../compute/attacks/plan.ts';
import { familiarNote } from '../../compute/evaluation/source-notes.ts';
import { resolveAttack } from '../../compute/attacks/registry.ts';
import type { ResolvedAttack } from '../../compute/attacks/registry.ts';
import type { StoredModel } from '../../store/models.ts';
import type { StoredPlan } from '../../store/plans.ts';
import type { Store } from '../../store/store.ts';
import { requireDataset } from '../session.ts';
import { distinctLabels, goalWords, tellingSettings } from '../result-columns.ts';
import { attackKeyOf, columnKeyOf, sourceOf } from './expand.ts';

/** One evaluation of a plan. */
export interface MeasuredStep {
  readonly evaluation: EvaluationRow;
  readonly attack: ResolvedAttack;
  /** Of the attack, its ε and goal; no two attacks of a plan share one. */
  readonly label: string;
  readonly source: readonly EntityId[];
  readonly seed: number;
  /** See `PlanColumn`. */
  readonly column: string;
  readonly attackKey: string;
  readonly gradientFree: boolean;
  readonly minimal: boolean;
}

/** What a finished step found on one model. */
export interface MeasuredOutcome {
  readonly step: MeasuredStep;
  readonly model: EntityId;
  readonly target: TargetResult;
  /** By row: the same images in every outcome of a plan. */
  readonly records: readonly ExampleRecord[];
}

/** A plan with all that is known of its evaluations so far. */
export interface MeasuredPlan {
  readonly plan: StoredPlan;
  /** Its models that are still there, in its order. */
  readonly models: readonly StoredModel[];
  /** Names of the data set's classes. */
  readonly classes: readonly string[];
  /** In the order of the plan. */
  readonly steps: readonly MeasuredStep[];
  readonly outcomes: readonly MeasuredOutcome[];
  readonly nameOf: (model: EntityId) => string;
  /** What is unusual about a model as the source of a transfer to another one. */
  readonly notesOn: (source: EntityId, target: EntityId) => readonly string[];
}

/**
 * Reads a plan's evaluations with all their examples.
 * @param changeOf what became of a version of a module since, see `ModuleService.changes`: labels say that it is not the
 *   one of now.
 */
export function readPlan(
  store: Store,
  plan: StoredPlan,
  changeOf: (module: string) => string | null = () => null,
): MeasuredPlan {
  const known = new Map(store.models.list().map((model) => [model.id, model]));
  const evaluations = store.evaluations.ofPlan(plan.id);
  const attacks = evaluations.map(({ request }) => resolveAttack(request.attack));
  const labels = distinctLabels(
    attacks.map((attack, at) => ({
      label: [attack.label, goalWords(evaluations[at]?.request.goal ?? 'untargeted'), ageOf(attack, changeOf)].join(''),
      settings: tellingSettings(attack),
    })),
  );
  const steps = evaluations.flatMap((evaluation, at): MeasuredStep | [] => {
    const { request } = evaluation;
    const attack = attacks[at];
    if (!attack) return [];
    const source = sourceOf(request);
    return {
      evaluation,
      attack,
      label: labels[at] ?? attack.label,
      source,
      seed: request.seed,
      column: columnKeyOf(attack, source, request.goal),
      attackKey: attackKeyOf(attack, request.goal),
      gradientFree: isBlind(attack.plan),
      minimal: attack.plan.family.minimal,
    };
  });
  return {
    plan,
    models: plan.request.models.flatMap((id) => known.get(id) ?? []),
    classes: requireDataset(store, plan.request.dataset).manifest.classes,
    steps,
    outcomes: steps.flatMap((step) =>
      (step.evaluation.result?.targets ?? [])
        .filter(({ model }) => known.has(model))
        .map((target) => ({
          step,
          model: target.model,
          target,
          records: store.evaluations.records(step.evaluation.id, target.model),
        })),
    ),
    nameOf: (model) => known.get(model)?.name ?? 'a deleted model',
    notesOn: (source, target) => {
      const [from, to] = [known.get(source), known.get(target)];
      const note = from && to ? familiarNote(from, to) : null;
      return note === null ? [] : [note];
    },
  };
}

/** Behind the label of an attack whose module has changed or is gone. */
function ageOf({ module }: ResolvedAttack, changeOf: (module: string) => string | null): string {
  return module === null || changeOf(module) === null ? '' : `, earlier module ${shortHash(module)}`;
}

/**
 * The smallest ε, in the attack's norm, at which an example counts as broken by an outcome: 0 if it is misclassified
 * without an attack, the size of the smallest x' of a minimal-norm attack, else the attack's ε; infinite if it stands.
 */
export function breaksAt({ step: { attack, minimal } }: MeasuredOutcome, record: ExampleRecord): number {
  if (record.cleanPrediction !== record.label) return 0;
  const { epsilon } = attack.plan;
  if (!minimal) return record.broken ? epsilon : Number.POSITIVE_INFINITY;
  const distance = record.distance ?? Number.POSITIVE_INFINITY;
  return record.broken ? Math.min(distance, epsilon) : distance;
}

/** The outcomes that count for worst cases in a norm. */
export function outcomesIn(outcomes: readonly MeasuredOutcome[], norm: string): readonly MeasuredOutcome[] {
  return outcomes.filter(({ step: { attack } }) => isInBall(attack.plan) && attack.plan.norm === norm);
}

/** Row by row the smallest ε at which any of these outcomes, all on one model, breaks the example. */
export function smallestBreaks(outcomes: readonly MeasuredOutcome[]): Float64Array {
  const smallest = new Float64Array(outcomes[0]?.records.length ?? 0).fill(Number.POSITIVE_INFINITY);
  for (const outcome of outcomes) {
    outcome.records.forEach((record, row) => {
      smallest[row] = Math.min(smallest[row] ?? Number.POSITIVE_INFINITY, breaksAt(outcome, record));
    });
  }
  return smallest;
}

/** The attacks that an ε bounds: of the others ε says nothing, so no worst case at an ε counts them. */
function boundedSteps(steps: readonly MeasuredStep[]): readonly MeasuredStep[] {
  return steps.filter(({ attack }) => isInBall(attack.plan));
}

/** The ε that attacks of one norm were run at, ascending. */
export function epsilonsOf(steps: readonly MeasuredStep[], norm: string): number[] {
  const own = boundedSteps(steps).filter(({ attack }) => attack.plan.norm === norm);
  return [...new Set(own.map(({ attack }) => attack.plan.epsilon))].sort((a, b) => a - b);
}

/** The norms of a plan's attacks that an ε bounds, in the order in which it names them. */
export function normsOf(steps: readonly MeasuredStep[]): MeasuredStep['attack']['plan']['norm'][] {
  return [...new Set(boundedSteps(steps).map(({ attack }) => attack.plan.norm))];
}
