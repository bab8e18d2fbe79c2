import { readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DatasetEdit } from '../../../shared/domain/dataset.ts';
import { EXCLUDED } from '../../../shared/domain/dataset.ts';
import {
  datasetStatistics,
  type DatasetCheck,
  type DatasetItem,
  type DatasetQuery,
  type DatasetSelection,
  type DatasetStatistics,
  type DatasetTask,
  type FilterTerms,
  type ImagePrediction,
  type Relocation,
  type SavedFilter,
  type SelectionFormat,
} from '../../../shared/domain/dataset-view.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { newId, type EntityId } from '../../../shared/domain/ids.ts';
import { SPLITS } from '../../../shared/domain/shape.ts';
import { originalPaths } from '../../compute/data/tasks/relocate.ts';
import { STATISTICS_FILE } from '../../compute/data/tasks/statistics.ts';
import { folderBytes } from '../../store/folder.ts';
import { engineForJob } from '../engines.ts';
import { withDependents } from '../entities.ts';
import type { Library } from '../library.ts';
import { addJob, missing, requireDataset, requireFit, requireModel } from '../session.ts';
import type { Session } from '../session.ts';
import type { SideJobs } from '../side-jobs.ts';
import { filterTermsOf } from './filter-terms.ts';
import { fittingModels } from './fitting.ts';
import { openSet, type OpenSet } from './open-sets.ts';
import { predictionOf, readPredictions } from './predictions.ts';
import { select } from './select.ts';
import { datasetTasks } from './tasks.ts';

/** Looking at data sets, and what is made from them. */
export interface DatasetViews {
  /** What is known of some images, in the order asked for. @throws AppError `not-found` for a position that is none. */
  items(id: EntityId, positions: readonly number[]): Promise<DatasetItem[]>;
  /** Images that a filter takes, in an order. What is wrong with either is in the answer. */
  select(query: DatasetQuery): Promise<DatasetSelection>;
  filterTerms(id: EntityId): Promise<FilterTerms>;
  filters(id: EntityId): SavedFilter[];
  saveFilter(id: EntityId, filter: SavedFilter): SavedFilter[];
  deleteFilter(id: EntityId, name: string): SavedFilter[];
  /** Worked out in a process of its own the first time, then kept beside the data set. */
  statistics(id: EntityId): Promise<DatasetStatistics>;
  /** Queues a model's predictions; null where there are some of its weights already. */
  predict(id: EntityId, model: EntityId): Promise<{ readonly id: EntityId | null }>;
  /** What every model that has predicted the set says of one image. */
  predictions(id: EntityId, position: number): Promise<ImagePrediction[]>;
  /** A new version with these edits; everything that refers to the data set goes on meaning what it meant. */
  edit(id: EntityId, edits: readonly DatasetEdit[], name?: string): Promise<{ readonly id: EntityId }>;
  verify(id: EntityId): Promise<DatasetCheck>;
  /** @returns how many images were written. */
  export(id: EntityId, positions: Uint32Array | null, format: SelectionFormat, target: string): Promise<number>;
  relocate(id: EntityId, path: string): Promise<Relocation>;
  /** Ends work that is under way. */
  stop(id: EntityId, task: DatasetTask): void;
  /** What would go into the bin with it, and the versions made from it, which would not. */
  dependents(id: EntityId): { readonly deleted: string[]; readonly versions: string[] };
}

/** Data sets that are kept open for looking. */
const OPEN = 3;
const PREDICTION_BATCH = 128;

export function datasetViews(
  session: Session,
  sideJobs: SideJobs,
  preferences: Library['preferences'],
): DatasetViews & { readonly dispose: () => void } {
  const { store, changed } = session;
  const tasks = datasetTasks(session, sideJobs);
  const open = new Map<string, Promise<OpenSet>>();
  const statistics = new Map<string, Promise<DatasetStatistics>>();

  const setOf = (id: string): Promise<OpenSet> => {
    const folder = store.folder.of('dataset', requireDataset(store, id).id);
    const opened = open.get(id) ?? openSet(folder);
    open.delete(id);
    open.set(id, opened);
    opened.catch(() => open.delete(id));
    const [oldest] = open.keys();
    if (open.size > OPEN && oldest !== undefined) {
      void open.get(oldest)?.then((one) => one.close());
      open.delete(oldest);
    }
    return opened;
  };
  const folderOf = (id: string): string => store.folder.of('dataset', requireDataset(store, id).id);

  return {
    items: async (id, positions) => {
      const set = await setOf(id);
      const { manifest, labels, splits } = set;
      const beyond = positions.find((position) => position >= manifest.images);
      if (beyond !== undefined) {
        throw new AppError('not-found', `${manifest.name} has no image ${beyond}; it has ${manifest.images}.`);
      }
      const rows = set.rows(positions);
      const originals = await originalPaths(folderOf(id), manifest, positions);
      return positions.map((position, at) => {
        const row = rows[at] ?? null;
        const split = splits[position] ?? EXCLUDED;
        return {
          position,
          label: labels[position] ?? 0,
          split: split === EXCLUDED ? null : (SPLITS[split] ?? null),
          name: row?.name ?? null,
          width: row?.width ?? null,
          height: row?.height ?? null,
          brightness: row?.brightness ?? null,
          contrast: row?.contrast ?? null,
          original: originals[at] ?? null,
          columns: row?.columns ?? null,
        };
      });
    },
    select: async (query) => select(store, await setOf(query.id), query),
    filterTerms: async (id) => filterTermsOf(store, await setOf(id)),
    filters: (id) => store.datasets.filters(requireDataset(store, id).id),
    saveFilter: (id, filter) => {
      store.datasets.saveFilter(requireDataset(store, id).id, filter);
      return store.datasets.filters(id);
    },
    deleteFilter: (id, name) => {
      store.datasets.deleteFilter(requireDataset(store, id).id, name);
      return store.datasets.filters(id);
    },
    statistics: async (id) => {
      const folder = folderOf(id);
      const kept = await keptStatistics(folder);
      if (kept) return kept;
      // Asked for twice at once, they are worked out once.
      const running =
        statistics.get(id) ??
        tasks
          .run<'statistics'>(id, { task: 'statistics', dataset: folder })
          .then((made) => made.statistics)
          .finally(() => statistics.delete(id));
      statistics.set(id, running);
      return running;
    },
    predict: async (id, modelId) => {
      const dataset = requireDataset(store, id);
      const model = requireModel(store, modelId);
      requireFit(model, dataset);
      if (await readPredictions(store, model, dataset.manifest)) return { id: null };
      const queued = store.jobs
        .inState('waiting', 'running', 'paused')
        .filter(({ kind }) => kind === 'predict')
        .find(({ options }) => predictionOf(options).model === modelId && predictionOf(options).dataset === id);
      if (queued) return { id: queued.id };
      const engine = engineForJob('auto', preferences.get().engine);
      const job = newId('predict');
      addJob(session, {
        id: job,
        kind: 'predict',
        title: `Predictions of ${model.name} for ${dataset.manifest.name}`,
        options: JSON.stringify({ model: modelId, dataset: id, engine, batchSize: PREDICTION_BATCH }),
      });
      return { id: job };
    },
    predictions: async (id, position) => {
      const { manifest } = requireDataset(store, id);
      if (position >= manifest.images) {
        throw new AppError('not-found', `${manifest.name} has no image ${position}; it has ${manifest.images}.`);
      }
      const answers: ImagePrediction[] = [];
      for (const model of fittingModels(store, manifest)) {
        const made = await readPredictions(store, model, manifest);
        if (!made) continue;
        const start = position * made.count;
        answers.push({
          model: model.id,
          name: model.name,
          predicted: made.predicted[position] ?? 0,
          confidence: made.confidence[position] ?? 0,
          probabilities: Array.from(made.classes.subarray(start, start + made.count), (label, at) => ({
            label,
            probability: made.probabilities[start + at] ?? 0,
          })),
        });
      }
      return answers;
    },
    edit: async (id, edits, name) => {
      const parent = requireDataset(store, id);
      const version = newId('dataset');
      const target = store.folder.of('dataset', version);
      // Made beside the library's sets: what a crash leaves there is removed at a later start.
      const making = store.folder.scratch(`version-${process.pid}-${version.slice(version.indexOf('-') + 1)}`);
      const { manifest } = await tasks.run<'edit'>(id, {
        task: 'edit',
        dataset: folderOf(id),
        target: making,
        id: version,
        name:
          name ??
          versionName(
            store.datasets.list().map((row) => row.manifest.name),
            parent.manifest.name,
          ),
        edits: [...edits],
        created: new Date().toISOString(),
      });
      try {
        await rename(making, target);
        const bytes = await folderBytes(target);
        store.database.transaction(() => {
          store.datasets.add(manifest, bytes);
          for (const filter of store.datasets.filters(id)) store.datasets.saveFilter(version, filter);
        });
      } catch (error) {
        await rm(making, { recursive: true, force: true });
        await rm(target, { recursive: true, force: true });
        throw error;
      }
      changed();
      return { id: version };
    },
    verify: async (id) => {
      const { manifest } = requireDataset(store, id);
      const { check } = await tasks.run<'verify'>(id, { task: 'verify', dataset: folderOf(id), hash: manifest.hash });
      return check;
    },
    export: async (id, positions, format, target) => {
      const own = positions && Uint32Array.from(positions);
      const work = { task: 'export', dataset: folderOf(id), target: resolve(target), format, positions: own } as const;
      return (await tasks.run<'export'>(id, work)).images;
    },
    relocate: async (id, path) =>
      (await tasks.run<'relocate'>(id, { task: 'relocate', dataset: folderOf(id), path: resolve(path) })).relocation,
    stop: (id, task) => tasks.stop(id, task),
    dependents: (id) => {
      const entity = store.bin.find(requireDataset(store, id).id) ?? missing('data set', id);
      const versions = store.datasets.list().filter(({ manifest }) => manifest.parent?.id === id);
      return {
        deleted: withDependents(store, entity)
          .filter((other) => other.id !== id)
          .map(({ name }) => name),
        versions: versions.map(({ manifest }) => manifest.name),
      };
    },
    dispose: () => {
      for (const opened of open.values()) void opened.then((one) => one.close()).catch(() => undefined);
      open.clear();
    },
  };
}

/** Null where there are none that this version understands: they are worked out anew. */
async function keptStatistics(folder: string): Promise<DatasetStatistics | null> {
  try {
    return datasetStatistics.parse(JSON.parse(await readFile(join(folder, STATISTICS_FILE), 'utf8')));
  } catch {
    return null;
  }
}

/** `Flowers` becomes `Flowers v2`, `Flowers v2` becomes `Flowers v3`, or the first that is free. */
function versionName(taken: readonly string[], parent: string): string {
  const [, base = parent, number = '1'] = /^(.*) v(\d+)$/.exec(parent) ?? [];
  for (let next = Number(number) + 1; ; next += 1) {
    const name = `${base} v${next}`;
    if (!taken.includes(name)) return name;
  }
}
