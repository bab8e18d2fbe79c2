import type { CheckRequest } from '../../../shared/domain/check.ts';
import type { EngineReport } from '../../../shared/domain/engine.ts';
import type { GalleryRequest } from '../../../shared/domain/gallery.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { planRequest } from '../../../shared/domain/plan.ts';
import type { PlanRequest } from '../../../shared/domain/plan.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import { operationsOf } from '../../compute/models/cost.ts';
import { buildNetwork } from '../../compute/models/network.ts';
import type { Store } from '../../store/store.ts';
import { engineForJob } from '../engines.ts';
import type { Library } from '../library.ts';
import { estimatePlan } from '../plans/estimate.ts';
import type { EstimatedModel } from '../plans/estimate.ts';
import { canonical } from './expand.ts';

/** Seconds of each part of a sweep from speeds that were measured on this computer; null where none is known. */
export interface SweepTime {
  readonly trainings: number | null;
  /** At most: images that break early leave early. */
  readonly evaluations: number | null;
  readonly galleries: number | null;
  readonly checks: number | null;
}

/** All that a sweep makes, asked for with ids of models that are not trained yet. */
export interface SweepWork {
  readonly dataset: DatasetRow;
  readonly trainings: readonly TrainConfig[];
  /** Those of them that cost nothing any more. */
  readonly finished: ReadonlySet<TrainConfig>;
  readonly plans: readonly PlanRequest[];
  readonly galleries: readonly GalleryRequest[];
  readonly checks: readonly CheckRequest[];
  readonly modelOf: (id: EntityId) => EstimatedModel;
}

/** More different trainings than this are not worked out one by one. */
const MOST_DIFFERENT = 200;
/** Passes forward that an input gradient is worth. */
const STEP_PASSES = 2;
/** Images that a validation looks at, and the passes forward of one of them beside the steps of PGD. */
const VALIDATION_IMAGES = 500;
const JUDGING_PASSES = 2;

/** How long a sweep takes, every part of it from its beginning. */
export async function sweepTime(
  store: Store,
  library: Pick<Library, 'architectures' | 'engines' | 'preferences'>,
  work: SweepWork,
): Promise<SweepTime> {
  const { engines } = await library.engines.list();
  const preferred = library.preferences.get().engine;
  const { seconds, rates } = await trainingTime(library, work, preferred);
  const attackTime = (plan: PlanRequest): number | null => planTime(store, plan, work, preferred, engines, rates);
  return {
    trainings: seconds,
    evaluations: sum(work.plans.map(attackTime)),
    galleries: sum(work.galleries.map(attackOf).map(attackTime)),
    checks: checkTime(store, work),
  };
}

/** Operations a second of the trainings of a network, by what decides its size. */
type Rates = ReadonlyMap<string, number>;

function sizeOf({
  architecture,
  architectureSettings = {},
}: Pick<EstimatedModel, 'architecture' | 'architectureSettings'>) {
  return canonical([architecture, architectureSettings]);
}

type Engine = TrainConfig['engine'];

async function trainingTime(
  { architectures }: Pick<Library, 'architectures'>,
  { dataset: { manifest }, trainings, finished }: SweepWork,
  preferred: Engine,
): Promise<{ readonly seconds: number | null; readonly rates: Rates }> {
  const { shape: inputShape, classes, splits } = manifest;
  const queries = trainings.map(
    ({ architecture, architectureSettings, defence, defenceSettings, trainer, engine }) => ({
      architecture,
      settings: architectureSettings ?? {},
      inputShape,
      classes: classes.length,
      training: {
        defence,
        defenceSettings,
        batchSize: trainer.batchSize,
        accumulation: trainer.accumulation,
        engine: engineForJob(engine, preferred),
      },
    }),
  );
  const different = new Map(queries.map((query) => [canonical(query), query]));
  if (different.size > MOST_DIFFERENT) return { seconds: null, rates: new Map() };
  const estimates = new Map(
    await Promise.all(
      [...different].map(async ([key, query]) => [key, (await architectures.describe(query)).estimate] as const),
    ),
  );
  const rates = new Map<string, number>();
  for (const [key, estimate] of estimates) {
    const query = different.get(key);
    if (query && estimate?.rate) {
      rates.set(
        sizeOf({ architecture: query.architecture, architectureSettings: query.settings }),
        estimate.rate * 1e9,
      );
    }
  }
  const seconds = sum(
    trainings.map((config, position) => {
      if (finished.has(config)) return 0;
      const { trainer } = config;
      const estimate = estimates.get(canonical(queries[position]));
      if (!estimate || estimate.seconds === null) return null;
      const { epochs, batchSize, trainLimit, validationEvery, validationSteps } = trainer;
      const steps = epochs * Math.ceil(Math.min(splits.train, trainLimit ?? splits.train) / batchSize);
      const validated = (epochs / validationEvery) * Math.min(splits.validation, VALIDATION_IMAGES);
      const secondsPerPass = estimate.seconds / (batchSize * estimate.passes);
      return steps * estimate.seconds + validated * (STEP_PASSES * validationSteps + JUDGING_PASSES) * secondsPerPass;
    }),
  );
  return { seconds, rates };
}

/**
 * A plan's cost, worked out once for all models of the same size: from earlier attacks, else from the speed of the
 * trainings.
 */
function planTime(
  store: Store,
  plan: PlanRequest,
  { modelOf }: SweepWork,
  preferred: Engine,
  reports: readonly EngineReport[],
  rates: Rates,
): number | null {
  const secondsOf = (asked: PlanRequest): number | null => {
    const { steps } = estimatePlan(store, asked, [], preferred, reports, modelOf);
    return sum(
      steps.map(({ seconds, work, unit, source, targets }) => {
        if (seconds !== null) return seconds;
        const makers = (source.length > 0 ? source : targets).map(modelOf);
        const passes = work * (unit === 'queries' ? 1 : STEP_PASSES);
        return sum(makers.map((model) => passTime(model, passes / makers.length, rates)));
      }),
    );
  };
  const alike = new Map<string, EntityId[]>();
  for (const id of plan.models) {
    const size = sizeOf(modelOf(id));
    alike.set(size, [...(alike.get(size) ?? []), id]);
  }
  const whiteBox = plan.sources.filter((source) => source.length === 0);
  const own = [...alike.values()].map((models) => {
    const seconds = secondsOf({ ...plan, models: models.slice(0, 1), sources: whiteBox });
    return seconds === null ? null : seconds * models.length;
  });
  return sum([...own, secondsOf({ ...plan, sources: plan.sources.filter((source) => source.length > 0) })]);
}

function passTime(model: EstimatedModel, passes: number, rates: Rates): number | null {
  const rate = rates.get(sizeOf(model));
  return rate === undefined ? null : (passes * operations(model)) / rate;
}

/** A gallery takes about the time of its attack. */
function attackOf({ dataset, models, attack, indices, engine }: GalleryRequest): PlanRequest {
  return planRequest.parse({ dataset, models, attacks: [attack], examples: { count: indices.length }, engine });
}

/** From the newest check of the same depth, by images and the size of the network. */
function checkTime(store: Store, { checks, modelOf }: SweepWork): number | null {
  const [first] = checks;
  if (!first) return 0;
  const newest = store.checks.list().findLast(({ request, result }) => result && request.depth === first.depth);
  const model = newest && store.models.get(newest.request.model);
  if (!newest?.result || !model || model.foreign) return null;
  const perOperation = newest.result.seconds / (newest.result.examples * operations(model));
  return sum(checks.map((check) => perOperation * (check.examples.count ?? 0) * operations(modelOf(check.model))));
}

function operations({ architecture, architectureSettings: settings, inputShape, classes }: EstimatedModel): number {
  return operationsOf(buildNetwork(architecture, inputShape, classes, false, { settings }));
}

/** null if any is. */
function sum(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((total, value) => (total === null || value === null ? null : total + value), 0);
}
