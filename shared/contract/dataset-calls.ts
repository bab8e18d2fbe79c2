import { z } from 'zod';
import { duplicatePairs, importPreview } from '../domain/dataset.ts';
import { entityId } from '../domain/ids.ts';
import { importPlan } from '../domain/import-plan.ts';
import { call, one, savedFile } from './call.ts';
import { DATASET_VIEW_CALLS } from './dataset-view-calls.ts';

/** Names one preview of an import; the window makes it up. */
const previewToken = z.string().regex(/^[a-z0-9]{8,64}$/, 'must be 8 to 64 lower-case letters and digits');

/** Calls about data sets: import, browsing, versions. */
export const DATASET_CALLS = {
  ...DATASET_VIEW_CALLS,
  /** A folder, or an archive or files of one folder; null if the user closed the dialog. */
  'datasets.choose': call(z.strictObject({ kind: z.enum(['folder', 'files']) }), z.array(z.string()).nullable()),
  /** Looks in a process of its own, with `dataset.preview` events; a second call with a token replaces the first. */
  'datasets.preview': call(z.strictObject({ plan: importPlan, token: previewToken }), importPreview),
  /** Ends a preview and removes its scratch files, unless an import has taken them over. */
  'datasets.endPreview': call(z.strictObject({ token: previewToken }), z.void()),
  'datasets.import': call(importPlan, z.object({ id: entityId })),
  /** What a data set was made by; null for sets of earlier versions. */
  'datasets.plan': call(one, importPlan.nullable()),
  /** Everything that the import left out, and why, as CSV. */
  'datasets.exportSkipped': call(one, savedFile),
  'datasets.duplicates': call(one, duplicatePairs),
};
