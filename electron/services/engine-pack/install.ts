import { chmod, mkdir, mkdtemp, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { EnginePackState } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { ADDON_PACKAGE, NAPI_VERSION, addonVersion, buildAddon } from './addon.ts';
import { sha256OfFile } from './hash.ts';
import { holdInstallLock } from './lock.ts';
import { MANIFEST, type PackFile, type PackManifest } from './manifest.ts';
import { runPackageInstaller } from './package-installer.ts';
import { recipeFiles, type PackRecipe, type Wheel } from './recipe.ts';
import { RECIPES, enginesFolder, locateEnginePack, packFolder, requirePlatform, type PackPlace } from './state.ts';
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

/** Share of the whole that each stage takes, from measured times; wheels are fetched and unpacked in turn. */
const STAGES: Readonly<Record<InstallStage, readonly [start: number, end: number]>> = {
  download: [0, 0.7],
  unpack: [0, 0.7],
  compile: [0.7, 0.97],
  finish: [0.97, 1],
};

async function requireRoom(folder: string, room: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= room) return;
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  throw new AppError(
    'engine-pack',
    `The engine pack needs ${megabytes(room)} of free space in ${folder}; there are ${megabytes(free)}. ` +
      'Free some space, or set PAIRLIGHT_DATA to a folder on another disk.',
  );
}

/** Writes the manifest, on the disk for good when it resolves. */
export async function writeManifest(folder: string, manifest: PackManifest): Promise<void> {
  const file = await open(join(folder, MANIFEST), 'wx');
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

type Report = (stage: InstallStage, fraction: number, message: string) => void;

/** Where in a pack under construction things lie. */
interface Site {
  readonly scratch: string;
  readonly pack: string;
  readonly signal: AbortSignal | undefined;
}

/** Fetches one wheel and unpacks from it what the recipe names; the wheel itself is gone afterwards. */
async function addWheel(
  wheel: Wheel,
  { scratch, signal }: Site,
  onFraction: (fraction: number) => void,
  onBytes: (bytes: number) => void,
): Promise<readonly PackFile[]> {
  const download = join(scratch, 'download');
  await mkdir(download);
  const archive = await fetchWheel(wheel, download, { onFraction, signal });
  const kept = new Map(wheel.files.map((file) => [file.from, `pack/${file.to}`]));
  const headers = wheel.headers ?? [];
  const place = (entry: string): string | null =>
    kept.get(entry) ?? (headers.some((prefix) => entry.startsWith(prefix)) ? `headers/${entry}` : null);
  const unpacked = await unzip(archive, scratch, place, { onBytes, signal });
  await rm(download, { recursive: true, force: true });
  return Promise.all(
    wheel.files.map(async ({ from, to, sha256, executable }) => {
      const found = unpacked.find(({ path }) => path === `pack/${to}`);
      if (found === undefined) throw new AppError('engine-pack', `The wheel ${wheel.requirement} lacks ${from}.`);
      if (sha256 !== undefined && found.sha256 !== sha256) {
        throw new AppError('engine-pack', `${from} fails its SHA-256 check and was not used.`);
      }
      if (executable) await chmod(join(scratch, found.path), 0o755);
      return { path: to, bytes: found.bytes, sha256: found.sha256, ...(executable && { executable }) };
    }),
  );
}

/** Fetches and unpacks all wheels of the recipe, one after the other: the disk never holds two. */
async function addWheels(recipe: PackRecipe, site: Site, report: Report): Promise<PackFile[]> {
  const files: PackFile[] = [];
  const total = recipe.wheels.reduce((sum, { bytes }) => sum + bytes, 0);
  let fetched = 0;
  let unpacked = 0;
  for (const wheel of recipe.wheels) {
    const name = wheel.requirement.split('==').join(' ');
    const message = `Downloading ${name} (${Math.round(wheel.bytes / 1e6)} MB)`;
    // Fetching and unpacking take turns here; both are shown by what has been done of either.
    const done = (): number => (2 * fetched) / (3 * total) + Math.min(1, unpacked / recipe.unpacked) / 3;
    const before = { fetched, unpacked };
    report('download', done(), message);
    const added = await addWheel(
      wheel,
      site,
      (fraction) => {
        fetched = before.fetched + fraction * wheel.bytes;
        report('download', done(), message);
      },
      (bytes) => {
        fetched = before.fetched + wheel.bytes;
        unpacked = before.unpacked + bytes;
        report('unpack', done(), `Unpacking ${name}`);
      },
    );
    files.push(...added);
  }
  return files;
}

async function assemble(recipe: PackRecipe, scratch: string, options: InstallOptions): Promise<string> {
  const { signal } = options;
  let reached = 0;
  const report: Report = (stage, fraction, message) => {
    const [start, end] = STAGES[stage];
    reached = Math.max(reached, start + (end - start) * fraction);
    options.onProgress?.({ stage, fraction: reached, message });
  };
  const site: Site = { scratch, pack: join(scratch, 'pack'), signal };
  const made =
    recipe.wheels.length > 0 ? await fromWheels(recipe, site, report) : await fromPackage(recipe, site, report);
  await writeManifest(site.pack, {
    format: 1,
    engine: recipe.engine,
    variant: recipe.variant,
    version: recipe.version,
    platform: recipe.platform,
    ...made,
    built: new Date().toISOString(),
  });
  report('finish', 1, 'The engine pack is ready');
  return site.pack;
}

/** What making a pack tells its manifest. */
type Made = Pick<PackManifest, 'source' | 'parts' | 'addon' | 'licences' | 'files'>;

async function fromWheels(recipe: PackRecipe, site: Site, report: Report): Promise<Made> {
  const { scratch, pack, signal } = site;
  const files = await addWheels(recipe, site, report);
  report('compile', 0, 'Compiling the addon');
  const { compiler } = await buildAddon(recipe, pack, join(scratch, 'headers', 'tensorflow', 'include'), signal);
  report('finish', 0, 'Checking the pack');
  files.push(await packFile(pack, recipe.addon, signal));
  const [source, ...parts] = recipe.wheels.map(({ requirement, sha256 }) => ({ requirement, sha256 }));
  if (source === undefined) throw new AppError('internal', 'A recipe without a wheel makes no engine pack.');
  return {
    source,
    parts,
    addon: { package: ADDON_PACKAGE, version: await addonVersion(), napi: NAPI_VERSION, compiler },
    licences: recipeFiles(recipe).flatMap(({ to, licence }) => (licence ? [to] : [])),
    files,
  };
}

async function fromPackage(recipe: PackRecipe, { scratch, pack, signal }: Site, report: Report): Promise<Made> {
  report('download', 0, `Downloading TensorFlow ${recipe.version} with the installer of its package`);
  const { requirement, version, paths } = await runPackageInstaller(recipe, scratch, pack, signal);
  report('finish', 0, 'Checking the pack');
  const files: PackFile[] = [];
  for (const path of paths) files.push(await packFile(pack, path, signal));
  return {
    source: { requirement },
    parts: [],
    addon: { package: requirement, version, napi: NAPI_VERSION, compiler: 'of the package', path: recipe.addon },
    licences: paths.filter((path) => /licen[cs]e/i.test(path)),
    files,
  };
}

async function packFile(pack: string, path: string, signal: AbortSignal | undefined): Promise<PackFile> {
  const file = join(pack, path);
  return { path, bytes: (await stat(file)).size, sha256: await sha256OfFile(file, signal) };
}

/**
 * Fetches, checks, compiles and installs a tensorflow engine pack; replaces one of the same variant that is there.
 * Rejects with the signal's reason when aborted.
 * @throws AppError `unsupported` on other platforms, `conflict` while another process installs, `engine-pack` with what
 * is missing and how to get it, `io` when the folder cannot be written.
 */
export async function installEnginePack(options: InstallOptions = {}): Promise<EnginePackState> {
  const recipe = options.recipe ?? RECIPES.cpu;
  return placeEnginePack(recipe, recipe.room, options, (scratch) => assemble(recipe, scratch, options));
}

/**
 * Puts a pack that `assemble` makes in a temporary folder, and whose path it returns, in place in one step: an
 * interrupted installation leaves nothing, and the pack that was there before keeps working until then.
 * @throws AppError `unsupported`, `conflict`, `engine-pack` without `room` bytes on the disk, `io`.
 */
export async function placeEnginePack(
  recipe: PackRecipe,
  room: number,
  options: InstallOptions,
  assemble: (scratch: string) => Promise<string>,
): Promise<EnginePackState> {
  requirePlatform(recipe);
  const engines = options.engines ?? enginesFolder();
  try {
    await mkdir(engines, { recursive: true });
  } catch (error) {
    throw new AppError('io', `The folder ${engines} cannot be created: ${(error as Error).message}`, { cause: error });
  }
  await using _lock = await holdInstallLock(engines, recipe.folder);
  await requireRoom(engines, room);
  await removeLeftovers(engines, recipe.folder);
  const scratch = await mkdtemp(join(engines, `.${recipe.folder}.`));
  const place = { ...options, recipe };
  try {
    const pack = await assemble(scratch);
    options.signal?.throwIfAborted();
    await putInPlace(pack, packFolder(place), join(scratch, 'old'));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return locateEnginePack(place);
}

/** Deletes the temporary folders of installations that were killed; safe under the lock. */
async function removeLeftovers(engines: string, folder: string): Promise<void> {
  for (const name of await readdir(engines)) {
    if (name.startsWith(`.${folder}.`) || name.startsWith(`${folder}.removed-`)) {
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
