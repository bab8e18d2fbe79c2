import type { EngineChoice, EngineReport } from '../../../shared/domain/engine.ts';
import { flatGreyNote } from '../../../shared/domain/epsilon.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { DatasetRow, EvaluationRow } from '../../../shared/domain/library.ts';
import type { PlanEstimate, PlanRequest } from '../../../shared/domain/plan.ts';
import { roundsOf } from '../../compute/attacks/base/goals.ts';
import { canTransfer, FORWARD_PASSES, hasPart, isBlind, isInBall, workOf } from '../../compute/attacks/plan.ts';
import type { Family } from '../../compute/attacks/plan.ts';
import { resolveAttack } from '../../compute/attacks/registry.ts';
import { operationsOf } from '../../compute/models/cost.ts';
import { buildNetwork } from '../../compute/models/network.ts';
import type { StoredModel } from '../../store/models.ts';
import type { Store } from '../../store/store.ts';
import { requireDataset, requireModel } from '../session.ts';
import { expandPlan, plannedAttacks, sourceOf, stepKey } from './expand.ts';
import type { PlanStep } from './expand.ts';

type Step = PlanEstimate['steps'][number];

/** What of a model decides its cost. */
export type EstimatedModel = Pick<
  StoredModel,
  'id' | 'name' | 'architecture' | 'architectureSettings' | 'inputShape' | 'classes' | 'foreign'
>;

/** How fast an attack went: units of work a second, of one model. */
interface Speed {
  readonly attack: string;
  readonly unit: Family['unit'];
  readonly architectures: readonly string[];
  readonly models: readonly EntityId[];
  readonly engine: string;
  readonly perSecond: number;
  /** That it was measured over. */
  readonly seconds: number;
}

/** Less work than this is mostly starting up, and says nothing of speed. */
const LEAST_SECONDS = 0.2;

/**
 * What a plan costs at most, from the measured speed of earlier evaluations: of the same model, attack and engine, else
 * of the same architecture and kind of work, else from the engine's speed test and the network's size.
 * @param known evaluations that the plan has already.
 * @param reports what is known of the engines' speed.
 * @param modelOf a model by its id, which may be one that is not trained yet.
 */
export function estimatePlan(
  store: Store,
  request: PlanRequest,
  known: readonly EvaluationRow[],
  preferred: EngineChoice,
  reports: readonly EngineReport[],
  modelOf: (id: EntityId) => EstimatedModel = (id) => requireModel(store, id),
): PlanEstimate {
  const dataset = requireDataset(store, request.dataset);
  const available = dataset.manifest.splits[request.examples.split];
  const examples = Math.min(request.examples.count ?? available, available);
  const speeds = measuredSpeeds(store);
  const done = new Set(
    known
      .filter(({ state }) => state === 'done')
      .flatMap(({ request: { attack, goal, seed, targets, ...rest } }) =>
        targets.map((model) => `${stepKey(resolveAttack(attack), sourceOf(rest), goal, seed)} ${model}`),
      ),
  );
  const engine = request.engine === 'auto' ? preferred : request.engine;
  const steps = expandPlan(request).map((step): Step => {
    const open = step.targets.filter((model) => !done.has(`${step.key} ${model}`));
    const targets = open.length > 0 ? open : step.targets;
    const { plan } = step.attack;
    const starts = plan.restarts * roundsOf(request.goal, dataset.manifest.classes.length);
    // A transfer makes x' once for all targets; white-box attacks work on each.
    const makers = step.source.length > 0 ? step.source : targets;
    const work = makers.length * examples * starts * workOf(plan);
    const times = makers.map((id) => secondsPerUnit(modelOf(id), step, speeds, engine, reports));
    const seconds = times.reduce<number | null>(
      (sum, time) => (sum === null || time.seconds === null ? null : sum + (time.seconds * work) / makers.length),
      0,
    );
    return {
      label: labelOf(step, modelOf),
      targets: [...targets],
      source: [...step.source],
      seed: step.seed,
      work,
      unit: plan.family.unit,
      seconds,
      basis: weakest(times.map(({ basis }) => basis)),
      done: open.length === 0,
    };
  });
  const open = steps.filter((step) => !step.done);
  return {
    steps,
    seconds: open.reduce<number | null>(
      (sum, { seconds }) => (sum === null || seconds === null ? null : sum + seconds),
      0,
    ),
    warnings: warningsOf(request, dataset),
  };
}

function labelOf({ attack, source }: PlanStep, modelOf: (id: EntityId) => EstimatedModel): string {
  if (source.length === 0) return attack.label;
  return `${attack.label} from ${source.map((id) => modelOf(id).name).join(' + ')}`;
}

/** Speeds of finished evaluations, newest first. */
function measuredSpeeds(store: Store): Speed[] {
  const architectures = new Map(store.models.list().map(({ id, architecture }) => [id, architecture]));
  return store.evaluations
    .list()
    .toReversed()
    .flatMap(({ request, result }) => {
      const { speed } = result ?? {};
      if (!result || !speed || speed.attackSeconds < LEAST_SECONDS || speed.work === 0) return [];
      const models = request.source === null ? request.targets : [request.source];
      return {
        attack: request.attack.name,
        unit: speed.unit === 'queries' ? 'queries' : 'gradients',
        models,
        architectures: models.flatMap((id) => architectures.get(id) ?? []),
        engine: result.engine.name,
        perSecond: speed.work / speed.attackSeconds,
        seconds: speed.attackSeconds,
      };
    });
}

function secondsPerUnit(
  model: EstimatedModel,
  { attack }: PlanStep,
  speeds: readonly Speed[],
  engine: EngineChoice,
  reports: readonly EngineReport[],
): { readonly seconds: number | null; readonly basis: Step['basis'] } {
  const { unit } = attack.plan.family;
  const onEngine = speeds.filter((speed) => engine === 'auto' || speed.engine === engine);
  const same = onEngine.find((speed) => speed.attack === attack.attack.name && speed.models.includes(model.id));
  if (same) return { seconds: costIn(unit, same), basis: 'same' };
  const similar = onEngine
    .filter((speed) => speed.architectures.includes(model.architecture))
    // The same unit before another, then what was measured longest.
    .toSorted((a, b) => Number(b.unit === unit) - Number(a.unit === unit) || b.seconds - a.seconds)[0];
  if (similar) return { seconds: costIn(unit, similar), basis: 'similar' };
  const report = reports.find(
    ({ name, gradientsPerSecond }) => gradientsPerSecond !== null && (engine === 'auto' || name === engine),
  );
  if (!report || report.gradientsPerSecond === null || model.foreign) return { seconds: null, basis: 'unknown' };
  // The speed test takes input gradients of mnist-cnn.
  const size = operations(model) / operations({ architecture: 'mnist-cnn', inputShape: [28, 28, 1], classes: 10 });
  const measured = { unit: 'gradients', perSecond: report.gradientsPerSecond } as const;
  return { seconds: size * costIn(unit, measured), basis: 'speed-test' };
}

/** Seconds of one unit of work, from a speed in this unit or another one. */
function costIn(unit: Family['unit'], { unit: measured, perSecond }: Pick<Speed, 'unit' | 'perSecond'>): number {
  return FORWARD_PASSES[unit] / FORWARD_PASSES[measured] / perSecond;
}

/** Multiplications of one forward pass. */
function operations({
  architecture,
  architectureSettings: settings,
  inputShape,
  classes,
}: Pick<StoredModel, 'architecture' | 'architectureSettings' | 'inputShape' | 'classes'>): number {
  return operationsOf(buildNetwork(architecture, inputShape, classes, false, { settings }));
}

const BASES = ['same', 'similar', 'speed-test', 'unknown'] as const satisfies readonly Step['basis'][];

function weakest(bases: readonly Step['basis'][]): Step['basis'] {
  return BASES.findLast((basis) => bases.includes(basis)) ?? 'unknown';
}

function warningsOf(request: PlanRequest, { manifest }: DatasetRow): string[] {
  const attacks = plannedAttacks(request).map(({ attack }) => attack);
  const warnings = new Set<string>();
  for (const { plan, notes } of attacks) {
    const grey = plan.norm === 'linf' && isInBall(plan) ? flatGreyNote(plan.epsilon, manifest.classes.length) : null;
    if (grey !== null) warnings.add(grey);
    for (const note of notes) warnings.add(note);
  }
  if (request.sources.some((source) => source.length > 0)) {
    const stay = [...new Set(attacks.filter(({ plan }) => !canTransfer(plan)).map(({ attack }) => attack.label))];
    if (stay.length > 0) warnings.add(`${stay.join(', ')} cannot transfer: left out where there is a source.`);
  }
  if (request.goal !== 'untargeted') {
    const any = [...new Set(attacks.filter(({ plan }) => !plan.family.targeted).map(({ attack }) => attack.label))];
    if (any.length > 0) warnings.add(`${any.join(', ')} cannot be given a class to lead to: left out of this plan.`);
  }
  if (request.sources.some((source) => source.length === 0)) {
    if (attacks.every(({ weak }) => weak !== null)) {
      warnings.add(
        'Every attack of this plan is weak by itself (few steps, one start): add one with many steps and restarts before you claim robustness.',
      );
    }
    if (!attacks.some(({ plan }) => hasPart(plan, isBlind))) {
      warnings.add(
        'No attack works without gradients: if the model hides them, this plan will not notice. Add Square.',
      );
    }
  }
  return [...warnings];
}
