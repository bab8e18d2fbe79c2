import { z } from 'zod';
import { datasetEdit } from '../domain/dataset.ts';
import {
  DATASET_TASKS,
  EXPORT_FORMATS,
  ITEMS_AT_ONCE,
  datasetCheck,
  datasetItem,
  datasetQuery,
  datasetSelection,
  datasetStatistics,
  filterTerms,
  imagePrediction,
  positions,
  relocation,
  savedFilter,
} from '../domain/dataset-view.ts';
import { entityId } from '../domain/ids.ts';
import { call, one, savedFile } from './call.ts';

const name = z.string().trim().min(1).max(120);

/** Calls about data sets that are there: browsing, versions, predictions. Tasks report as the event `dataset.task`. */
export const DATASET_VIEW_CALLS = {
  /** In the order asked for. */
  'datasets.items': call(one.extend({ positions: z.array(z.int().min(0)).max(ITEMS_AT_ONCE) }), z.array(datasetItem)),
  'datasets.select': call(datasetQuery, datasetSelection),
  'datasets.filterTerms': call(one, filterTerms),
  'datasets.filters': call(one, z.array(savedFilter)),
  /** Replaces the one of that name; answers with all. */
  'datasets.saveFilter': call(one.extend({ name, text: z.string().trim().min(1).max(10_000) }), z.array(savedFilter)),
  'datasets.deleteFilter': call(one.extend({ name }), z.array(savedFilter)),
  /** Worked out once, then kept. `pairlight://tensor/dataset/<id>/mean` has the mean image of all in row 0, of class c in row c + 1. */
  'datasets.statistics': call(one, datasetStatistics),
  /** Queues a model's predictions for every image; null if there are some already. */
  'datasets.predict': call(one.extend({ model: entityId }), z.object({ id: entityId.nullable() })),
  /** Of every model that has predicted this set. */
  'datasets.predictions': call(one.extend({ position: z.int().min(0) }), z.array(imagePrediction)),
  /** A new version with these edits in this order; the data set itself stays as it is. */
  'datasets.edit': call(
    one.extend({ edits: z.array(datasetEdit).min(1), name: name.optional() }),
    z.object({ id: entityId }),
  ),
  /** Reads everything and compares it with its hashes. */
  'datasets.verify': call(one, datasetCheck),
  /** Asks where to; null positions: all that no edit took out. Answers with the file or folder. */
  'datasets.export': call(one.extend({ positions: positions.nullable(), format: z.enum(EXPORT_FORMATS) }), savedFile),
  /** Looks below a folder for the originals that were referenced, by their hashes; asks for one if none is given. */
  'datasets.relocate': call(one.extend({ path: z.string().min(1).optional() }), relocation.nullable()),
  /** Ends such work; its call then fails with `cancelled`. */
  'datasets.stop': call(one.extend({ task: z.enum(DATASET_TASKS) }), z.void()),
  /** Names of all that goes into the bin with it, and of the versions made from it, which stay whole. */
  'datasets.dependents': call(one, z.object({ deleted: z.array(z.string()), versions: z.array(z.string()) })),
};
