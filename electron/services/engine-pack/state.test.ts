import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ADDON, TENSORFLOW_CPU, type PackRecipe } from './recipe.ts';
import { locateEnginePack, removeEnginePack, verifyEnginePack } from './state.ts';

const sum = (text: string): string => createHash('sha256').update(text).digest('hex');
const CONTENT: Readonly<Record<string, string>> = { 'libone.so': 'library one', LICENSE: 'licence', [ADDON]: 'addon' };

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
        { from: 'x/libone.so', to: 'libone.so', sha256: sum('library one') },
        { from: 'x/LICENSE', to: 'LICENSE' },
      ],
    },
  ],
  libraries: ['libone.so'],
};

let engines: string;
const pack = (...path: string[]): string => join(engines, 'tensorflow', ...path);
const place = () => ({ engines, recipe });

async function writeManifest(content: Readonly<Record<string, string>>, version = recipe.version): Promise<void> {
  const files = Object.entries(content).map(([path, text]) => ({ path, bytes: text.length, sha256: sum(text) }));
  const manifest = {
    format: 1,
    engine: 'tensorflow',
    version,
    platform: recipe.platform,
    source: { requirement: 'x==1', sha256: sum('wheel') },
    addon: { package: 'x', version: '1', napi: 8, compiler: 'g++' },
    licences: ['LICENSE'],
    files,
    built: '2026-01-01T00:00:00.000Z',
  };
  await writeFile(pack('manifest.json'), JSON.stringify(manifest));
}

beforeEach(async () => {
  engines = await mkdtemp(join(tmpdir(), 'pairlight-pack-'));
  await mkdir(pack());
  for (const [path, text] of Object.entries(CONTENT)) await writeFile(pack(path), text);
  await writeManifest(CONTENT);
});
afterEach(() => rm(engines, { recursive: true, force: true }));

test('a whole pack is located and verified', async () => {
  const whole = { variant: 'cpu', installed: true, folder: pack(), version: recipe.version, bytes: 23, reason: null };
  expect(await locateEnginePack(place())).toEqual(whole);
  expect(await verifyEnginePack(place())).toEqual(whole);
});

test('a file changed without a change of size is found by verification, and named', async () => {
  await writeFile(pack('LICENSE'), 'Licence');
  expect(await verifyEnginePack(place())).toMatchObject({
    installed: false,
    reason: expect.stringMatching(/LICENSE fails its SHA-256/),
  });
});

test('a library replaced together with its line in the manifest still fails against the published sum', async () => {
  await writeFile(pack('libone.so'), 'library two');
  await writeManifest({ ...CONTENT, 'libone.so': 'library two' });
  for (const state of [await locateEnginePack(place()), await verifyEnginePack(place())]) {
    expect(state).toMatchObject({
      installed: false,
      reason: expect.stringMatching(/libone\.so than the published one/),
    });
  }
});

test.each([
  ['a missing file', () => rm(pack('libone.so')), /libone\.so is missing/],
  ['a truncated file', () => writeFile(pack(ADDON), 'add'), /has 3 bytes instead of 5/],
  ['a manifest that is not JSON', () => writeFile(pack('manifest.json'), '{'), /manifest\.json is damaged/],
  [
    'a manifest without the addon',
    () => writeManifest({ 'libone.so': 'library one', LICENSE: 'licence' }),
    /does not name tfjs_binding/,
  ],
  ['a pack of another version', () => writeManifest(CONTENT, '1.0.0'), /holds TensorFlow 1\.0\.0/],
])('%s is reported with what to do', async (_name, damage, reason) => {
  await damage();
  const state = await locateEnginePack(place());
  expect(state.installed).toBe(false);
  expect(state.reason).toMatch(reason);
  expect(state.reason).toMatch(/engine install tensorflow/);
});

test('a folder without a manifest is no pack', async () => {
  await rm(pack('manifest.json'));
  expect(await locateEnginePack(place())).toMatchObject({
    installed: false,
    reason: expect.stringMatching(/is not installed/),
  });
});

test('another platform is told that wasm serves', async () => {
  const state = await locateEnginePack({ engines, recipe: { ...recipe, platform: 'plan9-mips' } });
  expect(state).toMatchObject({ installed: false, reason: expect.stringMatching(/no tensorflow engine pack for/) });
});

test('removing deletes the pack, and removing again is no error', async () => {
  await removeEnginePack(place());
  expect(existsSync(pack())).toBe(false);
  await removeEnginePack(place());
  await expect(readFile(pack('manifest.json'))).rejects.toThrow();
});
