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
  readonly plans: readonly PlanRequest[];
  readonly galleries: readonly GalleryRequest[];
  readonly checks: readonly CheckRequest[];
  readonly modelOf: (id: EntityId) => EstimatedModel;
}

/** More different trainings than this are not worked out one by one. */
const MOST_DIFFERENT = 200;
/** Images that a validation looks at, and the passes forward that one of them is worth for a step of PGD and beside them. */
const VALIDATION_IMAGES = 500;
const STEP_PASSES = 2;
const JUDGING_PASSES = 2;

/** How long a sweep takes, every part of it from its beginning. */
export async function sweepTime(
  store: Store,
  library: Pick<Library, 'architectures' | 'engines' | 'preferences'>,
  work: SweepWork,
): Promise<SweepTime> {
  const { engines } = await library.engines.list();
  const preferred = library.preferences.get().engine;
  return {
    trainings: await trainingTime(library, work, preferred),
    evaluations: sum(work.plans.map((plan) => planTime(store, plan, work, preferred, engines))),
    galleries: sum(work.galleries.map((gallery) => planTime(store, attackOf(gallery), work, preferred, engines))),
    checks: checkTime(store, work),
  };
}

type Engine = TrainConfig['engine'];

async function trainingTime(
  { architectures }: Pick<Library, 'architectures'>,
  { dataset: { manifest }, trainings }: SweepWork,
  preferred: Engine,
): Promise<number | null> {
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
  if (different.size > MOST_DIFFERENT) return null;
  const estimates = new Map(
    await Promise.all(
      [...different].map(async ([key, query]) => [key, (await architectures.describe(query)).estimate] as const),
    ),
  );
  return sum(
    trainings.map(({ trainer }, position) => {
      const estimate = estimates.get(canonical(queries[position]));
      if (!estimate || estimate.seconds === null) return null;
      const { epochs, batchSize, trainLimit, validationEvery, validationSteps } = trainer;
      const steps = epochs * Math.ceil(Math.min(splits.train, trainLimit ?? splits.train) / batchSize);
      const validated = (epochs / validationEvery) * Math.min(splits.validation, VALIDATION_IMAGES);
      const secondsPerPass = estimate.seconds / (batchSize * estimate.passes);
      return steps * estimate.seconds + validated * (STEP_PASSES * validationSteps + JUDGING_PASSES) * secondsPerPass;
    }),
  );
}

/** A plan's cost, worked out once for all models of the same size. */
function planTime(
  store: Store,
  plan: PlanRequest,
  { modelOf }: SweepWork,
  preferred: Engine,
  reports: readonly EngineReport[],
): number | null {
  const alike = new Map<string, EntityId[]>();
  for (const id of plan.models) {
    const { architecture, architectureSettings = {} } = modelOf(id);
    const size = canonical([architecture, architectureSettings]);
    alike.set(size, [...(alike.get(size) ?? []), id]);
  }
  const whiteBox = plan.sources.filter((source) => source.length === 0);
  const own = [...alike.values()].map((models) => {
    const asked = { ...plan, models: models.slice(0, 1), sources: whiteBox };
    const { seconds } = estimatePlan(store, asked, [], preferred, reports, modelOf);
    return seconds === null ? null : seconds * models.length;
  });
  const transfers = { ...plan, sources: plan.sources.filter((source) => source.length > 0) };
  return sum([...own, estimatePlan(store, transfers, [], preferred, reports, modelOf).seconds]);
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
