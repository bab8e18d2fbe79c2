import type { EvaluationRequest } from '../../../shared/domain/evaluation.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { PlanRequest } from '../../../shared/domain/plan.ts';
import { canTransfer, FORWARD_PASSES, workOf } from '../../compute/attacks/plan.ts';
import { resolveAttack } from '../../compute/attacks/registry.ts';
import type { ResolvedAttack } from '../../compute/attacks/registry.ts';

/** One attack at one ε from one source with one seed. */
export interface PlanStep {
  /** The same for steps that measure the same thing, whatever the models. */
  readonly key: string;
  readonly attack: ResolvedAttack;
  /** As an evaluation would ask for it: the step size stays a rule where it was left empty. */
  readonly spec: EvaluationRequest['attack'];
  readonly source: readonly EntityId[];
  readonly seed: number;
  /** Models to attack, never one of the source's. */
  readonly targets: readonly EntityId[];
}

/**
 * The steps of a plan in the order in which they run: seed by seed, smaller ε first, and cheaper attacks first, so that
 * expensive ones find few survivors. Attacks that cannot transfer are left out where there is a source, and those that cannot be given a class where the
 * goal is one.
 * @throws AppError `invalid-input` for a bad attack.
 */
export function expandPlan(request: PlanRequest): PlanStep[] {
  const steps = request.seeds.flatMap((seed) =>
    request.sources.flatMap((source) => {
      const targets = request.models.filter((model) => !source.includes(model));
      if (targets.length === 0) return [];
      return plannedAttacks(request)
        .filter(({ attack }) => source.length === 0 || canTransfer(attack.plan))
        .filter(({ attack }) => request.goal === 'untargeted' || attack.plan.family.targeted)
        .map(({ attack, spec }): PlanStep => ({
          key: stepKey(attack, source, request.goal, seed),
          attack,
          spec,
          source,
          seed,
          targets,
        }));
    }),
  );
  const unique = [...new Map(steps.map((step) => [step.key, step])).values()];
  const rank = new Map(unique.map((step, position) => [step, position]));
  return unique.sort(
    (a, b) =>
      request.seeds.indexOf(a.seed) - request.seeds.indexOf(b.seed) ||
      a.attack.plan.epsilon - b.attack.plan.epsilon ||
      costOf(a.attack) - costOf(b.attack) ||
      (rank.get(a) ?? 0) - (rank.get(b) ?? 0),
  );
}

/** Every attack of a plan at every ε that is meant for it; those that look for the smallest perturbation at the largest. */
export function plannedAttacks(
  request: Pick<PlanRequest, 'attacks' | 'epsilons'>,
): { readonly attack: ResolvedAttack; readonly spec: EvaluationRequest['attack'] }[] {
  return request.attacks.flatMap(({ epsilons, ...spec }) => {
    const { settings } = spec;
    const own = resolveAttack(spec);
    const all = epsilons ?? request.epsilons;
    // A distance tells what breaks at every smaller ε too.
    const asked = own.plan.family.minimal && all.length > 0 ? [Math.max(...all)] : all;
    const takesEpsilon = 'epsilon' in own.settings;
    const variants = takesEpsilon && asked.length > 0 ? asked.map((epsilon) => ({ ...settings, epsilon })) : [settings];
    return variants.map((varied) => ({
      attack: resolveAttack({ ...spec, settings: varied }),
      spec: { ...spec, settings: varied },
    }));
  });
}

/** Forward passes of one example at most, about. */
function costOf({ plan }: ResolvedAttack): number {
  return plan.restarts * workOf(plan) * FORWARD_PASSES[plan.family.unit];
}

/** The key of a step: attack with every setting, source, goal and seed. */
export function stepKey(attack: ResolvedAttack, source: readonly EntityId[], goal: string, seed: number): string {
  return JSON.stringify([columnKeyOf(attack, source, goal), seed]);
}

/** The same over seeds. */
export function columnKeyOf(attack: ResolvedAttack, source: readonly EntityId[], goal: string): string {
  return JSON.stringify([attackKeyOf(attack, goal), source.toSorted()]);
}

/** The same over sources too. */
export function attackKeyOf({ attack, module, settings }: ResolvedAttack, goal: string): string {
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([attack.name, goal, sorted, ...(module === null ? [] : [module])]);
}

/** Where an evaluation's x' is made: no member is white-box. */
export function sourceOf({ source, ensemble }: Pick<EvaluationRequest, 'source' | 'ensemble'>): readonly EntityId[] {
  return source === null ? [] : [source, ...ensemble];
}
