import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTree } from './open-tree.ts';
import type { FileTree } from './tree.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'trees');

let outside: string;
let root: string;
beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'pairlight-folders-'));
  root = join(outside, 'root');
  mkdirSync(root);
});
afterEach(() => rmSync(outside, { recursive: true }));

function put(name: string, text = name): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
const open = (path = root, only?: string[]): Promise<FileTree> =>
  openTree(path, { scratch: join(outside, 'scratch'), only });
const names = (tree: FileTree): string[] => tree.files.map(({ path }) => path);
const reasons = (tree: FileTree): Record<string, string> =>
  Object.fromEntries(tree.skipped.map(({ file, reason }) => [file, reason]));

test('files in the order of their paths, without those that systems put there, and read where they lie', async () => {
  for (const name of ['b/2.png', 'b/10.png', 'a.txt', 'ü/花.png', '.git/config', 'b/.DS_Store', 'b/Thumbs.db'])
    put(name);
  mkdirSync(join(root, 'none'));
  const tree = await open();
  expect(names(tree)).toEqual(['a.txt', 'b/10.png', 'b/2.png', 'ü/花.png']);
  expect(tree.files[0]).toEqual({ path: 'a.txt', bytes: 5 });
  expect(reasons(tree)).toEqual({ none: 'is an empty folder', '3 hidden': expect.stringMatching(/no data/) });
  expect(Buffer.from(await tree.read('ü/花.png')).toString()).toBe('ü/花.png');
  expect(await tree.onDisk('b/2.png')).toBe(join(root, 'b', '2.png'));
});

test('links are followed within the folder only, and never in circles', async (ctx) => {
  if (process.platform === 'win32') return ctx.skip('links need rights that users of Windows lack');
  put('a/1.png');
  put('b/2.png');
  writeFileSync(join(outside, 'secret.png'), 'secret');
  symlinkSync(join(root, 'a', '1.png'), join(root, 'b', 'file.png'));
  symlinkSync('../a', join(root, 'b', 'folder'));
  symlinkSync('../a', join(root, 'b', 'zweiter'));
  symlinkSync('..', join(root, 'a', 'up'));
  symlinkSync('.', join(root, 'a', 'self'));
  symlinkSync('ring2', join(root, 'ring1'));
  symlinkSync('ring1', join(root, 'ring2'));
  symlinkSync(join(outside, 'secret.png'), join(root, 'secret.png'));
  symlinkSync('/etc', join(root, 'etc'));
  symlinkSync('nowhere', join(root, 'dead.png'));
  const tree = await open();
  expect(names(tree)).toEqual(['a/1.png', 'b/2.png', 'b/file.png', 'b/folder/1.png']);
  const why = reasons(tree);
  expect(why).toMatchObject({
    'a/up': expect.stringMatching(/leads back to a folder that it lies in/),
    'a/self': expect.stringMatching(/leads back/),
    'b/folder/up': expect.stringMatching(/leads back/),
    'b/folder/self': expect.stringMatching(/leads back/),
    'b/zweiter': 'is a link to a folder that b/folder leads to already',
    ring1: 'is a link that leads in a circle',
    ring2: 'is a link that leads in a circle',
    'secret.png': expect.stringMatching(/leads outside the folder/),
    etc: expect.stringMatching(/leads outside the folder/),
    'dead.png': 'is a link to something that is not there',
  });
  expect(Object.keys(why)).toHaveLength(10);
  await expect(tree.read('secret.png')).rejects.toMatchObject({ code: 'bad-data' });
  await expect(tree.read('../secret.png')).rejects.toMatchObject({ code: 'bad-data' });
});

test('sockets and pipes are listed', async (ctx) => {
  if (process.platform === 'win32') return ctx.skip('Windows has no such files');
  put('a.png');
  execFileSync('mkfifo', [join(root, 'pipe')]);
  const server = createServer().listen(join(root, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  const tree = await open();
  server.close();
  expect(names(tree)).toEqual(['a.png']);
  expect(reasons(tree)).toEqual({ pipe: 'is a pipe, no file', socket: 'is a socket, no file' });
});

test('files and folders that may not be read are listed', async (ctx) => {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot === undefined || process.platform === 'win32') return ctx.skip('permissions are other things on Windows');
  put('a.png');
  chmodSync(put('closed.png'), 0);
  put('folder/1.png');
  chmodSync(join(root, 'folder'), 0);
  chmodSync(outside, 0o755);
  // The superuser may read everything: as nobody it may not.
  if (isRoot) process.seteuid?.(65534);
  try {
    const tree = await open();
    expect(reasons(tree)['folder']).toBe('cannot be read: permission denied');
    // The system asks for the rights of who began the process; they decide when it is read at the latest.
    if (isRoot) {
      await expect(tree.read('closed.png')).rejects.toMatchObject({
        code: 'bad-data',
        message: 'closed.png cannot be read: permission denied.',
      });
    } else {
      expect(names(tree)).toEqual(['a.png']);
      expect(reasons(tree)['closed.png']).toBe('cannot be read: permission denied');
    }
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(join(root, 'folder'), 0o755);
  }
});

test('names that are no UTF-8 keep each byte, and their files are read', async (ctx) => {
  if (process.platform !== 'linux') return ctx.skip('this file system takes UTF-8 alone');
  const odd = Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]);
  mkdirSync(odd);
  writeFileSync(Buffer.concat([odd, Buffer.from('/1.png')]), 'one');
  const tree = await open();
  expect(names(tree)).toEqual(['café/1.png']);
  expect(Buffer.from(await tree.read('café/1.png')).toString()).toBe('one');
  expect(readFileSync(await tree.onDisk('café/1.png'), 'utf8')).toBe('one');
});

test('a chosen file comes with its folder; one that names others with all below', async () => {
  put('x.idx');
  put('y.idx');
  put('list.csv');
  put('deep/z.png');
  put('.hidden');
  const one = await open(join(root, 'x.idx'));
  expect(one).toMatchObject({ root, chosen: 'x.idx', skipped: [] });
  expect(names(one)).toEqual(['list.csv', 'x.idx', 'y.idx']);
  expect(names(await open(join(root, 'list.csv')))).toEqual(['deep/z.png', 'list.csv', 'x.idx', 'y.idx']);
});

test('only what is named is taken, and a single archive is opened', async () => {
  put('a/1.png');
  put('b/1.png');
  put('c.png');
  expect(names(await open(root, ['b', 'c.png']))).toEqual(['b/1.png', 'c.png']);
  await expect(open(root, ['d'])).rejects.toMatchObject({ code: 'not-found' });
  await expect(open(root, ['../x'])).rejects.toMatchObject({ code: 'invalid-input' });
  const archive = await open(FIXTURES, ['good.zip']);
  expect(archive.root).toBe(join(FIXTURES, 'good.zip'));
  await archive.close();
});

test('a folder with nothing but an archive is taken for the archive', async () => {
  copyFileSync(join(FIXTURES, 'good.tar.gz'), join(root, 'pets.tgz'));
  put('.DS_Store');
  const tree = await open();
  expect(tree.root).toBe(join(root, 'pets.tgz'));
  expect(tree.files).toHaveLength(6);
  await tree.close();
  put('b.txt');
  expect(names(await open())).toEqual(['b.txt', 'pets.tgz']);
});

test('a file that goes is told from a folder that goes', async () => {
  put('a.png');
  put('b.png');
  const tree = await open();
  unlinkSync(join(root, 'a.png'));
  await expect(tree.read('a.png')).rejects.toMatchObject({
    code: 'bad-data',
    message: 'a.png is gone: it was there when the folder was listed.',
  });
  renameSync(root, `${root}-moved`);
  await expect(tree.read('b.png')).rejects.toMatchObject({
    code: 'io',
    retry: true,
    message: expect.stringMatching(/no longer there .*Connect it again/),
  });
  await expect(open()).rejects.toMatchObject({ code: 'not-found' });
});

test('a file of gigabytes is not read into memory', async () => {
  truncateSync(put('huge.png'), 600 * 2 ** 20);
  const tree = await open();
  await expect(tree.read('huge.png')).rejects.toMatchObject({
    code: 'bad-data',
    message: expect.stringMatching(/has 629 MB, more than the 537 MB/),
  });
});

test('100,000 files in one folder are listed within seconds', async () => {
  for (let at = 0; at < 100_000; at += 1) writeFileSync(join(root, `${at}.png`), '');
  const before = process.memoryUsage().rss;
  const started = performance.now();
  const tree = await open();
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `100,000 files listed in ${seconds.toFixed(2)} s, ${((process.memoryUsage().rss - before) / 1e6).toFixed(0)} MB`,
  );
  expect(tree.files).toHaveLength(100_000);
  expect(seconds).toBeLessThan(30);
  expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
}, 60_000);
