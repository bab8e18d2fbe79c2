import { checkRequest } from '../../../shared/domain/check.ts';
import type { CheckRequest } from '../../../shared/domain/check.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { planRequest } from '../../../shared/domain/plan.ts';
import type { PlanRequest } from '../../../shared/domain/plan.ts';
import { WHITE_BOX } from '../../../shared/domain/sweep.ts';
import type { SweepRequest } from '../../../shared/domain/sweep.ts';
import { trainConfig } from '../../../shared/domain/training.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import { parseInput } from '../inputs.ts';
import type { SweepTraining } from './expand.ts';

/** Models of one plan at most. */
const PLAN_MODELS = 64;
const NAME_LENGTH = 120;

/** A training as the library is asked for it. @throws AppError `invalid-input` that names each wrong field. */
export function trainingConfig(
  { name, dataset, engine, deterministic }: SweepRequest,
  { label, seed, placed }: SweepTraining,
  models: readonly { readonly id: EntityId; readonly name: string }[],
): TrainConfig {
  const { architecture, defence, initial, freeze, trainer, architectureSettings, defenceSettings } = placed;
  const model = models.find((one) => one.id === initial || one.name === initial);
  return parseInput(
    trainConfig,
    {
      name: `${name}: ${label}`.slice(0, NAME_LENGTH),
      dataset,
      architecture,
      ...(Object.keys(architectureSettings).length > 0 && { architectureSettings }),
      ...(initial !== null && {
        initial: model ? { from: 'model', model: model.id } : { from: 'file', path: initial },
      }),
      ...(freeze !== null && { freeze }),
      defence,
      defenceSettings,
      trainer,
      seed,
      ...(engine !== undefined && { engine }),
      ...(deterministic !== undefined && { deterministic }),
    },
    label,
  );
}

/**
 * The plans that measure the models, 64 of them at most in each; none for a sweep that evaluates nothing.
 * @param surrogateOf model of a surrogate by its name.
 */
export function planRequests(
  { name, dataset, evaluate, surrogates = {}, engine, deterministic }: SweepRequest,
  models: readonly EntityId[],
  surrogateOf: (name: string) => EntityId,
): PlanRequest[] {
  if (!evaluate) return [];
  const { attacks, sources = [WHITE_BOX, ...Object.keys(surrogates)], ...others } = evaluate;
  const asked = {
    ...others,
    dataset,
    attacks: attacks.map((attack) => (typeof attack === 'string' ? { name: attack } : attack)),
    sources: sources.map((source) => {
      if (source === WHITE_BOX) return [];
      if (source in surrogates) return [surrogateOf(source)];
      throw new AppError(
        'invalid-input',
        `evaluate.sources: there is no surrogate “${source}”. Valid: ${[WHITE_BOX, ...Object.keys(surrogates)].join(', ')}.`,
        { details: { field: 'evaluate.sources' } },
      );
    }),
    ...(engine !== undefined && { engine }),
    ...(deterministic !== undefined && { deterministic }),
  };
  const chunks = Math.ceil(models.length / PLAN_MODELS);
  return Array.from({ length: chunks }, (_, chunk) =>
    parseInput(
      planRequest,
      {
        ...asked,
        name: chunks === 1 ? name : `${name} ${chunk + 1}/${chunks}`,
        models: models.slice(chunk * PLAN_MODELS, (chunk + 1) * PLAN_MODELS),
      },
      'evaluate',
    ),
  );
}

/** The gradient-masking check of each model; none for a sweep without. */
export function checkRequests(
  { dataset, check, surrogates = {}, engine, deterministic }: SweepRequest,
  models: readonly EntityId[],
  surrogateOf: (name: string) => EntityId,
): CheckRequest[] {
  if (!check) return [];
  const { examples, ...others } = check;
  const sources = Object.keys(surrogates).map(surrogateOf);
  return models.map((model) =>
    parseInput(
      checkRequest,
      {
        ...others,
        dataset,
        model,
        sources: sources.filter((source) => source !== model),
        ...(examples !== undefined && { examples: { count: examples } }),
        ...(engine !== undefined && { engine }),
        ...(deterministic !== undefined && { deterministic }),
      },
      'check',
    ),
  );
}
