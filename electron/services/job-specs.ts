import { join } from 'node:path';
import { z } from 'zod';
import { importPlan } from '../../shared/domain/import-plan.ts';
import { AppError } from '../../shared/domain/errors.ts';
import type { EntityKind } from '../../shared/domain/ids.ts';
import type { JobKind, JobSpec } from '../../shared/domain/job.ts';
import type { ModelFile } from '../../shared/domain/model.ts';
import type { StoredJob } from '../store/jobs.ts';
import type { StoredModel } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import { memoryLimit } from '../../shared/domain/memory.ts';
import { predictionOf } from './datasets/predictions.ts';
import { keptExamples } from './kept-examples.ts';
import { membersOf } from './members.ts';
import { moduleSources } from './modules/sources.ts';
import { missing, requireModel } from './session.ts';

/** Jobs that answer a call instead of waiting in the queue. */
type UnqueuedKind = Extract<
  JobKind,
  'engine-test' | 'trajectory' | 'probe-model' | 'describe-module' | 'dataset-task' | 'preview-import'
>;

/** `predict` makes no entity of its own: what comes of it is kept with its model. */
const ENTITY_OF: Readonly<Record<Exclude<JobKind, UnqueuedKind | 'predict'>, EntityKind>> = {
  import: 'dataset',
  train: 'run',
  evaluate: 'evaluation',
  attention: 'gallery',
  check: 'check',
};

/** Folder of the engine pack to use; null: there is none, and why. */
export type PackForJobs = Pick<JobSpec, 'enginePack'> & { readonly enginePackFault: string | null };

/** What this machine has for a job. */
export interface MachineForJobs extends PackForJobs {
  readonly threads: number;
  /** Limit of a job's memory where it has none of its own, in bytes; null: none. */
  readonly maxMemory: number | null;
}

/** What a job's options hold of its own limit of memory. */
const limited = z.looseObject({ maxMemory: memoryLimit.optional() });

function ownLimit({ options }: StoredJob): number | null | undefined {
  return limited.safeParse(JSON.parse(options)).data?.maxMemory;
}

function withoutLimit({ options }: StoredJob): object {
  const { maxMemory: _, ...kept } = JSON.parse(options) as { readonly maxMemory?: unknown };
  return kept;
}

function hasEntity(kind: JobKind): kind is keyof typeof ENTITY_OF {
  return kind in ENTITY_OF;
}

/** Whether a job that was ended goes on from what its folder holds; others begin anew. */
export function goesOn(kind: JobKind): boolean {
  return kind === 'import' || kind === 'train' || kind === 'evaluate' || kind === 'check';
}

/** Scratch folder of an import: what archives need unpacked. */
export const importScratch = (id: string): string => `import-${id}`;
/** Scratch folder of a preview that the process `pid` makes. */
export const previewScratch = (pid: number, token: string): string => `preview-${pid}-${token}`;

/** The folder that a job writes to. */
export function jobFolder(store: Store, job: Pick<StoredJob, 'id' | 'kind'>): string {
  return hasEntity(job.kind) ? store.folder.of(ENTITY_OF[job.kind], job.id) : store.folder.scratch(job.id);
}

/** What a job host needs to load `model`. */
export function modelFileOf(store: Store, model: StoredModel): ModelFile {
  return {
    id: model.id,
    name: model.name,
    architecture: model.architecture,
    ...(model.architectureSettings && { architectureSettings: model.architectureSettings }),
    ...(model.foreign && { foreign: model.foreign }),
    inputShape: model.inputShape,
    classes: model.classes,
    defence: model.defence,
    seed: model.seed,
    ...(model.trainedAgainst && { trainedAgainst: model.trainedAgainst }),
    weights: join(store.folder.root, model.weights),
  };
}

/**
 * Everything that the host of a stored job needs, from the library as it is now.
 * @throws AppError `not-found` if something that the job needs was deleted meanwhile, `forbidden` for a job that needs a
 *   module while the library's modules are not trusted.
 */
export function jobSpecOf(store: Store, job: StoredJob, machine: MachineForJobs): JobSpec {
  const { id } = job;
  const { enginePack, enginePackFault, threads } = machine;
  const maxMemory = ownLimit(job) ?? machine.maxMemory;
  const hosted = { id, folder: jobFolder(store, job), enginePack, enginePackFault, threads, maxMemory };
  const dataset = (datasetId: string): { folder: string } => ({
    folder: store.folder.of('dataset', (store.datasets.get(datasetId) ?? missing('data set', datasetId)).id),
  });
  const model = (modelId: string): ModelFile => modelFileOf(store, requireModel(store, modelId));
  switch (job.kind) {
    case 'import':
      return {
        kind: 'import',
        ...hosted,
        options: importPlan.parse(withoutLimit(job)),
        scratch: store.folder.scratch(importScratch(id)),
      };
    case 'train': {
      const { config } = store.runs.get(id) ?? missing('run', id);
      return {
        kind: 'train',
        ...hosted,
        modules: moduleSources(store, config.defenceModule),
        dataset: dataset(config.dataset),
        config,
        resume: job.resume,
        members: membersOf(config).map(model),
      };
    }
    case 'evaluate': {
      const { request } = store.evaluations.get(id) ?? missing('evaluation', id);
      return {
        kind: 'evaluate',
        ...hosted,
        modules: moduleSources(store, request.attack.module),
        dataset: dataset(request.dataset),
        request,
        targets: request.targets.map(model),
        source: request.source === null ? null : model(request.source),
        ensemble: request.ensemble.map(model),
        carry: request.carryFrom.flatMap((earlier) => {
          const found = store.evaluations.get(earlier);
          if (!found?.result) return [];
          return {
            evaluation: earlier,
            folder: store.folder.of('evaluation', earlier),
            models: found.result.targets.map((target) => target.model),
          };
        }),
        kept: keptExamples(store, id, request),
      };
    }
    case 'attention': {
      const { request } = store.galleries.get(id) ?? missing('gallery', id);
      return {
        kind: 'attention',
        ...hosted,
        modules: moduleSources(store, request.attack.module),
        dataset: dataset(request.dataset),
        request,
        models: request.models.map(model),
        source: request.source === null ? null : model(request.source),
        reference: request.reference === null ? null : model(request.reference),
      };
    }
    case 'check': {
      const { request } = store.checks.get(id) ?? missing('check', id);
      return {
        kind: 'check',
        ...hosted,
        dataset: dataset(request.dataset),
        request,
        model: model(request.model),
        sources: (request.sources ?? []).map(model),
      };
    }
    case 'predict': {
      const { model: modelId, dataset: datasetId, engine, batchSize } = predictionOf(job.options);
      return { kind: 'predict', ...hosted, dataset: dataset(datasetId), model: model(modelId), engine, batchSize };
    }
    case 'dataset-task':
    case 'trajectory':
    case 'engine-test':
    case 'preview-import':
    case 'probe-model':
    case 'describe-module':
      throw new AppError('internal', `A job of the kind ${job.kind} is not queued.`);
  }
}
