import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { DuplicatePairs, ImportPreview } from '../../../shared/domain/dataset.ts';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import { newId } from '../../../shared/domain/ids.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { parseInput } from '../inputs.ts';
import { addJob, requireDataset } from '../session.ts';
import type { Session } from '../session.ts';
import { duplicatePairs } from './duplicates.ts';
import type { Previews } from './preview.ts';
import { skippedCsv } from './skipped.ts';

/** Importing data sets, and what an import left behind to look at. */
export interface ImportService {
  /**
   * What a path holds and what the plan would make of it; writes nothing into the library but scratch files.
   * @param token names the preview, and replaces the one of the same name that is under way.
   */
  preview(plan: ImportPlan, token: string): Promise<ImportPreview>;
  /** Ends a preview that is under way and removes its scratch files. Calling it for an unknown one is harmless. */
  endPreview(token: string): Promise<void>;
  /** Queues an import job; the data set appears with the returned id when it is done. */
  import(plan: ImportPlan): Promise<{ readonly id: EntityId }>;
  /** What a data set was made by; null for sets of earlier versions. */
  plan(id: EntityId): ImportPlan | null;
  /** Everything that the import left out, and why, as CSV. */
  skippedCsv(id: EntityId): Promise<{ readonly name: string; readonly bytes: Uint8Array }>;
  /** Pairs of equal and similar images that the import found. */
  duplicates(id: EntityId): Promise<DuplicatePairs>;
}

const absolute = (plan: ImportPlan): ImportPlan => ({ ...plan, path: resolve(plan.path) });

export function importService(session: Session, previews: Previews): ImportService {
  const { store } = session;
  const lookOnce = async (plan: ImportPlan): Promise<ImportPreview> => {
    const token = randomBytes(8).toString('hex');
    try {
      return await previews.look(plan, token);
    } catch (error) {
      await previews.end(token);
      throw error;
    }
  };
  return {
    preview: async (plan, token) => previews.look(absolute(parseInput(importPlan, plan, 'import')), token),
    endPreview: (token) => previews.end(token),
    import: async (input) => {
      const plan = parseInput(importPlan, input, 'import');
      const path = resolve(plan.path);
      // What can be said at once is said at once; reading every image is the job's part.
      const found = previews.found(path) ?? (await lookOnce({ ...plan, path }));
      const id = newId('dataset');
      await previews.handOver(path, id);
      const name = plan.name ?? found.suggestedName;
      const options = JSON.stringify({ ...plan, path, name });
      addJob(session, { id, kind: 'import', title: `Import ${name}`, options });
      return { id };
    },
    plan: (id) => requireDataset(store, id).manifest.plan ?? null,
    skippedCsv: (id) => skippedCsv(store, id),
    duplicates: (id) => duplicatePairs(store, id),
  };
}
