import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packFolder } from '../../services/engine-pack/state.ts';
import { loadEngine } from './load.ts';
import { loadingFault, packManifest, requireLoadable } from './pack.ts';

const ADDON = 'tfjs_binding.node';
const FRAMEWORK = 'libtensorflow_framework.so.2';
const AARCH64 = 183;
let folder: string;

/** The installed pack in another place: its large library linked, everything that a test damages copied. */
beforeEach(async ({ skip }) => {
  const installed = packManifest(packFolder());
  if (!installed || !existsSync(join(packFolder(), ADDON))) skip('the tensorflow engine pack is not installed');
  folder = await mkdtemp(join(tmpdir(), 'pairlight-broken-'));
  for (const { path } of installed?.files ?? []) {
    const copied = [ADDON, FRAMEWORK].includes(path);
    await (copied ? copyFile : symlink)(join(packFolder(), path), join(folder, path));
  }
  await copyFile(join(packFolder(), 'manifest.json'), join(folder, 'manifest.json'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const byName = () => loadEngine('tensorflow', { enginePack: folder, deterministic: false });

/** Makes a library one of another processor, as its header tells it. */
async function forAnotherProcessor(path: string): Promise<void> {
  const file = await open(join(folder, path), 'r+');
  await file.write(Uint8Array.of(AARCH64, 0), 0, 2, 18);
  await file.close();
}

it.each([
  [
    'a library that is cut off',
    () => truncate(join(folder, FRAMEWORK), 1e6),
    /framework\.so\.2 has 1000000 bytes instead of/,
  ],
  ['a library that is missing', () => rm(join(folder, FRAMEWORK)), /libtensorflow_framework\.so\.2 is missing/],
  [
    'an addon for another processor',
    () => forAnotherProcessor(ADDON),
    /tfjs_binding\.node was built for arm64, and this machine is/,
  ],
  ['a library for another processor', () => forAnotherProcessor(FRAMEWORK), /framework\.so\.2 was built for arm64/],
])('%s is told before it is loaded', async (_, damage, message) => {
  requireLoadable(folder);
  await damage();
  await expect(byName()).rejects.toMatchObject({
    code: 'engine-pack',
    message: expect.stringMatching(message),
    details: { folder },
  });
});

it('what only the system notices is told in plain words', async () => {
  await rm(join(folder, 'manifest.json'));
  await rm(join(folder, FRAMEWORK));
  await expect(byName()).rejects.toMatchObject({
    code: 'engine-pack',
    message: expect.stringMatching(/does not load: libtensorflow_framework\.so\.2 is missing\. Install it again/),
  });
  expect(loadingFault('/a/b.so: file too short', '/a')).toBe('b.so is damaged (/a/b.so: file too short)');
});

it('a broken pack leaves wasm to compute where the engine is chosen automatically, with a note that says why', async () => {
  await forAnotherProcessor(ADDON);
  const script = join(folder, 'auto.mts');
  const load = join(import.meta.dirname, 'load.ts');
  await writeFile(
    script,
    `import { loadEngine } from ${JSON.stringify(load)};
     const { info, note } = await loadEngine('auto', { enginePack: ${JSON.stringify(folder)}, deterministic: false, threads: 1 });
     console.log(JSON.stringify({ name: info.name, note }));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', PAIRLIGHT_ENGINE: '', PAIRLIGHT_NODE: '/nowhere' },
  });
  expect(JSON.parse(stdout)).toMatchObject({
    name: 'wasm',
    note: expect.stringMatching(/^Computing with wasm\. .*built for arm64/),
  });
});

it('a pack works from any folder', async () => {
  const script = join(folder, 'moved.mts');
  await rm(join(folder, FRAMEWORK));
  await symlink(join(packFolder(), FRAMEWORK), join(folder, FRAMEWORK));
  await writeFile(
    script,
    `import { loadEngine } from ${JSON.stringify(join(import.meta.dirname, 'load.ts'))};
     import { selfTest } from ${JSON.stringify(join(import.meta.dirname, 'self-test.ts'))};
     import { readFileSync } from 'node:fs';
     await loadEngine('tensorflow', { enginePack: ${JSON.stringify(folder)}, deterministic: false, threads: 1 });
     const addon = readFileSync('/proc/self/maps', 'utf8').split('\\n').find((line) => line.includes('${ADDON}'));
     console.log(JSON.stringify({ passed: selfTest().passed, addon: addon.split(' ').at(-1) }));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
  });
  expect(JSON.parse(stdout)).toEqual({ passed: true, addon: join(folder, ADDON) });
  expect(readFileSync(join(folder, ADDON)).equals(await readFile(join(packFolder(), ADDON)))).toBe(true);
});
