import { AppError } from '../../shared/domain/errors.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import type { DatasetRow } from '../../shared/domain/library.ts';
import type { TrainConfig } from '../../shared/domain/training.ts';
import type { StoredModel } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import { requireFit } from './session.ts';

/** The built-in defence that trains against models of the library as well, and its setting that names them. */
const ENSEMBLE = 'ensemble-at';
const MEMBERS = 'members';

/** What there is to know of a run's defence. */
type Defended = Pick<TrainConfig, 'defence' | 'defenceModule'> & { readonly defenceSettings: SettingValues };

/** The static models of ensemble training; none for any other defence, whatever the settings of a module's are called. */
export function membersOf({ defence, defenceModule, defenceSettings }: Defended): readonly string[] {
  if (defence !== ENSEMBLE || defenceModule !== undefined) return [];
  const members = defenceSettings[MEMBERS];
  return Array.isArray(members) ? members.map(String) : [];
}

/**
 * The models that a run's network is used to examples of: the static ones of its own training, and those of the model that
 * it starts from.
 */
export function knownSources(store: Store, config: Defended & Pick<TrainConfig, 'initial'>): readonly string[] {
  const { initial } = config;
  const inherited = initial?.from === 'model' ? (store.models.get(initial.model)?.trainedAgainst ?? []) : [];
  return [...new Set([...inherited, ...membersOf(config)])];
}

/**
 * Settings with the static models by id, so that a new name changes no run.
 * @throws AppError `not-found` for a name that no finished model has, `invalid-input` for one that several have, or for a
 *   model that does not take the data set's images; `unsupported` for one without gradients.
 */
export function withMemberIds<D extends Defended>(
  store: Store,
  defended: D,
  dataset: DatasetRow,
): D['defenceSettings'] {
  const named = membersOf(defended);
  if (named.length === 0) return defended.defenceSettings;
  const models = store.models.list();
  const ids = named.map((text) => {
    const model = memberNamed(models, text);
    requireFit(model, dataset);
    if (model.foreign) {
      throw wrong(
        'unsupported',
        `${MEMBERS}: ${model.name} is a model of another program (${model.foreign.format}): there is a forward pass and no gradient, so no examples can be made on it.`,
      );
    }
    return model.id;
  });
  return { ...defended.defenceSettings, [MEMBERS]: [...new Set(ids)] };
}

function memberNamed(models: readonly StoredModel[], text: string): StoredModel {
  const exact = models.find(({ id }) => id === text);
  if (exact) return exact;
  const [only, ...others] = models.filter(({ name }) => name === text);
  if (only && others.length === 0) return only;
  if (only) {
    const ids = [only, ...others].map(({ id }) => id).join(', ');
    throw wrong('invalid-input', `${MEMBERS}: several models are called “${text}”: ${ids}. Give the id.`);
  }
  const known = models.slice(0, 12).map(({ name }) => name);
  const advice = known.length > 0 ? ` It has ${known.join(', ')}.` : ' Train one first.';
  throw wrong('not-found', `${MEMBERS}: this library has no finished model “${text}”.${advice}`);
}

function wrong(code: 'not-found' | 'invalid-input' | 'unsupported', message: string): AppError {
  return new AppError(code, message, { details: { field: MEMBERS } });
}
