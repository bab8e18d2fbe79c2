import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { holdInstallLock } from './lock.ts';
import { installEnginePack, type InstallProgress } from './install.ts';
import { TENSORFLOW_CPU, type PackRecipe, type Wheel } from './recipe.ts';

const LIBRARY = 'not a library';
const sum = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

let folder: string;
let engines: string;
let recipe: PackRecipe;

/** The recipe with its wheel, or the files of its wheel, changed. */
const changed = (change: (wheel: Wheel) => Partial<Wheel>): PackRecipe => ({
  ...recipe,
  wheels: recipe.wheels.map((wheel) => ({ ...wheel, ...change(wheel) })),
});

/** A real wheel in miniature, fetched by the real pip from the disk: everything but the compilation can succeed. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pairlight-install-'));
  engines = join(folder, 'engines');
  const info = 'tiny-1.0.dist-info';
  const wheel = zipSync({
    'tiny/lib.so': strToU8(LIBRARY),
    'tiny/LICENSE': strToU8('licence'),
    [`${info}/METADATA`]: strToU8('Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n'),
    [`${info}/WHEEL`]: strToU8('Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
    [`${info}/RECORD`]: strToU8(''),
  });
  const file = join(folder, 'tiny-1.0-py3-none-any.whl');
  await writeFile(file, wheel);
  recipe = {
    ...TENSORFLOW_CPU,
    platform: `${process.platform}-${process.arch}`,
    wheels: [
      {
        requirement: file,
        platform: 'manylinux2014_x86_64',
        bytes: wheel.length,
        sha256: sum(wheel),
        files: [
          { from: 'tiny/lib.so', to: 'lib.so', sha256: sum(LIBRARY) },
          { from: 'tiny/LICENSE', to: 'LICENSE', licence: true },
        ],
      },
    ],
    libraries: ['lib.so'],
    room: 1000,
  };
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

test('a wheel whose sum differs from the pinned one is not used, and nothing is left behind', async () => {
  const other = changed(() => ({ sha256: sum('another') }));
  await expect(installEnginePack({ engines, recipe: other })).rejects.toThrow(
    /fails its SHA-256 check and was not used/,
  );
  expect(readdirSync(engines)).toEqual([]);
});

test('a library whose sum differs from the pinned one is not used, and nothing is left behind', async () => {
  const other = changed(({ files }) => ({
    files: files.map((file) => (file.sha256 ? { ...file, sha256: sum('another') } : file)),
  }));
  await expect(installEnginePack({ engines, recipe: other })).rejects.toThrow(/tiny\/lib\.so fails its SHA-256/);
  expect(readdirSync(engines)).toEqual([]);
});

test('a wheel that lacks a file is refused by its name', async () => {
  const other = changed(({ files }) => ({ files: [...files, { from: 'tiny/missing.so', to: 'missing.so' }] }));
  await expect(installEnginePack({ engines, recipe: other })).rejects.toThrow(/lacks tiny\/missing\.so/);
});

test('a failed compilation says so, keeps the pack that was there, and progress went forward only', async () => {
  await mkdir(join(engines, 'tensorflow'), { recursive: true });
  await writeFile(join(engines, 'tensorflow', 'manifest.json'), 'old');
  const seen: InstallProgress[] = [];
  await expect(
    installEnginePack({ engines, recipe, onProgress: (progress) => seen.push(progress) }),
  ).rejects.toMatchObject({
    code: 'engine-pack',
    message: expect.stringMatching(/addon could not be compiled/),
  });
  expect(readdirSync(engines)).toEqual(['tensorflow']);
  const fractions = seen.map(({ fraction }) => fraction);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(new Set(seen.map(({ stage }) => stage))).toEqual(new Set(['download', 'unpack', 'compile']));
});

test('a missing Python or compiler is named together with the command that installs it', async () => {
  vi.stubEnv('PAIRLIGHT_PYTHON', join(folder, 'no-python'));
  await expect(installEnginePack({ engines, recipe })).rejects.toThrow(/apt-get install python3-pip/);
  vi.unstubAllEnvs();
  vi.stubEnv('CXX', join(folder, 'no-compiler'));
  await expect(installEnginePack({ engines, recipe })).rejects.toThrow(/apt-get install g\+\+/);
});

test('a full disk is noticed before anything is fetched', async () => {
  await expect(installEnginePack({ engines, recipe: { ...recipe, room: 1e18 } })).rejects.toThrow(
    /needs 1000000000000 MB of free space/,
  );
});

test('an aborted installation rejects with the reason and leaves nothing', async () => {
  const controller = new AbortController();
  const reason = new Error('stop');
  const run = installEnginePack({
    engines,
    recipe,
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  await expect(run).rejects.toBe(reason);
  expect(readdirSync(engines)).toEqual([]);
});

test('only one installation runs at a time; the lock of a process that ended is taken over', async () => {
  await mkdir(engines, { recursive: true });
  {
    await using _held = await holdInstallLock(engines, 'tensorflow');
    await expect(installEnginePack({ engines, recipe })).rejects.toMatchObject({ code: 'conflict' });
  }
  await writeFile(join(engines, 'tensorflow.lock'), '999999999');
  await using _taken = await holdInstallLock(engines, 'tensorflow');
});

test('another platform is refused with what serves instead', async () => {
  await expect(installEnginePack({ engines, recipe: { ...recipe, platform: 'plan9-mips' } })).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/wasm/),
  });
});
