import { fork } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { forkLauncher } from './launch-fork.ts';
import { openLibrary } from './open-library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-open-'));
const launcher = forkLauncher(join(import.meta.dirname, '../compute/job-host.ts'));
afterAll(() => rmSync(root, { recursive: true }));

/** Opens the library in a process of its own; resolves with the number of data sets it sees. */
function openElsewhere(folder: string): Promise<number> {
  const script = `
    import { openLibrary } from ${JSON.stringify(join(import.meta.dirname, 'open-library.ts'))};
    import { forkLauncher } from ${JSON.stringify(join(import.meta.dirname, 'launch-fork.ts'))};
    const library = await openLibrary(${JSON.stringify(folder)}, { launcher: forkLauncher('unused'), serves: 'own' });
    process.send(library.datasets.list().length, () => library.dispose().then(() => process.exit(0)));
  `;
  const child = fork('-', [], {
    execArgv: ['--input-type=module', '-e', script],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.once('message', (count) => resolve(Number(count)));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
}

test('three processes that open a new library at once make one schema and one sample', async () => {
  const folder = join(root, 'at-once');
  const counts = await Promise.all([1, 2, 3].map(() => openElsewhere(folder)));
  expect(counts).toEqual([1, 1, 1]);
});

test('an installation of the sample that died half-way is done again', async () => {
  const folder = join(root, 'half');
  const first = await openLibrary(folder, { launcher, sample: null });
  await first.dispose();
  const db = new DatabaseSync(join(folder, 'library.db'));
  // A process id that no process can have.
  db.exec(`INSERT INTO preferences VALUES ('sample', '{"state":"installing","pid":2147483646}')`);
  db.close();
  const again = await openLibrary(folder, { launcher });
  expect(again.datasets.list()).toHaveLength(1);
  await again.dispose();
});

test('a deleted sample stays deleted; after 30 days in the bin it is gone for good', async () => {
  const folder = join(root, 'bin');
  const first = await openLibrary(folder, { launcher });
  const [sample] = first.datasets.list();
  const path = first.datasets.folder(sample?.id ?? '');
  first.entities.delete(sample?.id ?? '');
  await first.dispose();
  const second = await openLibrary(folder, { launcher });
  expect(second.datasets.list()).toEqual([]);
  expect(existsSync(path)).toBe(true);
  await second.dispose();
  const db = new DatabaseSync(join(folder, 'library.db'));
  db.exec(`UPDATE datasets SET deleted = '2026-01-01T00:00:00.000Z'`);
  db.close();
  const third = await openLibrary(folder, { launcher });
  expect(existsSync(path)).toBe(false);
  expect(() => third.entities.restore(sample?.id ?? '')).toThrow(expect.objectContaining({ code: 'not-found' }));
  await third.dispose();
});

test('a damaged sample is an error that names the file, and the next start tries again', async () => {
  const folder = join(root, 'damaged');
  const source = join(root, 'sample');
  mkdirSync(source);
  await expect(openLibrary(folder, { launcher, sample: source })).rejects.toMatchObject({
    code: 'bad-data',
    message: expect.stringContaining(source),
  });
  cpSync(join(import.meta.dirname, '../../resources/sample'), source, { recursive: true });
  const library = await openLibrary(folder, { launcher, sample: source });
  expect(library.datasets.list()).toHaveLength(1);
  await library.dispose();
  await library.dispose();
});
