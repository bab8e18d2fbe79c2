import { AppError } from '../../shared/domain/errors.ts';
import type { EntityId } from '../../shared/domain/ids.ts';
import type { RunRow } from '../../shared/domain/library.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import { WEIGHT_CHOICES, type WeightChoice } from '../../shared/domain/training.ts';
import type { Library } from '../services/library.ts';
import { choose } from './session.ts';

/** Of options that name a model: how to ask for other weights of a run than it keeps. */
export const WEIGHTS_HELP = 'weights of the run: last, best or ema; also as RUN@best';

/**
 * The model that a person means: by id, a beginning of it, or name; of a run with `@last`, `@best` or `@ema` behind it
 * its other weights, which become a model of the library.
 * @param weights the same as an option of its own
 * @throws AppError `not-found`, `invalid-input`.
 */
export async function chooseModel(
  library: Library,
  text: string,
  option: string,
  weights?: string,
): Promise<ModelSummary> {
  const { plain, behind } = partsOf(text);
  const asked = weights ?? behind;
  if (asked === undefined) return choose(library.models.list(), text, option, ({ name }) => name);
  return library.runs.model(chooseRun(library, plain, option).id, weightsOption(asked));
}

/** The run that a person means, whichever of its weights they name. @throws AppError `not-found`, `invalid-input`. */
export function chooseRun(library: Library, text: string, option: string): RunRow {
  return choose(library.snapshot().runs, partsOf(text).plain, option, ({ name }) => name);
}

/** `RUN` and `best` of `RUN@best`. */
function partsOf(text: string): { readonly plain: string; readonly behind?: string } {
  const [, plain, behind] = /^(.+)@(\w+)$/.exec(text) ?? [];
  return plain === undefined || behind === undefined ? { plain: text } : { plain, behind };
}

/** The ids of {@link chooseModel}, one after the other, so that the same weights become one model. */
export async function chooseModels(
  library: Library,
  texts: readonly string[],
  option: string,
): Promise<readonly EntityId[]> {
  const ids: EntityId[] = [];
  for (const text of texts) ids.push((await chooseModel(library, text, option)).id);
  return ids;
}

function weightsOption(text: string): WeightChoice {
  const found = WEIGHT_CHOICES.find((choice) => choice === text);
  if (found) return found;
  throw new AppError('invalid-input', `weights: “${text}” is none of ${WEIGHT_CHOICES.join(', ')}.`, {
    details: { field: 'weights', found: text },
  });
}
