import { binStore } from './bin.ts';
import type { BinStore } from './bin.ts';
import { checkStore } from './checks.ts';
import type { CheckStore } from './checks.ts';
import { openDatabase } from './database.ts';
import type { Database } from './database.ts';
import { datasetStore } from './datasets.ts';
import type { DatasetStore } from './datasets.ts';
import { evaluationStore } from './evaluations.ts';
import type { EvaluationStore } from './evaluations.ts';
import { openFolder } from './folder.ts';
import type { LibraryFolder } from './folder.ts';
import { galleryStore } from './galleries.ts';
import type { GalleryStore } from './galleries.ts';
import { jobStore } from './jobs.ts';
import type { JobStore } from './jobs.ts';
import { leaseStore } from './lease.ts';
import type { LeaseStore } from './lease.ts';
import { migrate } from './migrations.ts';
import { modelStore } from './models.ts';
import type { ModelStore } from './models.ts';
import { moduleStore } from './modules.ts';
import type { ModuleStore } from './modules.ts';
import { planStore } from './plans.ts';
import type { PlanStore } from './plans.ts';
import { preferenceStore } from './preferences.ts';
import type { PreferenceStore } from './preferences.ts';
import { runStore } from './runs.ts';
import type { RunStore } from './runs.ts';
import { sweepStore } from './sweeps.ts';
import type { SweepStore } from './sweeps.ts';

/** Everything that a library keeps: its folder and the tables of its database. */
export interface Store {
  readonly folder: LibraryFolder;
  readonly database: Database;
  readonly datasets: DatasetStore;
  readonly models: ModelStore;
  readonly runs: RunStore;
  readonly evaluations: EvaluationStore;
  readonly plans: PlanStore;
  readonly sweeps: SweepStore;
  readonly modules: ModuleStore;
  readonly galleries: GalleryStore;
  readonly checks: CheckStore;
  readonly jobs: JobStore;
  readonly lease: LeaseStore;
  readonly preferences: PreferenceStore;
  readonly bin: BinStore;
  close(): void;
}

/**
 * Opens the library in `path`, making it if it is new; an older schema is brought up to date after a backup.
 * @throws AppError that names the folder and what to do: read-only, full, newer, busy, damaged, or a file in its place.
 */
export function openStore(path: string): Store {
  const folder = openFolder(path);
  const database = openDatabase(folder.database);
  try {
    migrate(database, folder.backups);
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    folder,
    database,
    datasets: datasetStore(database),
    models: modelStore(database),
    runs: runStore(database),
    evaluations: evaluationStore(database),
    plans: planStore(database),
    sweeps: sweepStore(database),
    modules: moduleStore(database),
    galleries: galleryStore(database),
    checks: checkStore(database),
    jobs: jobStore(database),
    lease: leaseStore(database),
    preferences: preferenceStore(database),
    bin: binStore(database),
    close: database.close,
  };
}
