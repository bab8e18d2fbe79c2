import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DatasetManifest } from '../../../../shared/domain/dataset.ts';
import type { EntityId } from '../../../../shared/domain/ids.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import type { Control } from '../../jobs/control.ts';
import { ITEMS_FILE } from '../items.ts';
import { readManifest, PACKED_FILES } from '../packed.ts';
import { assignSplits } from '../splits.ts';
import { chooseItems, itemsOf } from './chosen-items.ts';
import { completeSet } from './complete-set.ts';
import { fingerprintOf } from './fingerprint.ts';
import { openJournal } from './journal.ts';
import type { Journal } from './journal.ts';
import { openSource } from './open-source.ts';
import { packImages } from './pack-images.ts';
import { nothingGood } from './reasons.ts';
import { requireSpace } from './space.ts';
import { survey } from './survey.ts';
import type { Survey } from './survey.ts';

export interface ImportJob {
  readonly id: EntityId;
  /** Existing folder of the data set under construction. Without a manifest in it, the import goes on from its journal. */
  readonly folder: string;
  /** Folder for what archives need unpacked; the caller removes it. */
  readonly scratch: string;
  readonly options: ImportPlan;
}

/**
 * Reads a source image by image and writes a packed data set into `job.folder`; the manifest comes last, so a folder
 * with a manifest is whole. Good images are taken, the others are listed with reasons. What is written is noted in a
 * journal every few seconds: the same job in the same folder goes on from there after a crash, and comes to the same
 * bytes as if there had been none.
 * @throws AppError `bad-data`, `not-found`, `invalid-input`, `library-full`, `library-read-only`, `cancelled` or `io`.
 */
export async function importDataset(job: ImportJob, control: Control): Promise<DatasetManifest> {
  const { options: plan, folder, scratch } = job;
  const done = await finishedBefore(job);
  if (done) return done;
  control.progress({ done: 0, total: 1, unit: 'images', message: 'Looking at the files' });
  const opened = await openSource(plan, scratch, control);
  try {
    const path = resolve(plan.path);
    const chosen = chooseItems(opened.source, plan, path);
    // What is wrong with the splits is known before hours of reading.
    assignSplits(itemsOf(opened.source, chosen), plan);
    const seen = await survey(opened, chosen.items, plan, control);
    if (seen.unreadable.size === seen.looked) throw nothingGood(path, [...seen.unreadable.values()][0]);
    const fingerprint = fingerprintOf(opened, plan, chosen, seen);
    const journal = await openOrRestart(folder, fingerprint, seen);
    try {
      await requireSpace({ opened, chosen, seen, plan }, folder, copiedBytes(journal, plan));
      const packed = await packImages({ opened, chosen, seen, plan, folder, fingerprint, journal }, control);
      if (packed.images === 0) throw nothingGood(path, [...journal.skipped()][0]);
      const manifest = await completeSet({ job, opened, chosen, seen, packed, journal }, control);
      journal.finish();
      return manifest;
    } finally {
      journal.close();
    }
  } finally {
    await opened.close();
  }
}

/** Whether a crash came between the manifest and the job's end: then only the journal is left to be cleared. */
async function finishedBefore({ folder, id }: ImportJob): Promise<DatasetManifest | null> {
  if (!existsSync(join(folder, PACKED_FILES.manifest))) return null;
  const manifest = readManifest(folder);
  if (manifest.id !== id) return null;
  const journal = openJournal(join(folder, ITEMS_FILE));
  try {
    if (journal.state) journal.finish();
  } finally {
    journal.close();
  }
  return manifest;
}

/** The journal in the folder, or a new one where that is of another source or plan, or says more than there is. */
async function openOrRestart(folder: string, fingerprint: string, seen: Survey): Promise<Journal> {
  const file = join(folder, ITEMS_FILE);
  const journal = await attemptOpen(file);
  const state = journal?.state;
  if (journal && state?.fingerprint === fingerprint && (await hasImages(folder, seen, state.images))) return journal;
  journal?.close();
  const { images, floats, masks } = PACKED_FILES;
  for (const name of [ITEMS_FILE, `${ITEMS_FILE}-journal`, images, floats, masks]) {
    await rm(join(folder, name), { force: true });
  }
  return openJournal(file);
}

async function hasImages(folder: string, { shape, target }: Survey, images: number): Promise<boolean> {
  const isFloat = target.depth === 'f32';
  const file = join(folder, isFloat ? PACKED_FILES.floats : PACKED_FILES.images);
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  return size >= images * shape[0] * shape[1] * shape[2] * (isFloat ? 4 : 1);
}

async function attemptOpen(file: string): Promise<Journal | null> {
  try {
    return existsSync(file) ? openJournal(file) : null;
  } catch {
    // Damaged by whatever ended the import before: it begins anew.
    return null;
  }
}

function copiedBytes(journal: Journal, { originals }: ImportPlan): number {
  if (originals !== 'copy') return 0;
  let sum = 0;
  for (const { bytes } of journal.originals()) sum += bytes;
  return sum;
}
