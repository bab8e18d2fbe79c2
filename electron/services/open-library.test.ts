import { fork } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { forkLauncher } from './launch-fork.ts';
import type { Library } from './library.ts';
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

test.each([
  ['of a process that is gone', { pid: 2147483646, token: 'dead', host: hostname(), heartbeat: Date.now() }],
  [
    'of an earlier process of the same number',
    { pid: process.pid, token: 'dead', host: hostname(), heartbeat: Date.now() },
  ],
  ['of another machine that fell silent', { pid: 1, token: 'dead', host: 'elsewhere', heartbeat: Date.now() - 60_000 }],
  ['without a sign of life', { pid: process.pid }],
])('an installation of the sample that died half-way is done again: %s', async (what, claim) => {
  const folder = join(root, `half ${what}`);
  const first = await openLibrary(folder, { launcher, sample: null });
  await first.dispose();
  const db = new DatabaseSync(join(folder, 'library.db'));
  const value = JSON.stringify({ state: 'installing', ...claim });
  db.prepare(`INSERT INTO preferences VALUES ('sample', ?)`).run(value);
  db.close();
  const started = performance.now();
  const again = await openLibrary(folder, { launcher });
  expect(again.datasets.list()).toHaveLength(1);
  expect(performance.now() - started).toBeLessThan(10_000);
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

test('a damaged sample is a notice that names the file, the library opens, and the next start tries again', async () => {
  const folder = join(root, 'damaged');
  const source = join(root, 'sample');
  mkdirSync(source);
  const first = await openLibrary(folder, { launcher, sample: source });
  const notices = noticesOf(first);
  expect(notices).toEqual([expect.objectContaining({ code: 'bad-data', message: expect.stringContaining(source) })]);
  expect(first.datasets.list()).toEqual([]);
  await first.dispose();
  cpSync(join(import.meta.dirname, '../../resources/sample'), source, { recursive: true });
  const library = await openLibrary(folder, { launcher, sample: source });
  expect(library.datasets.list()).toHaveLength(1);
  expect(noticesOf(library)).toEqual([]);
  await library.dispose();
  await library.dispose();
});

test('what cannot be removed from the bin is a notice; the rest goes, and the next start tries again', async () => {
  const folder = join(root, 'stuck');
  const first = await openLibrary(folder, { launcher });
  const [sample] = first.datasets.list();
  const stuck = first.datasets.folder(sample?.id ?? '');
  first.entities.delete(sample?.id ?? '');
  await first.dispose();
  const db = new DatabaseSync(join(folder, 'library.db'));
  db.exec(`UPDATE datasets SET deleted = '2026-01-01T00:00:00.000Z'`);
  // A row that keeps its data set from going.
  db.exec(`CREATE TABLE keeper (dataset TEXT REFERENCES datasets (id)); INSERT INTO keeper SELECT id FROM datasets`);
  db.close();
  const second = await openLibrary(folder, { launcher });
  expect(noticesOf(second)).toEqual([
    expect.objectContaining({ message: expect.stringMatching(/MNIST sample could not be removed from the bin/) }),
  ]);
  await second.dispose();
  const free = new DatabaseSync(join(folder, 'library.db'));
  free.exec('DROP TABLE keeper');
  free.close();
  const third = await openLibrary(folder, { launcher });
  expect(noticesOf(third)).toEqual([]);
  expect(existsSync(stuck)).toBe(false);
  await third.dispose();
});

/** The notices from before anybody listened. */
function noticesOf(library: Library): { readonly code: string; readonly message: string }[] {
  const notices: { code: string; message: string }[] = [];
  library.events.on('app.notice', ({ error }) => notices.push(error));
  return notices;
}
