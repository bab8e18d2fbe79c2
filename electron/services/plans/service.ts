import { AppError } from '../../../shared/domain/errors.ts';
import { evaluationRequest } from '../../../shared/domain/evaluation.ts';
import type { EvaluationRequest } from '../../../shared/domain/evaluation.ts';
import { newId } from '../../../shared/domain/ids.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { EvaluationRow } from '../../../shared/domain/library.ts';
import { planExtension, planRequest } from '../../../shared/domain/plan.ts';
import type { PlanRequest, PlanRow } from '../../../shared/domain/plan.ts';
import type { RunState } from '../../../shared/domain/training.ts';
import { isInBall } from '../../compute/attacks/plan.ts';
import type { StoredPlan } from '../../store/plans.ts';
import type { Store } from '../../store/store.ts';
import { engineForJob } from '../engines.ts';
import { prepareEvaluation } from '../evaluations.ts';
import type { PreparedEvaluation } from '../evaluations.ts';
import { parseInput } from '../inputs.ts';
import type { Library } from '../library.ts';
import type { ModuleService } from '../modules/service.ts';
import { addJob, missing, requireDataset, requireModel } from '../session.ts';
import type { Session } from '../session.ts';
import type { PlanStep } from './expand.ts';

/** What runs and stops the evaluations of a plan. */
type Jobs = Pick<Library['jobs'], 'pause' | 'resume' | 'cancel'>;

/** An evaluation of a plan that is not there yet. */
interface Addition extends PreparedEvaluation {
  readonly id: EntityId;
}

export function planService(
  session: Session,
  preferences: Library['preferences'],
  jobs: Jobs,
  engines: Pick<Library['engines'], 'list'>,
  modules: ModuleService,
): Library['plans'] {
  const { store } = session;
  const stored = (id: EntityId): StoredPlan => store.plans.get(id) ?? missing('plan', id);
  const stepsOf = (id: EntityId): readonly EvaluationRow[] => store.evaluations.ofPlan(stored(id).id);

  /** Prepares what a plan lacks; changes nothing. */
  const lacking = async (request: PlanRequest, known: readonly EvaluationRow[]): Promise<Addition[]> => {
    const { expandPlan, sourceOf, stepKey } = await import('./expand.ts');
    const { resolveAttack } = await import('../../compute/attacks/registry.ts');
    const there = new Set(
      known.flatMap(({ request: { attack, goal, seed, targets, ...rest } }) =>
        targets.map((model) => `${stepKey(resolveAttack(attack), sourceOf(rest), goal, seed)} ${model}`),
      ),
    );
    const earlier: Carrier[] = known.map(({ id, request: asked }) => carrierOf(id, asked, resolveAttack(asked.attack)));
    const additions: Addition[] = [];
    for (const step of expandPlan(request)) {
      const targets = step.targets.filter((model) => !there.has(`${step.key} ${model}`));
      if (targets.length === 0) continue;
      const asked = evaluationOf(request, step, targets);
      const own = carrierOf('', asked, step.attack);
      const carryFrom = request.mode === 'each' ? [] : earlier.filter((one) => carries(one, own)).map(({ id }) => id);
      const id = newId('evaluation');
      additions.push({ id, ...(await prepareEvaluation(session, preferences, modules, { ...asked, carryFrom })) });
      earlier.push({ ...own, id });
    }
    return additions;
  };

  const add = (plan: EntityId, additions: readonly Addition[], from: number): void => {
    const created = new Date().toISOString();
    additions.forEach(({ id, name, request }, position) =>
      addJob(session, { id, kind: 'evaluate', title: `Evaluate ${name}` }, () =>
        store.evaluations.add({ id, name, request, created, step: { plan, place: from + position } }),
      ),
    );
  };

  const results = async (id: EntityId) => {
    const { readPlan } = await import('./measured.ts');
    return readPlan(store, stored(id), await modules.changes());
  };

  return {
    get: (id) => rowOf(store, stored(id)),
    list: () => planRows(store),
    create: async (input, added) => {
      const asked = parseInput(planRequest, input, 'plan');
      checkPlan(store, asked);
      const request = await modules.pinPlan({
        ...asked,
        engine: engineForJob(asked.engine, preferences.get().engine),
      });
      const additions = await lacking(request, []);
      if (additions.length === 0) {
        throw new AppError(
          'invalid-input',
          'This plan has nothing to run: each source is the only model itself, or the attacks cannot transfer. Add a model, or a white-box attack.',
          { details: { field: 'sources' } },
        );
      }
      const id = newId('plan');
      const name = request.name || defaultName(store, request);
      store.database.transaction(() => {
        store.plans.add({ id, name, request, created: new Date().toISOString() });
        add(id, additions, 0);
        added?.(id);
      });
      session.changed();
      return { id };
    },
    estimate: async (input, id) => {
      const asked = parseInput(planRequest, input, 'plan');
      checkPlan(store, asked);
      const request = await modules.pinPlan(asked);
      const { estimatePlan } = await import('./estimate.ts');
      const known = id === undefined ? [] : stepsOf(id);
      return estimatePlan(store, request, known, preferences.get().engine, (await engines.list()).engines);
    },
    extend: async (input) => {
      const change = parseInput(planExtension, input, 'plan');
      const plan = stored(change.id);
      const asked = extended(plan.request, change);
      checkPlan(store, asked);
      const request = await modules.pinPlan(asked);
      const known = stepsOf(plan.id);
      const additions = await lacking(request, known);
      store.database.transaction(() => {
        store.plans.setRequest(plan.id, request);
        add(plan.id, additions, known.length);
      });
      session.changed();
      return { added: additions.length };
    },
    run: (id) => {
      for (const { id: step, state } of stepsOf(id)) {
        // A waiting one may be that of a command that is gone: then nobody would run it.
        if (state === 'waiting') store.jobs.update(step, { creator: session.token });
        else if (state !== 'done' && state !== 'running') jobs.resume(step);
      }
      session.changed();
    },
    pause: (id) => {
      for (const { id: step, state } of stepsOf(id)) {
        if (state === 'running' || state === 'waiting') jobs.pause(step);
      }
    },
    cancel: (id) => {
      // Those that wait first: cancelling the running one would start the next.
      const open = stepsOf(id).filter(({ state }) => state === 'running' || state === 'waiting' || state === 'paused');
      for (const { id: step } of open.toSorted(
        (a, b) => Number(b.state === 'waiting') - Number(a.state === 'waiting'),
      )) {
        jobs.cancel(step);
      }
    },
    result: async (id) => (await import('./result.ts')).planResultOf(await results(id)),
    curves: async (id) => (await import('./curves.ts')).planCurvesOf(await results(id)),
    classes: async (id, model, column) =>
      (await import('./classes.ts')).planClassesOf(await results(id), model, column),
    compare: async (id, column) => (await import('./compare.ts')).planComparisonOf(await results(id), column),
  };
}

/** All plans with their state, for the snapshot. */
export function planRows(store: Store): PlanRow[] {
  return store.plans.list().map((plan) => rowOf(store, plan));
}

function rowOf(store: Store, { id, name, request, created }: StoredPlan): PlanRow {
  const steps = store.evaluations.states(id);
  return {
    id,
    name,
    request,
    evaluations: steps.map((step) => step.id),
    state: stateOf(steps.map(({ state }) => state)),
    done: steps.filter(({ state }) => state === 'done').length,
    created,
  };
}

/** What a plan is doing, from its evaluations: the first of these that one of them is in. */
const STATES: readonly RunState[] = ['running', 'waiting', 'paused', 'failed', 'interrupted', 'cancelled'];

function stateOf(states: readonly RunState[]): RunState {
  return STATES.find((state) => states.includes(state)) ?? 'done';
}

/** What decides whether the successes of one evaluation count in another. */
interface Carrier {
  readonly id: EntityId;
  readonly targets: readonly EntityId[];
  readonly source: string;
  readonly goal: string;
  readonly seed: number;
  readonly norm: string;
  readonly epsilon: number;
  readonly inBall: boolean;
  readonly minimal: boolean;
}

function carrierOf(id: EntityId, asked: EvaluationRequest, { plan }: PlanStep['attack']): Carrier {
  const { targets, source, ensemble, goal, seed } = asked;
  const { norm, epsilon, family } = plan;
  const { minimal } = family;
  const inBall = isInBall(plan);
  return { id, targets, source: JSON.stringify([source, ensemble]), goal, seed, norm, epsilon, inBall, minimal };
}

function carries(earlier: Carrier, later: Carrier): boolean {
  return (
    earlier.source === later.source &&
    earlier.goal === later.goal &&
    earlier.seed === later.seed &&
    earlier.norm === later.norm &&
    earlier.epsilon <= later.epsilon &&
    // Threat models that are no ball cannot be compared by ε.
    earlier.inBall &&
    later.inBall &&
    // A smallest perturbation is looked for whether or not there is a larger one.
    !later.minimal &&
    earlier.targets.some((model) => later.targets.includes(model))
  );
}

function evaluationOf(plan: PlanRequest, { spec, source, seed }: PlanStep, targets: readonly EntityId[]) {
  const [first = null, ...ensemble] = source;
  const { dataset, goal, examples, includeMisclassified, batchSize, engine, deterministic } = plan;
  return evaluationRequest.parse({
    dataset,
    targets,
    source: first,
    ensemble,
    attack: spec,
    goal,
    examples,
    includeMisclassified,
    seed,
    batchSize,
    engine,
    deterministic,
  });
}

/** @throws AppError that names the field. */
function checkPlan(store: Store, request: PlanRequest): void {
  requireDataset(store, request.dataset);
  for (const id of [...request.models, ...request.sources.flat()]) requireModel(store, id);
  const twice = (field: string, what: string): never => {
    throw new AppError('invalid-input', `${field}: ${what} is named twice.`, { details: { field } });
  };
  const { models, sources } = request;
  const model = models.find((id, position) => models.indexOf(id) !== position);
  if (model !== undefined) twice('models', requireModel(store, model).name);
  for (const source of sources) {
    const member = source.find((id, position) => source.indexOf(id) !== position);
    if (member !== undefined) twice('sources', requireModel(store, member).name);
  }
}

/** What a plan becomes by an extension; what it has already stays as it is. */
function extended(
  request: PlanRequest,
  change: Pick<PlanRequest, 'models' | 'attacks' | 'epsilons' | 'sources' | 'seeds'>,
): PlanRequest {
  const union = <T>(old: readonly T[], more: readonly T[]): T[] => [
    ...new Map([...old, ...more].map((one) => [JSON.stringify(one), one])).values(),
  ];
  return {
    ...request,
    models: union(request.models, change.models),
    attacks: union(request.attacks, change.attacks),
    epsilons: union(request.epsilons, change.epsilons),
    sources: union(request.sources, change.sources),
    seeds: union(request.seeds, change.seeds),
  };
}

function defaultName(store: Store, { models, attacks }: PlanRequest): string {
  const [only, ...others] = models;
  const subject =
    others.length === 0 && only !== undefined ? requireModel(store, only).name : `${models.length} models`;
  return `${attacks.length} ${attacks.length === 1 ? 'attack' : 'attacks'} on ${subject}`;
}
