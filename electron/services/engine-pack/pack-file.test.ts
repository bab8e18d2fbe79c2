import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import yauzl from 'yauzl';
import { ZipFile } from 'yazl';
import { packFileName, exportEnginePack, installPackFile } from './pack-file.ts';
import { ADDON, TENSORFLOW_CPU, type PackRecipe } from './recipe.ts';
import { verifyEnginePack } from './state.ts';

const sum = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const LIBRARY = Buffer.alloc(3_000_000, 'a library, ');
const CONTENT: Readonly<Record<string, Buffer>> = {
  'lib/one.so': LIBRARY,
  'bin/tool': Buffer.from('#!/bin/sh\n'),
  LICENSE: Buffer.from('licence'),
  [ADDON]: Buffer.from('addon'),
};

const recipe: PackRecipe = {
  ...TENSORFLOW_CPU,
  platform: `${process.platform}-${process.arch}`,
  wheels: [
    {
      requirement: 'x==1',
      platform: 'any',
      bytes: 5,
      sha256: sum('wheel'),
      files: [
        { from: 'x/one.so', to: 'lib/one.so', sha256: sum(LIBRARY) },
        { from: 'x/tool', to: 'bin/tool', executable: true },
        { from: 'x/LICENSE', to: 'LICENSE' },
      ],
    },
  ],
};

let folder: string;
let file: string;
const here = () => ({ engines: join(folder, 'here'), recipe });
const there = () => ({ engines: join(folder, 'there'), recipes: [recipe] });
/** Nothing may be left of what was refused. */
const leftThere = (): string[] => (existsSync(there().engines) ? readdirSync(there().engines) : []);

function manifestOf(content: Readonly<Record<string, Buffer>>, change: object = {}): Buffer {
  const files = Object.entries(content).map(([path, data]) => ({
    path,
    bytes: data.length,
    sha256: sum(data),
    ...(path === 'bin/tool' && { executable: true }),
  }));
  const manifest = {
    format: 1,
    engine: 'tensorflow',
    variant: 'cpu',
    version: recipe.version,
    platform: recipe.platform,
    source: { requirement: 'x==1', sha256: sum('wheel') },
    addon: { package: 'x', version: '1', napi: 8, compiler: 'g++' },
    licences: ['LICENSE'],
    files,
    built: '2026-01-01T00:00:00.000Z',
    ...change,
  };
  return Buffer.from(JSON.stringify(manifest));
}

/** Writes an archive with entries of any kind, as nobody else would. */
async function craft(entries: readonly (readonly [string, Buffer])[]): Promise<void> {
  const zip = new ZipFile();
  for (const [name, data] of entries) zip.addBuffer(data, name.replaceAll('..', '__'));
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(file));
  // The writer refuses names that leave the folder: they are put in afterwards.
  if (!entries.some(([name]) => name.includes('..'))) return;
  const bytes = await readFile(file, 'latin1');
  await writeFile(file, bytes.replaceAll('__/', '../'), 'latin1');
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pairlight-file-'));
  file = join(folder, packFileName(recipe));
  const pack = join(here().engines, 'tensorflow');
  for (const [path, data] of Object.entries(CONTENT)) {
    await mkdir(dirname(join(pack, path)), { recursive: true });
    await writeFile(join(pack, path), data);
  }
  await writeFile(join(pack, 'manifest.json'), manifestOf(CONTENT));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a pack goes through one file to another machine, with its programs executable, and is whole there', async () => {
  const fractions: number[] = [];
  const onProgress = ({ fraction }: { fraction: number }): unknown => fractions.push(fraction);
  const written = await exportEnginePack(file, { ...here(), onProgress });
  expect(written).toEqual({ file, bytes: statSync(file).size });
  const state = await installPackFile(file, { ...there(), onProgress });
  const folderThere = join(there().engines, 'tensorflow');
  expect(state).toMatchObject({ installed: true, folder: folderThere, reason: null });
  expect(await verifyEnginePack({ engines: there().engines, recipe })).toMatchObject({ installed: true });
  expect((await readFile(join(folderThere, 'lib/one.so'))).equals(LIBRARY)).toBe(true);
  expect(statSync(join(folderThere, 'bin/tool')).mode & 0o111).not.toBe(0);
  expect(fractions.filter((fraction) => fraction === 1)).toHaveLength(2);
  expect(leftThere()).toEqual(['tensorflow']);
  const entries = [];
  const zip = await yauzl.openPromise(file);
  for await (const entry of zip.eachEntry()) entries.push(entry.fileName);
  expect(entries[0]).toBe('manifest.json');
});

test('a damaged pack is not exported', async () => {
  const library = await open(join(here().engines, 'tensorflow', 'lib/one.so'), 'r+');
  await library.write('X', 1000);
  await library.close();
  await expect(exportEnginePack(file, here())).rejects.toMatchObject({
    code: 'engine-pack',
    message: expect.stringMatching(/lib\/one\.so fails its SHA-256 check/),
  });
  expect(readdirSync(folder)).toEqual(['here']);
});

test('a missing pack is not exported, and says how to get one', async () => {
  await expect(exportEnginePack(file, { engines: join(folder, 'none'), recipe })).rejects.toThrow(
    /not installed.*engine install tensorflow/,
  );
});

test.each([
  ['cut off', async () => truncate(file, statSync(file).size / 2)],
  [
    'changed in the middle',
    async () => {
      const bytes = await readFile(file);
      bytes.fill(7, bytes.length / 2, bytes.length / 2 + 50);
      await writeFile(file, bytes);
    },
  ],
  ['empty', () => truncate(file, 0)],
  ['of another kind', () => writeFile(file, 'GIF89a, truly')],
])('a file that is %s is refused, and leaves nothing', async (_, damage) => {
  await exportEnginePack(file, here());
  await damage();
  await expect(installPackFile(file, there())).rejects.toMatchObject({
    code: 'engine-pack',
    message: expect.stringContaining(file),
  });
  expect(leftThere()).toEqual([]);
});

const all = (content: Readonly<Record<string, Buffer>> = CONTENT, change: object = {}) =>
  [['manifest.json', manifestOf(content, change)], ...Object.entries(content)] as [string, Buffer][];
const evil = Buffer.from('evil');

test.each([
  ['without a manifest', () => Object.entries(CONTENT), /has no manifest\.json/],
  ['with a manifest that is none', () => [['manifest.json', Buffer.from('{}')] as const], /manifest\.json is damaged/],
  ['without a file of its manifest', () => all().filter(([name]) => name !== ADDON), /tfjs_binding\.node is missing/],
  ['with a file beside its manifest', () => [...all(), ['more.so', evil] as const], /holds more\.so, which/],
  ['with a file twice', () => [...all(), [ADDON, CONTENT[ADDON]!] as const], /twice/],
  [
    'with another file than its manifest says',
    () =>
      all().map(([name, data]) =>
        name === 'LICENSE' ? ([name, Buffer.from('Licence')] as const) : ([name, data] as const),
      ),
    /LICENSE fails its SHA-256/,
  ],
  [
    'with a file that is larger than announced',
    () => all().map(([name, data]) => (name === ADDON ? ([name, LIBRARY] as const) : ([name, data] as const))),
    /bytes instead of 5/,
  ],
  ['with a library that is not the published one', () => all({ ...CONTENT, 'lib/one.so': evil }), /published/],
  ['of another version', () => all(CONTENT, { version: '1.0.0' }), /TensorFlow 1\.0\.0/],
  ['of a variant that is unknown here', () => all(CONTENT, { variant: 'cuda' }), /kind cuda/],
  ['that leaves its folder', () => all({ ...CONTENT, '../evil.so': evil }), /outside its folder|invalid relative path/],
  [
    'that announces more than any pack has',
    () => [['manifest.json', manifestOf(CONTENT, { files: [{ path: 'a', bytes: 1e15, sha256: sum('') }] })] as const],
    /more than any pack/,
  ],
])('an archive %s is refused, and leaves nothing', async (_, entries, message) => {
  await craft(entries());
  const error: unknown = await installPackFile(file, there()).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'engine-pack', message: expect.stringMatching(message) });
  expect(leftThere()).toEqual([]);
  expect(existsSync(join(folder, 'evil.so'))).toBe(false);
});

test('a pack for another platform is refused by its name', async () => {
  await craft(all(CONTENT, { platform: 'plan9-mips' }));
  await expect(installPackFile(file, there())).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/plan9-mips; this machine is/),
  });
});

test('a file that is not there is named', async () => {
  await expect(installPackFile(join(folder, 'none.zip'), there())).rejects.toMatchObject({ code: 'not-found' });
});

test('a cancelled export or installation leaves nothing, and the pack that was there stays', async () => {
  const stop = new AbortController();
  const reason = new Error('stop');
  const onProgress = ({ fraction }: { fraction: number }): void => {
    if (fraction > 0) stop.abort(reason);
  };
  await expect(exportEnginePack(file, { ...here(), signal: stop.signal, onProgress })).rejects.toBe(reason);
  expect(readdirSync(folder)).toEqual(['here']);
  await exportEnginePack(file, here());
  await installPackFile(file, there());
  const again = new AbortController();
  const abort = ({ fraction }: { fraction: number }): void => {
    if (fraction > 0) again.abort(reason);
  };
  await expect(installPackFile(file, { ...there(), signal: again.signal, onProgress: abort })).rejects.toBe(reason);
  expect(leftThere()).toEqual(['tensorflow']);
  expect(await verifyEnginePack({ engines: there().engines, recipe })).toMatchObject({ installed: true });
});
