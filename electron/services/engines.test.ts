import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { trainConfig } from '../../shared/domain/training.ts';
import { openStore } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { ADDON, TENSORFLOW_CPU, recipeFiles } from './engine-pack/recipe.ts';
import { removeEnginePack } from './engine-pack/state.ts';
import { engineForJob, engineService, slotRules } from './engines.ts';
import { createEvents } from './events.ts';
import { forkLauncher } from './launch-fork.ts';
import { openLibrary } from './open-library.ts';
import { rememberJob } from './pack-verdict.ts';
import { preferenceService } from './preferences.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-engines-'));
const launcher = forkLauncher(join(import.meta.dirname, '../compute/job-host.ts'));
const hasPacks = `${process.platform}-${process.arch}` === TENSORFLOW_CPU.platform;
let store: Store;

/** A pack that looks whole, with libraries that are none. */
function placePack(built: string): void {
  const folder = join(root, 'engines', 'tensorflow');
  const none = '0'.repeat(64);
  const named = [
    ...recipeFiles(TENSORFLOW_CPU).map(({ to, sha256 }) => ({ to, sha256 })),
    { to: ADDON, sha256: undefined },
  ];
  mkdirSync(folder, { recursive: true });
  for (const { to } of named) {
    mkdirSync(join(folder, to, '..'), { recursive: true });
    writeFileSync(join(folder, to), 'no library');
  }
  const manifest = {
    format: 1,
    engine: 'tensorflow',
    version: TENSORFLOW_CPU.version,
    platform: TENSORFLOW_CPU.platform,
    source: { requirement: 'x==1', sha256: none },
    addon: { package: 'x', version: '1', napi: 8, compiler: 'g++' },
    licences: [],
    files: named.map(({ to, sha256 }) => ({ path: to, bytes: 10, sha256: sha256 ?? none })),
    built,
  };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
}

beforeAll(() => {
  store = openStore(join(root, 'library'));
});
beforeEach(() => {
  vi.stubEnv('PAIRLIGHT_DATA', root);
  vi.stubEnv('PAIRLIGHT_ENGINE', undefined);
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => {
  store.close();
  rmSync(root, { recursive: true });
});

const automatic = async () => (await slotRules(store, preferenceService(store))).automatic;

test.runIf(hasPacks)(
  'a pack that fails its test is remembered, its report shown, until another takes its place',
  async () => {
    const session = { store, events: createEvents(() => undefined), token: 'me', changed: () => undefined };
    const engines = engineService(session, launcher, preferenceService(store));
    const shown = async () => (await engines.list()).engines.find((engine) => engine.name === 'tensorflow');
    expect(await automatic()).toBe('wasm');
    placePack('2026-01-01T00:00:00.000Z');
    expect(await automatic()).toBe('tensorflow');
    const report = await engines.test('tensorflow');
    expect(report).toMatchObject({ name: 'tensorflow', available: false });
    expect(await shown()).toEqual(report);
    expect(await automatic()).toBe('wasm');

    placePack('2026-01-02T00:00:00.000Z');
    expect(await shown()).toMatchObject({ available: true, selfTest: 'not run' });
    expect(await automatic()).toBe('tensorflow');
    await removeEnginePack();
    expect(await shown()).toMatchObject({ available: false, reason: expect.stringMatching(/not installed/) });
    expect(await automatic()).toBe('wasm');
  },
  60_000,
);

test.runIf(hasPacks)('a job that had to fall back to wasm is remembered', async () => {
  const wasm = { name: 'wasm', version: 'x', device: 'CPU', threads: 1, deterministic: false } as const;
  placePack('2026-01-03T00:00:00.000Z');
  await rememberJob(store, wasm, null);
  expect(await automatic()).toBe('tensorflow');
  await rememberJob(store, wasm, 'Computing with wasm. The gradients are wrong.');
  expect(await automatic()).toBe('wasm');
  vi.stubEnv('PAIRLIGHT_ENGINE', 'tensorflow');
  expect(await automatic()).toBe('tensorflow');
});

test('the engine of a new job: as asked, else as forced, else as preferred', async () => {
  expect(engineForJob('tensorflow', 'wasm')).toBe('tensorflow');
  expect(engineForJob('auto', 'wasm')).toBe('wasm');
  expect(engineForJob('auto', 'auto')).toBe('auto');
  vi.stubEnv('PAIRLIGHT_ENGINE', 'wasm');
  expect(engineForJob('auto', 'tensorflow')).toBe('auto');
});

test('a new training takes the preferred engine', async () => {
  const owner = await openLibrary(join(root, 'preferring'), { launcher, serves: 'own' });
  owner.preferences.set({ engine: 'wasm' });
  const config = trainConfig.parse({
    dataset: owner.datasets.list()[0]?.id ?? '',
    architecture: 'small-cnn',
    defence: 'natural',
  });
  const { id } = await owner.runs.create(config);
  expect(owner.runs.get(id).config.engine).toBe('wasm');
  owner.jobs.cancel(id);
  await owner.dispose();
}, 30_000);
