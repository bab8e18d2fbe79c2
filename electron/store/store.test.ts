import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from './database.ts';
import { migrate, MIGRATIONS } from './migrations.ts';
import { modelStore } from './models.ts';
import { openStore } from './store.ts';

let root: string;
let library: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-store-'));
  library = join(root, 'library');
});
afterEach(() => rmSync(root, { recursive: true }));

const refusal = (path = library): { code: string; message: string } => {
  try {
    openStore(path).close();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('was opened');
};

test('a new library has the newest schema, WAL, and no backup', () => {
  const store = openStore(library);
  expect(store.database.get('PRAGMA user_version')).toEqual({ user_version: MIGRATIONS.length });
  expect(store.database.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
  store.close();
  openStore(library).close();
  expect(existsSync(join(library, 'backups'))).toBe(false);
});

test('a library of a newer version is refused and left alone', () => {
  openStore(library).close();
  const db = new DatabaseSync(join(library, 'library.db'));
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 3}; CREATE TABLE future (a)`);
  db.close();
  const error = refusal();
  expect(error.code).toBe('library-newer');
  expect(error.message).toContain(join(library, 'library.db'));
  expect(error.message).toMatch(/newer version of Pairlight .* Update Pairlight/);
});

test('the database is copied before a migration, and every step is all or nothing', () => {
  const store = openStore(library);
  store.preferences.set('kept', 'yes');
  store.close();
  const db = openDatabase(join(library, 'library.db'));
  const backups = join(library, 'backups');
  const next = [...MIGRATIONS, 'CREATE TABLE notes (text TEXT) STRICT;'];
  expect(() => migrate(db, backups, [...next, 'CREATE TABLE half (a); CREATE TABLE notes (a);'])).toThrow(
    /already exists/,
  );
  expect(db.get('PRAGMA user_version')).toEqual({ user_version: MIGRATIONS.length + 1 });
  expect(db.get(`SELECT count(*) AS n FROM sqlite_schema WHERE name = 'half'`)).toEqual({ n: 0 });
  migrate(db, backups, [...next, 'ALTER TABLE notes ADD COLUMN time TEXT;']);
  db.close();
  const copies = readdirSync(backups);
  expect(copies).toHaveLength(2);
  const first = copies.find((name) => name.startsWith(`library-v${MIGRATIONS.length}-`));
  const copy = new DatabaseSync(join(backups, first ?? 'none'), { readOnly: true });
  expect(copy.prepare(`SELECT value FROM preferences WHERE key = 'kept'`).get()).toEqual({ value: '"yes"' });
  expect(copy.prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE name = 'notes'`).get()).toEqual({ n: 0 });
  copy.close();
});

test('models of an older library know what their runs trained them against', () => {
  openStore(library).close();
  const db = openDatabase(join(library, 'older.db'));
  const backups = join(library, 'backups');
  const before = MIGRATIONS.findIndex((step) => step.includes('trained_against'));
  migrate(db, backups, MIGRATIONS.slice(0, before));
  db.execute('PRAGMA foreign_keys = OFF');
  for (const [id, members] of [
    ['run-00000001', ['run-00000002']],
    ['run-00000002', null],
    ['run-00000003', 'none'],
  ] as const) {
    const config = JSON.stringify({ defenceSettings: members === null ? {} : { members } });
    db.run(`INSERT INTO runs (id, name, dataset, config, colour, created) VALUES (?, 'x', 'd', ?, 0, '')`, id, config);
    db.run(
      `INSERT INTO models (id, name, origin, architecture, dataset, input_shape, classes, parameters, colour, weights, created)
        VALUES (?, 'x', 'run', 'lenet', 'd', '[2,2,1]', 2, 1, 0, 'x.npz', ?)`,
      id,
      id,
    );
  }
  migrate(db, backups);
  expect(
    modelStore(db)
      .list()
      .map((model) => model.trainedAgainst),
  ).toEqual([['run-00000002'], undefined, undefined]);
  db.close();
});

test('a file that is no database, and a database of another program, are refused', () => {
  openStore(library).close();
  for (const suffix of ['-wal', '-shm']) rmSync(join(library, `library.db${suffix}`), { force: true });
  writeFileSync(join(library, 'library.db'), 'this is not a database, but it is long enough to look at'.repeat(100));
  expect(refusal()).toMatchObject({ code: 'bad-data', message: expect.stringContaining('library.db') });
  rmSync(join(library, 'library.db'));
  const db = new DatabaseSync(join(library, 'library.db'));
  db.exec('CREATE TABLE other (a)');
  db.close();
  expect(refusal()).toMatchObject({ code: 'bad-data', message: expect.stringMatching(/database of another program/) });
});

test('a file where the library folder should be', () => {
  writeFileSync(library, 'x');
  expect(refusal()).toMatchObject({
    code: 'invalid-input',
    message: expect.stringMatching(/is a file where a folder is needed/),
  });
});

test.runIf(process.platform === 'linux')('a folder that cannot be written is read-only, by name', () => {
  // sysfs takes no new folders, not even from root.
  expect(refusal('/sys/pairlight')).toMatchObject({
    code: 'library-read-only',
    message: expect.stringMatching(/\/sys\/pairlight is read-only .* choose another folder with --library/),
  });
});

test.runIf(process.platform === 'linux')('a full disk is said at once, by name', () => {
  openStore(library).close();
  // Writing to /dev/full fails with ENOSPC, as on a full disk.
  symlinkSync('/dev/full', join(library, `.probe-${process.pid}`));
  expect(refusal()).toMatchObject({ code: 'library-full', message: expect.stringContaining(library) });
});

test('a database that cannot grow says so, and the transaction leaves nothing', () => {
  const store = openStore(library);
  const pages = store.database.get<{ page_count: number }>('PRAGMA page_count')!.page_count;
  store.database.execute(`PRAGMA max_page_count = ${pages + 4}`);
  const fill = () =>
    store.database.transaction(() => {
      for (let i = 0; i < 100; i += 1) store.preferences.set(`key-${i}`, 'x'.repeat(4000));
    });
  expect(fill).toThrow(expect.objectContaining({ code: 'library-full' }));
  expect(store.preferences.get('key-0')).toBeUndefined();
  store.preferences.set('small', 1);
  store.close();
});

test('a nested transaction joins the outer one', () => {
  const { database, preferences, close } = openStore(library);
  expect(() =>
    database.transaction(() => {
      database.transaction(() => preferences.set('a', 1));
      throw new Error('changed my mind');
    }),
  ).toThrow('changed my mind');
  expect(preferences.get('a')).toBeUndefined();
  close();
});

test('another connection sees what is written, and that it was written', () => {
  const one = openStore(library);
  const other = openStore(library);
  const before = other.database.foreignVersion();
  other.preferences.set('own', 1);
  expect(other.database.foreignVersion()).toBe(before);
  one.preferences.set('a', { b: [1, 2] });
  expect(other.database.foreignVersion()).not.toBe(before);
  expect(other.preferences.get('a')).toEqual({ b: [1, 2] });
  one.close();
  other.close();
});
