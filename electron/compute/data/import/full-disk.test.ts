import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importPlan } from '../../../../shared/domain/import-plan.ts';
import { writeNpz } from '../../arrays/npz.ts';
import { stream } from '../../random/stream.ts';
import { importDataset } from './import-dataset.ts';
import { openJournal } from './journal.ts';

let root: string;
let disk: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-full-'));
  disk = join(root, 'disk');
  mkdirSync(disk);
});
afterEach(() => {
  try {
    execFileSync('umount', [disk], { stdio: 'ignore' });
  } catch {
    // It was not mounted.
  }
  rmSync(root, { recursive: true, force: true });
});

const alone = { checkpoint: async (): Promise<void> => undefined, progress: (): void => undefined };

test('a disk that fills during an import: what is needed is said, and it goes on once there is room', async (context) => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    context.skip('a small disk of its own needs the right to mount one');
  }
  const count = 8_000;
  const random = stream(0, 'pixels');
  const data = Uint8Array.from({ length: count * 3_072 }, () => random.bits() >>> 24);
  const path = join(root, 'set.npz');
  await writeNpz(path, {
    images: { dtype: 'u8', shape: [count, 32, 32, 3], data },
    labels: { dtype: 'u8', shape: [count], data: Uint8Array.from({ length: count }, (_, at) => at % 2) },
  });
  const folder = join(disk, 'set');
  mkdirSync(folder);
  const job = { id: 'dataset-0123456789', folder, scratch: join(root, 'scratch'), options: importPlan.parse({ path }) };
  const ballast = join(disk, 'ballast');
  // Enough room at the start; another program takes it while the import runs.
  const filling = {
    ...alone,
    progress: ({ done, message }: { readonly done: number; readonly message: string }): void => {
      if (message === 'Importing' && done === 3_000) writeFileSync(ballast, new Uint8Array(24 * 2 ** 20));
    },
  };
  await expect(importDataset(job, filling)).rejects.toMatchObject({
    code: 'library-full',
    retry: true,
    message: expect.stringMatching(/needs \d+ MiB more, but the disk of .* has \d+ MiB left/),
  });
  expect(existsSync(join(folder, 'manifest.json'))).toBe(false);
  // Still full: known before anything is written.
  await expect(importDataset(job, alone)).rejects.toMatchObject({ code: 'library-full' });
  openJournal(join(folder, 'items.db')).close();
  rmSync(ballast);
  const manifest = await importDataset(job, alone);
  expect(manifest).toMatchObject({ images: count });
  expect(readFileSync(join(folder, 'images.u8')).equals(data)).toBe(true);
});
