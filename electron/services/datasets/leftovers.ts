import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PACKED_FILES } from '../../compute/data/packed.ts';
import { isAlive } from '../../store/lease.ts';
import type { Store } from '../../store/store.ts';

const PREVIEW = /^(?:preview|version)-(\d+)-[a-z0-9]+$/;
const IMPORT = /^import-(dataset-[a-z0-9]+)$/;

/**
 * Removes what previews, edits and imports of processes that ended without tidying up have left: scratch files of previews and versions,
 * and data sets under construction that nobody can go on with.
 */
export async function removeLeftovers(store: Store): Promise<void> {
  const goesOn = (id: string): boolean => {
    const job = store.jobs.get(id);
    return job !== undefined && job.state !== 'cancelled' && job.state !== 'done';
  };
  const scratch = dirname(store.folder.scratch('x'));
  for (const name of await readdir(scratch)) {
    const pid = PREVIEW.exec(name)?.[1];
    const id = IMPORT.exec(name)?.[1];
    const old =
      pid !== undefined ? Number(pid) !== process.pid && !isAlive(Number(pid)) : id !== undefined && !goesOn(id);
    if (old) await rm(join(scratch, name), { recursive: true, force: true });
  }
  const sets = store.folder.all('dataset');
  for (const id of await readdir(sets)) {
    // With a manifest it is whole, and whoever made it is about to name it.
    if (existsSync(join(sets, id, PACKED_FILES.manifest)) || !existsSync(join(sets, id))) continue;
    const job = store.jobs.get(id);
    if (job?.state === 'cancelled') await rm(join(sets, id), { recursive: true, force: true });
  }
}
