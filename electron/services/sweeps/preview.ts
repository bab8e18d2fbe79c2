import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import { AppError, toAppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { PlanRequest } from '../../../shared/domain/plan.ts';
import type { SweepRequest } from '../../../shared/domain/sweep.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import type { Store } from '../../store/store.ts';
import type { Library } from '../library.ts';
import type { ModuleService } from '../modules/service.ts';
import { requireDataset } from '../session.ts';
import { attentionIndices, checkGallery, galleryRequests } from './attention.ts';
import { trainedBefore } from './earlier.ts';
import type { SweepExpansion, SweepTraining } from './expand.ts';
import { checkRequests, planRequests, trainingConfig } from './requests.ts';
import type { SweepTime } from './time.ts';

/** What a sweep will make, before it begins. */
export interface SweepPreview {
  readonly expansion: SweepExpansion;
  readonly trainings: number;
  /** How many of them another sweep has finished, so that they are taken over. */
  readonly trainedBefore: number;
  /** Models × attacks × ε × sources × seeds, without those that a plan leaves out. */
  readonly measurements: number;
  /** Galleries that measure where models look. */
  readonly galleries: number;
  readonly checks: number;
  /** Seconds of all that `time` knows; null where nothing is known of the trainings or the evaluations. */
  readonly seconds: number | null;
  readonly time: SweepTime;
  /** What is unusual about the surrogates. */
  readonly notes: readonly string[];
}

export type PreviewOthers = Pick<Library, 'runs' | 'models' | 'architectures' | 'engines' | 'preferences'>;

/** An id of a model that is not trained yet. */
const standIn = (prefix: string, position: number): EntityId => `${prefix}-${String(position).padStart(8, '0')}`;

/** See `SweepService.preview`. */
export async function previewSweep(
  store: Store,
  library: PreviewOthers,
  modules: Pick<ModuleService, 'pin' | 'pinPlan'>,
  request: SweepRequest,
  expansion: SweepExpansion,
  catalogue: Catalogue,
): Promise<SweepPreview> {
  const [{ expandPlan }, { surrogateNotes }, { sweepTime }] = await Promise.all([
    import('../plans/expand.ts'),
    import('./notes.ts'),
    import('./time.ts'),
  ]);
  const dataset = requireDataset(store, request.dataset);
  const trainings = expansion.groups.flatMap((group) => group.trainings);
  refuseEmpty(expansion, catalogue);
  const all = [...expansion.surrogates, ...trainings];
  const configs = await checkedConfigs(library, request, all);
  const earlier = trainedBefore(store, request);
  const finished = new Set(
    all.flatMap((training) => (earlier(training) === undefined ? [] : (configs.get(training.key) ?? []))),
  );

  const { models, sourceOf, plans, standIns } = await plansAhead(modules, request, expansion);
  const indices = request.attention ? await attentionIndices(request, store.folder.of('dataset', dataset.id)) : [];
  const galleries = galleryRequests(request, models, sourceOf, indices);
  const [gallery] = galleries;
  if (gallery) await checkGallery(gallery, request.attention?.reference ?? null, expansion, dataset, modules);
  const checks = checkRequests(request, models, sourceOf);

  const { shape: inputShape, classes } = dataset.manifest;
  const modelOf = (id: EntityId) => {
    const { label, placed } = standIns.get(id) ?? missingStandIn(id);
    const { architecture, architectureSettings } = placed;
    return { id, name: label, architecture, architectureSettings, inputShape, classes: classes.length };
  };
  const work = { dataset, trainings: [...configs.values()], finished, plans, galleries, checks, modelOf };
  const time = await sweepTime(store, library, work);
  const { trainings: training, evaluations } = time;
  const known = training !== null && evaluations !== null;
  return {
    expansion,
    trainings: configs.size,
    trainedBefore: finished.size,
    measurements: plans.flatMap((plan) => expandPlan(plan).flatMap((step) => step.targets)).length,
    galleries: galleries.length,
    checks: checks.length,
    seconds: known ? training + evaluations + (time.galleries ?? 0) + (time.checks ?? 0) : null,
    time,
    notes: surrogateNotes(store, expansion, configs),
  };
}

/** The plans of a sweep before anything is trained, with ids that stand for the trainings. */
export async function plansAhead(
  modules: Pick<ModuleService, 'pinPlan'>,
  request: SweepRequest,
  { groups, surrogates }: SweepExpansion,
): Promise<{
  readonly models: readonly EntityId[];
  readonly sourceOf: (name: string) => EntityId;
  readonly plans: readonly PlanRequest[];
  readonly standIns: ReadonlyMap<EntityId, SweepTraining>;
}> {
  const trainings = groups.flatMap((group) => group.trainings);
  const targets = [...new Map(trainings.map((training) => [training.key, training])).values()];
  const models = targets.map((_, position) => standIn('model', position));
  const sourceOf = (name: string): EntityId =>
    standIn(
      'source',
      surrogates.findIndex((surrogate) => surrogate.name === name),
    );
  const plans: PlanRequest[] = [];
  for (const plan of planRequests(request, models, sourceOf)) plans.push(await modules.pinPlan(plan));
  const standIns = new Map([
    ...targets.map((training, position) => [standIn('model', position), training] as const),
    ...surrogates.map((training, position) => [standIn('source', position), training] as const),
  ]);
  return { models, sourceOf, plans, standIns };
}

function missingStandIn(id: EntityId): never {
  throw new AppError('internal', `No training of the sweep is called ${id}.`);
}

/** Every training as the library is asked for it, by its key. @throws AppError that names the training. */
async function checkedConfigs(
  library: Pick<Library, 'runs' | 'models'>,
  request: SweepRequest,
  all: readonly SweepTraining[],
): Promise<Map<string, TrainConfig>> {
  const configs = new Map<string, TrainConfig>();
  const models = library.models.list();
  for (const training of all) {
    if (configs.has(training.key)) continue;
    try {
      const config = trainingConfig(request, training, models);
      await library.runs.check(config);
      configs.set(training.key, config);
    } catch (thrown) {
      const { code, message, details } = toAppError(thrown);
      throw new AppError(code, `${training.label}: ${message}`, { cause: thrown, details });
    }
  }
  return configs;
}

/** @throws AppError for trainings without an architecture or a defence. */
function refuseEmpty({ groups, surrogates }: SweepExpansion, { architectures, defences }: Catalogue): void {
  for (const { label, placed } of [...groups.flatMap(({ trainings }) => trainings), ...surrogates]) {
    for (const [field, known] of [
      ['architecture', architectures],
      ['defence', defences],
    ] as const) {
      if (known.some(({ name }) => name === placed[field])) continue;
      throw new AppError(
        'invalid-input',
        `${label}: it has no ${field}. Name one under base, grid or list: ${known.map(({ name }) => name).join(', ')}.`,
        { details: { field } },
      );
    }
  }
}
