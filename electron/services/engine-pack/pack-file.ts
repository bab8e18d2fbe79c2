import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, copyFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import type { EnginePackState } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { NAPI_VERSION, shippedAddon } from './addon.ts';
import { sha256OfFile } from './hash.ts';
import { placeEnginePack, writeManifest, type InstallOptions } from './install.ts';
import { MANIFEST, packManifest, readManifest, type PackFile, type PackManifest } from './manifest.ts';
import type { PackRecipe } from './recipe.ts';
import { RECIPES, flaw, locateEnginePack, packFolder } from './state.ts';
import { readEntry, unzip } from './unzip.ts';

/** A manifest of some hundred files takes a tenth of this, in bytes. */
const LARGEST_MANIFEST = 1 << 20;

/** What a pack's file is called unless the user says otherwise. */
export function packFileName(recipe: PackRecipe): string {
  return `pairlight-${recipe.folder}-${recipe.version}-${recipe.platform}.zip`;
}

/**
 * Writes an installed pack to one file, a zip archive with its manifest first, for a machine without a network. Every
 * file is compared with its checksum on the way. The archive appears under its name only when it is whole.
 * Rejects with the signal's reason when aborted.
 * @throws AppError `engine-pack` if the pack is missing or damaged, `io` if the file cannot be written.
 */
export async function exportEnginePack(
  file: string,
  options: InstallOptions & { readonly recipe: PackRecipe },
): Promise<{ readonly file: string; readonly bytes: number }> {
  const { recipe, signal } = options;
  const { installed, reason } = await locateEnginePack(options);
  const folder = packFolder(options);
  const reading = await readManifest(folder);
  if (!installed || reading.state !== 'read') {
    throw new AppError('engine-pack', reason ?? 'The tensorflow engine pack is not installed.');
  }
  const { manifest } = reading;
  const part = `${file}.part`;
  const report = progress(manifest.files, `Writing ${basename(file)}`, options);
  const zip = new ZipFile();
  const stop = new AbortController();
  const ended = AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]);
  let failure: unknown = null;
  const fail = (error: unknown): void => {
    failure ??= error;
    stop.abort();
  };
  zip.on('error', fail);
  zip.addBuffer(Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`), MANIFEST);
  for (const { path, bytes, sha256 } of manifest.files) {
    // Level 1: half the time of the usual one for 2 % more bytes.
    zip.addReadStreamLazy(path, { size: bytes, compressionLevel: 1 }, (use) => {
      const checked = meter(report, (found) => {
        if (found !== sha256) throw damaged(`${path} fails its SHA-256 check`, recipe);
      });
      pipeline(createReadStream(join(folder, path), { highWaterMark: 1 << 20 }), checked, { signal: ended }).catch(
        fail,
      );
      use(null, checked);
    });
  }
  zip.end();
  try {
    await pipeline(zip.outputStream, createWriteStream(part), { signal: ended });
    await rename(part, file);
  } catch (error) {
    stop.abort();
    await rm(part, { force: true });
    signal?.throwIfAborted();
    const cause = failure ?? error;
    if (cause instanceof AppError) throw cause;
    throw new AppError('io', `${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
  return { file, bytes: (await stat(file)).size };
}

/**
 * Installs a pack from a file that {@link exportEnginePack} wrote; replaces one of the same variant. TensorFlow's and
 * NVIDIA's libraries are compared with the published checksums, everything else with the file's own manifest, before
 * anything is put in place. Rejects with the signal's reason when aborted.
 * @throws AppError `not-found`, `engine-pack` if it is no such file, truncated, damaged or of another version,
 * `unsupported` for another platform, `conflict`, `io`.
 */
export async function installPackFile(
  file: string,
  options: Omit<InstallOptions, 'recipe'> & { readonly recipes?: readonly PackRecipe[] } = {},
): Promise<EnginePackState> {
  const manifest = await manifestOf(file);
  const recipes = options.recipes ?? Object.values(RECIPES);
  const recipe = recipes.find(({ variant }) => variant === manifest.variant);
  if (recipe === undefined) throw notAPack(file, `there is no pack of the kind ${manifest.variant}`);
  if (manifest.platform !== recipe.platform) {
    throw new AppError(
      'unsupported',
      `${file} holds an engine pack for ${manifest.platform}; this machine is ${process.platform}-${process.arch}.`,
    );
  }
  const bytes = manifest.files.reduce((sum, each) => sum + each.bytes, 0);
  if (bytes > recipe.room) throw notAPack(file, `its manifest speaks of ${bytes} bytes, more than any pack has`);
  const room = bytes + LARGEST_MANIFEST;
  return placeEnginePack(recipe, room, options, (scratch) => unpack(file, manifest, recipe, scratch, options));
}

async function unpack(
  file: string,
  manifest: PackManifest,
  recipe: PackRecipe,
  scratch: string,
  options: InstallOptions,
): Promise<string> {
  const pack = join(scratch, 'pack');
  const named = new Set(manifest.files.map(({ path }) => path));
  const report = progress(manifest.files, `Unpacking ${basename(file)}`, options);
  let seen = 0;
  const place = (entry: string): string | null => {
    if (entry === MANIFEST) return null;
    if (named.has(entry)) return entry;
    throw notAPack(file, `it holds ${entry}, which its manifest does not name`);
  };
  const onBytes = (total: number): void => {
    report(total - seen);
    seen = total;
  };
  const found = await unzip(file, pack, place, { onBytes, signal: options.signal, sizes: sizesOf(manifest) });
  for (const { path, bytes, sha256 } of manifest.files) {
    const one = found.find((each) => each.path === path);
    if (one === undefined) throw notAPack(file, `${path} is missing in it`);
    if (one.bytes !== bytes || one.sha256 !== sha256) throw notAPack(file, `${path} fails its SHA-256 check`);
    if (manifest.files.some((each) => each.path === path && each.executable)) await chmod(join(pack, path), 0o755);
  }
  await writeManifest(pack, await withOwnAddon(pack, manifest, recipe));
  const wrong = await flaw(pack, manifest, recipe, false);
  if (wrong !== null) throw notAPack(file, wrong);
  return pack;
}

/** The addon is the one part without a published checksum: a release that carries its own trusts no other. */
async function withOwnAddon(pack: string, manifest: PackManifest, { addon: path }: PackRecipe): Promise<PackManifest> {
  const shipped = shippedAddon();
  if (shipped === undefined) return manifest;
  const addon = join(pack, path);
  await copyFile(shipped, addon);
  const own = { path, bytes: (await stat(addon)).size, sha256: await sha256OfFile(addon) };
  return {
    ...manifest,
    addon: { ...manifest.addon, napi: NAPI_VERSION, compiler: 'shipped with the release' },
    files: manifest.files.map((each) => (each.path === path ? own : each)),
  };
}

async function manifestOf(file: string): Promise<PackManifest> {
  const found = await stat(file).catch((cause: unknown) => {
    throw new AppError('not-found', `${file} cannot be read. Check the path and its permissions.`, { cause });
  });
  if (!found.isFile()) throw notAPack(file, 'it is not a file');
  const text = await readEntry(file, MANIFEST, LARGEST_MANIFEST);
  if (text === null) throw notAPack(file, `it has no ${MANIFEST}`);
  try {
    return packManifest.parse(JSON.parse(text.toString('utf8')));
  } catch (cause) {
    throw new AppError(
      'engine-pack',
      `${file} is not an engine pack: its ${MANIFEST} is damaged. Nothing was changed.`,
      {
        cause,
      },
    );
  }
}

const sizesOf = ({ files }: PackManifest): ReadonlyMap<string, number> =>
  new Map(files.map(({ path, bytes }) => [path, bytes]));

function notAPack(file: string, why: string): AppError {
  return new AppError(
    'engine-pack',
    `${file} is not a whole engine pack: ${why}. Nothing was changed. Write it again with "pairlight engine export".`,
    { details: { file } },
  );
}

function damaged(why: string, recipe: PackRecipe): AppError {
  return new AppError(
    'engine-pack',
    `The installed engine pack is damaged: ${why}. Install it again and export then.`,
    {
      details: { variant: recipe.variant },
    },
  );
}

/** Reports the fraction of the pack's bytes that has passed; takes the size of each further piece. */
function progress(files: readonly PackFile[], message: string, options: InstallOptions): (bytes: number) => void {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  options.onProgress?.({ stage: 'unpack', fraction: 0, message });
  return (bytes) => {
    done += bytes;
    options.onProgress?.({ stage: 'unpack', fraction: Math.min(1, done / total), message });
  };
}

/** Hands data on, telling how much, and at the end its SHA-256; an error that `onSum` throws goes down the stream. */
function meter(onBytes: (bytes: number) => void, onSum: (sha256: string) => void): Transform {
  const hash = createHash('sha256');
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      onBytes(chunk.length);
      done(null, chunk);
    },
    flush(done) {
      try {
        onSum(hash.digest('hex'));
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
}
