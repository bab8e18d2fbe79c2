import { z } from 'zod';
import { datasetEdit, datasetManifest } from './dataset.ts';
import { EXPORT_FORMATS, datasetCheck, datasetStatistics, relocation } from './dataset-view.ts';
import { entityId } from './ids.ts';

/** Work on a packed data set in a process of its own; `dataset` is its folder. */
export const datasetTaskSpec = z.discriminatedUnion('task', [
  /** Writes `statistics.json` and `mean.npy` into the data set's folder. */
  z.object({ task: z.literal('statistics'), dataset: z.string() }),
  /** `hash`: what the library knows it by. */
  z.object({ task: z.literal('verify'), dataset: z.string(), hash: z.string() }),
  /** Makes the data set of an edited version in `target`, which does not exist. */
  z.object({
    task: z.literal('edit'),
    dataset: z.string(),
    target: z.string(),
    id: entityId,
    name: z.string(),
    edits: z.array(datasetEdit),
    created: z.string(),
  }),
  /** `target` is a file, or a folder that does not exist or is empty. Null positions: all that no edit took out. */
  z.object({
    task: z.literal('export'),
    dataset: z.string(),
    target: z.string(),
    format: z.enum(EXPORT_FORMATS),
    positions: z.instanceof(Uint32Array).nullable(),
  }),
  /** Looks for the originals below the folder `path`. */
  z.object({ task: z.literal('relocate'), dataset: z.string(), path: z.string() }),
]);
export type DatasetTaskSpec = z.infer<typeof datasetTaskSpec>;
export type DatasetTaskSpecOf<T extends DatasetTaskSpec['task']> = Extract<DatasetTaskSpec, { readonly task: T }>;

export const datasetTaskResult = z.discriminatedUnion('task', [
  z.object({ task: z.literal('statistics'), statistics: datasetStatistics }),
  z.object({ task: z.literal('verify'), check: datasetCheck }),
  z.object({ task: z.literal('edit'), manifest: datasetManifest }),
  z.object({ task: z.literal('export'), images: z.int() }),
  z.object({ task: z.literal('relocate'), relocation }),
]);
export type DatasetTaskResult = z.infer<typeof datasetTaskResult>;
export type DatasetTaskResultOf<T extends DatasetTaskResult['task']> = Extract<DatasetTaskResult, { readonly task: T }>;
