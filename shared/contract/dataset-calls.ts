import { z } from 'zod';
import { importPreview } from '../domain/dataset.ts';
import { entityId } from '../domain/ids.ts';
import { importPlan } from '../domain/import-plan.ts';
import { call } from './call.ts';

/** Calls about data sets: import, browsing, versions. */
export const DATASET_CALLS = {
  'datasets.choose': call(z.strictObject({ kind: z.enum(['folder', 'files']) }), z.string().nullable()),
  'datasets.preview': call(importPlan, importPreview),
  'datasets.import': call(importPlan, z.object({ id: entityId })),
};
