import { AppError } from '../../shared/domain/errors.ts';
import { evaluationRequest, exampleQuery } from '../../shared/domain/evaluation.ts';
import type { AttackSpec, EvaluationRequest } from '../../shared/domain/evaluation.ts';
import { newId } from '../../shared/domain/ids.ts';
import { requireAccess } from '../compute/attacks/base/access.ts';
import { requireTargeted, requireTransferable } from '../compute/attacks/plan.ts';
import { engineForJob } from './engines.ts';
import { parseInput } from './inputs.ts';
import type { Library } from './library.ts';
import type { ModuleService } from './modules/service.ts';
import { goalWords } from './result-columns.ts';
import { resultTable } from './result-table.ts';
import { addJob, missing, requireDataset, requireFit, requireModel } from './session.ts';
import type { Session } from './session.ts';

export function evaluationService(
  session: Session,
  preferences: Library['preferences'],
  modules: ModuleService,
): Omit<Library['evaluations'], 'trajectory'> {
  const { store } = session;
  const get: Library['evaluations']['get'] = (id) => store.evaluations.get(id) ?? missing('evaluation', id);
  return {
    get,
    folder: (id) => store.folder.of('evaluation', get(id).id),
    create: async (input) => {
      const asked = parseInput(evaluationRequest, input, 'evaluation');
      const { name, request } = await prepareEvaluation(session, preferences, modules, asked);
      const id = newId('evaluation');
      const created = new Date().toISOString();
      addJob(session, { id, kind: 'evaluate', title: `Evaluate ${name}` }, () =>
        store.evaluations.add({ id, name, request, created }),
      );
      return { id };
    },
    examples: (input) => {
      const query = parseInput(exampleQuery, input, 'examples');
      get(query.evaluation);
      return store.evaluations.examples(query);
    },
    table: async (dataset) => resultTable(store, requireDataset(store, dataset), await modules.changes()),
  };
}

/** What there is to know of an evaluation before it is in the library. */
export interface PreparedEvaluation {
  readonly name: string;
  readonly request: EvaluationRequest;
}

/**
 * An evaluation with its name and every default written out.
 * @throws AppError that names the field, if it cannot be run.
 */
export async function prepareEvaluation(
  session: Session,
  preferences: Library['preferences'],
  modules: ModuleService,
  input: EvaluationRequest,
): Promise<PreparedEvaluation> {
  const asked = { ...input, attack: await modules.pin(input.attack) };
  const name = asked.name || (await describe(session, asked));
  checkRequest(session, asked);
  const engine = engineForJob(asked.engine, preferences.get().engine);
  return { name, request: { ...asked, engine, attack: await completed(session, asked) } };
}

/** `PGD-40, ε 0.25 from surrogate: at-alp, natural`. @throws AppError `invalid-input` for a bad attack. */
async function describe({ store }: Session, request: EvaluationRequest): Promise<string> {
  const { resolveAttack } = await import('../compute/attacks/registry.ts');
  const attack = resolveAttack(request.attack).label;
  const names = request.targets.map((id) => requireModel(store, id).name);
  const targets = names.length > 2 ? `${names.length} models` : names.join(', ');
  const sources = request.source === null ? [] : [request.source, ...request.ensemble];
  const from = sources.length === 0 ? '' : ` from ${sources.map((id) => requireModel(store, id).name).join(' + ')}`;
  return `${attack}${goalWords(request.goal)}${from}: ${targets}`;
}

/**
 * The attack with every default written out.
 * @throws AppError `invalid-input` for a bad attack, and for one that cannot transfer, or reach its goal, if it should.
 */
async function completed(
  { store }: Session,
  { attack, source, ensemble, targets, goal }: EvaluationRequest,
): Promise<AttackSpec> {
  const { completedAttack, resolveAttack } = await import('../compute/attacks/registry.ts');
  const resolved = resolveAttack(attack);
  const { plan } = resolved;
  if (source !== null) requireTransferable(plan);
  if (goal !== 'untargeted') requireTargeted(plan);
  for (const id of source === null ? targets : [source, ...ensemble]) requireAccess(requireModel(store, id), plan);
  return completedAttack(attack, resolved);
}

function checkRequest({ store }: Session, request: EvaluationRequest): void {
  const dataset = requireDataset(store, request.dataset);
  const targets = request.targets.map((id) => requireModel(store, id));
  if (request.source === null && request.ensemble.length > 0) {
    throw new AppError('invalid-input', 'ensemble: further sources need a first one. Name it as the source.', {
      details: { field: 'ensemble' },
    });
  }
  const sources = (request.source === null ? [] : [request.source, ...request.ensemble]).map((id) =>
    requireModel(store, id),
  );
  for (const model of [...targets, ...sources]) requireFit(model, dataset);
  const source = sources.find(({ id }) => request.targets.includes(id));
  if (source) {
    throw new AppError(
      'source-is-target',
      `${source.name} is both source and target. A gray-box source is a model of the same architecture from another seed, a black-box source one of another architecture; for a white-box attack choose no source.`,
      { details: { field: 'source', source: source.id } },
    );
  }
  const twice = request.targets.find((id, index) => request.targets.indexOf(id) !== index);
  if (twice !== undefined) {
    throw new AppError('invalid-input', `targets: ${requireModel(store, twice).name} is named twice.`, {
      details: { field: 'targets' },
    });
  }
  const { split } = request.examples;
  if (dataset.manifest.splits[split] === 0) {
    throw new AppError('invalid-input', `examples.split: ${dataset.manifest.name} has no ${split} images.`, {
      details: { field: 'examples.split' },
    });
  }
}

/**
 * A norm as a setting of an attack: nothing where the attack has that norm alone.
 * @throws AppError `invalid-input` for an attack that has another norm alone.
 */
export async function normSetting(
  modules: Pick<ModuleService, 'pin'>,
  { name, module }: Pick<AttackSpec, 'name' | 'module'>,
  norm: string | undefined,
): Promise<AttackSpec['settings']> {
  if (norm === undefined) return {};
  const { resolveAttack } = await import('../compute/attacks/registry.ts');
  const { attack, plan, settings } = resolveAttack(
    await modules.pin({ name, settings: {}, ...(module && { module }) }),
  );
  if ('norm' in settings) return { norm };
  if (plan.norm === norm) return {};
  throw new AppError('invalid-input', `${attack.label} has the norm ${plan.norm} only, not ${norm}.`, {
    details: { field: 'attack.settings.norm', found: norm },
  });
}
