import { checkRequest } from '../../shared/domain/check.ts';
import type { CheckRequest, CheckState } from '../../shared/domain/check.ts';
import { AppError } from '../../shared/domain/errors.ts';
import { newId } from '../../shared/domain/ids.ts';
import type { EntityId } from '../../shared/domain/ids.ts';
import type { StoredModel } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import { engineForJob } from './engines.ts';
import { parseInput } from './inputs.ts';
import { stateOf } from './check-text.ts';
import type { Library } from './library.ts';
import { addJob, missing, requireDataset, requireFit, requireModel } from './session.ts';
import type { Session } from './session.ts';

export function checkService(session: Session, preferences: Library['preferences']): Library['checks'] {
  const { store } = session;
  return {
    get: (id) => store.checks.get(id) ?? missing('check', id),
    list: () => store.checks.list(),
    create: async (input, added) => {
      const asked = parseInput(checkRequest, input, 'check');
      const model = requireModel(store, asked.model);
      const sources = asked.sources ?? usualSources(store, model);
      const request = { ...asked, sources, engine: engineForJob(asked.engine, preferences.get().engine) };
      refuseMisfits(store, model, request);
      const id = newId('check');
      const created = new Date().toISOString();
      const name = asked.name || model.name;
      addJob(session, { id, kind: 'check', title: `Check ${name} for gradient masking` }, () => {
        store.checks.add({ id, name, request, created });
        added?.(id);
      });
      return { id };
    },
  };
}

function refuseMisfits(store: Store, model: StoredModel, request: CheckRequest): void {
  const dataset = requireDataset(store, request.dataset);
  const sources = (request.sources ?? []).map((id) => requireModel(store, id));
  for (const one of [model, ...sources]) requireFit(one, dataset);
  if (sources.some(({ id }) => id === model.id)) {
    throw new AppError(
      'source-is-target',
      `${model.name} is checked and a source at once. Name undefended models of another seed or architecture as sources.`,
      { details: { field: 'sources', source: model.id } },
    );
  }
  const known = sources.find(({ id }) => model.trainedAgainst?.includes(id));
  if (known) {
    throw new AppError(
      'invalid-input',
      `${model.name} was trained against ${known.name}: what comes from there would make it look stronger than it is. Name undefended models as sources that it was not trained against.`,
      { details: { field: 'sources', source: known.id } },
    );
  }
  const { split } = request.examples;
  if (dataset.manifest.splits[split] === 0) {
    throw new AppError('invalid-input', `examples.split: ${dataset.manifest.name} has no ${split} images.`, {
      details: { field: 'examples.split' },
    });
  }
}

/**
 * The newest undefended model of the same architecture, and the newest of another one, that take the same images. None
 * that the model was trained against: it is used to what comes from there.
 */
function usualSources(store: Store, model: StoredModel): EntityId[] {
  const undefended = store.models
    .list()
    .filter(
      (other) =>
        other.id !== model.id &&
        !model.trainedAgainst?.includes(other.id) &&
        other.defence === 'natural' &&
        other.dataset === model.dataset &&
        other.classes === model.classes &&
        other.inputShape.join() === model.inputShape.join(),
    )
    .toSorted((a, b) => (a.created < b.created ? 1 : -1));
  const gray = undefended.find((other) => other.architecture === model.architecture && other.seed !== model.seed);
  const black = undefended.find((other) => other.architecture !== model.architecture);
  return [gray, black].flatMap((source) => (source ? [source.id] : []));
}

/** By model: its newest finished check on a data set. */
export function checkStates(store: Store, dataset: EntityId): ReadonlyMap<EntityId, CheckState> {
  const checks = store.checks.list();
  const models = new Set(checks.map(({ request }) => request.model));
  return new Map(
    [...models].flatMap((model) => {
      const state = stateOf(checks, model, dataset);
      return state ? [[model, state] as const] : [];
    }),
  );
}
