import { mkdir, rm } from 'node:fs/promises';
import { importOptions } from '../../shared/domain/dataset.ts';
import { newId } from '../../shared/domain/ids.ts';
import { importDataset } from '../compute/data/import.ts';
import { folderBytes } from '../store/folder.ts';
import { isAlive } from '../store/lease.ts';
import type { Store } from '../store/store.ts';

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

interface Claim {
  readonly state: 'installing' | 'installed';
  readonly pid: number;
}

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
  try {
    await mkdir(folder, { recursive: true });
    const options = importOptions.parse({
      path: source,
      name: SAMPLE_NAME,
      format: 'idx',
      validationShare: VALIDATION_SHARE,
      attribution: ATTRIBUTION,
    });
    const alone = { checkpoint: async () => undefined, progress: () => undefined };
    const manifest = await importDataset({ id, folder, options }, alone);
    const bytes = await folderBytes(folder);
    store.database.transaction(() => {
      store.datasets.add(manifest, bytes);
      store.preferences.set(KEY, { state: 'installed', pid: process.pid } satisfies Claim);
    });
  } catch (error) {
    store.preferences.set(KEY, null);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

const read = (store: Store): Claim | null => (store.preferences.get(KEY) ?? null) as Claim | null;
const isInstalled = (store: Store): boolean => read(store)?.state === 'installed';

/** True if this process is to install the sample: nobody has, and nobody alive is at it. */
function claim(store: Store): boolean {
  return store.database.transaction(() => {
    const current = read(store);
    if (current && (current.state === 'installed' || isAlive(current.pid))) return false;
    store.preferences.set(KEY, { state: 'installing', pid: process.pid } satisfies Claim);
    return true;
  });
}
