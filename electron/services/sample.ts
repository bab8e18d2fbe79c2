import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { importPlan } from '../../shared/domain/import-plan.ts';
import { newId } from '../../shared/domain/ids.ts';
import { createControl } from '../compute/jobs/control.ts';
import { folderBytes } from '../store/folder.ts';
import { isAlive } from '../store/lease.ts';
import type { Store } from '../store/store.ts';
import { importScratch } from './job-specs.ts';

const KEY = 'sample';
/** What the bundled data set is called in a new library. */
export const SAMPLE_NAME = 'MNIST sample';
/** 500 of the sample's 6,000 training images are held out for validation. */
const VALIDATION_SHARE = 500 / 6000;
const ATTRIBUTION =
  'MNIST, © Yann LeCun, Corinna Cortes and Christopher J. C. Burges, CC BY-SA 3.0; its first 6,000 training and first 1,000 test images.';
const WAIT_MS = 50;
/** Another process that takes longer than this is not waited for: its sample appears when it is there. */
const LONGEST_WAIT_MS = 20_000;

/** A process that has not given a sign of life for so long is not at it any more. */
const SILENT_AFTER_MS = 15_000;
const HEARTBEAT_MS = 1_000;
/** Names this process: after a restart in a container another one may have the same number. */
const TOKEN = randomUUID();

const claimSchema = z.object({
  state: z.enum(['installing', 'installed']),
  token: z.string().default(''),
  host: z.string().default(''),
  pid: z.number().int().default(0),
  /** Milliseconds since 1970. */
  heartbeat: z.number().default(0),
});
type Claim = z.infer<typeof claimSchema>;

/**
 * Puts the bundled sample into a library that has never had it, once: a sample that was deleted stays deleted. Where
 * another process is at it, waits for that.
 * @param source folder of the sample's IDX files.
 */
export async function installSample(store: Store, source: string): Promise<void> {
  const started = Date.now();
  while (!claim(store)) {
    if (isInstalled(store) || Date.now() - started > LONGEST_WAIT_MS) return;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  const id = newId('dataset');
  const folder = store.folder.of('dataset', id);
  const scratch = store.folder.scratch(importScratch(id));
  const beat = setInterval(() => {
    try {
      if (isMine(store)) write(store, 'installing');
    } catch {
      // One sign of life less; if the library cannot be written, the import says so.
    }
  }, HEARTBEAT_MS);
  beat.unref();
  try {
    await mkdir(folder, { recursive: true });
    const options = importPlan.parse({
      path: source,
      name: SAMPLE_NAME,
      format: 'idx',
      validationShare: VALIDATION_SHARE,
      attribution: ATTRIBUTION,
    });
    // This process has a window to draw: the import gives it a turn every few milliseconds.
    const { context } = createControl(() => undefined);
    // With every format's reader, which nothing else needs in this process.
    const { importDataset } = await import('../compute/data/import/import-dataset.ts');
    const manifest = await importDataset({ id, folder, scratch, options }, context);
    const bytes = await folderBytes(folder);
    const kept = store.database.transaction(() => {
      // Silent for too long, and another process has taken over meanwhile: its sample counts.
      if (!isMine(store)) return false;
      store.datasets.add(manifest, bytes);
      write(store, 'installed');
      return true;
    });
    if (!kept) await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if (isMine(store)) store.preferences.set(KEY, null);
    await rm(folder, { recursive: true, force: true });
    throw error;
  } finally {
    clearInterval(beat);
    await rm(scratch, { recursive: true, force: true });
  }
}

const read = (store: Store): Claim | null => claimSchema.safeParse(store.preferences.get(KEY)).data ?? null;
const isInstalled = (store: Store): boolean => read(store)?.state === 'installed';
const isMine = (store: Store): boolean => {
  const current = read(store);
  return current?.state === 'installing' && current.token === TOKEN;
};
const write = (store: Store, state: Claim['state']): void => {
  const claimed: Claim = { state, token: TOKEN, host: hostname(), pid: process.pid, heartbeat: Date.now() };
  store.preferences.set(KEY, claimed);
};

/** True if this process is to install the sample: nobody has, and nobody alive is at it. */
function claim(store: Store): boolean {
  return store.database.transaction(() => {
    const current = read(store);
    if (current && (current.state === 'installed' || !isStale(current))) return false;
    write(store, 'installing');
    return true;
  });
}

function isStale({ token, host, pid, heartbeat }: Claim): boolean {
  if (token === TOKEN) return false;
  if (Date.now() - heartbeat > SILENT_AFTER_MS) return true;
  return host === hostname() && (pid === process.pid || !isAlive(pid));
}
