import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EnginePackState, PackVariant } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { dataFolder } from '../data-folder.ts';
import { sha256OfFile } from './hash.ts';
import { readManifest, type PackManifest } from './manifest.ts';
import { TENSORFLOW_CPU, installCommand, packageRecipe, recipeFiles, type PackRecipe } from './recipe.ts';
import { TENSORFLOW_CUDA } from './recipe-cuda.ts';

export interface PackPlace {
  /** Folder of the engine packs; the pack lies in the subfolder that its recipe names. */
  readonly engines?: string;
  /** Left out: the pack for the CPU. */
  readonly recipe?: PackRecipe;
}

const HERE = `${process.platform}-${process.arch}`;
/** Where the addon's package brings its own installer. Untested: see docs/engines.md. */
const BY_PACKAGE = ['darwin-x64', 'darwin-arm64', 'win32-x64'];

export const RECIPES: Readonly<Record<PackVariant, PackRecipe>> = {
  cpu: BY_PACKAGE.includes(HERE) ? packageRecipe(HERE) : TENSORFLOW_CPU,
  cuda: TENSORFLOW_CUDA,
};

/** `<data folder>/engines`. */
export function enginesFolder(): string {
  return join(dataFolder(), 'engines');
}

export function packFolder(place: PackPlace = {}): string {
  return join(place.engines ?? enginesFolder(), (place.recipe ?? RECIPES.cpu).folder);
}

const howTo = ({ variant }: PackRecipe): string => `from the Engines view or with: ${installCommand(variant)}`;

function runsHere(recipe: PackRecipe): boolean {
  return recipe.platform === HERE;
}

/** Refuses platforms for which no pack exists, with a message that says what serves instead. */
export function requirePlatform(recipe: PackRecipe): void {
  if (runsHere(recipe)) return;
  throw new AppError(
    'unsupported',
    `The tensorflow engine pack exists for ${recipe.platform} only; this is ${process.platform}-${process.arch}. ` +
      'The wasm engine needs no pack and works here.',
  );
}

/** The first thing wrong with the pack, by the manifest and the pinned sums; null when it is whole. */
export async function flaw(
  folder: string,
  manifest: PackManifest,
  recipe: PackRecipe,
  hashes: boolean,
): Promise<string | null> {
  if (manifest.variant !== recipe.variant)
    return `it is the pack for ${manifest.variant === 'cuda' ? 'GPUs' : 'the CPU'}`;
  if (manifest.version !== recipe.version) {
    return `it holds TensorFlow ${manifest.version}, this version of Pairlight needs ${recipe.version}`;
  }
  if (manifest.platform !== recipe.platform) return `it was built for ${manifest.platform}`;
  for (const path of [...recipeFiles(recipe).map((file) => file.to), recipe.addon]) {
    if (!manifest.files.some((file) => file.path === path)) return `its manifest does not name ${path}`;
  }
  for (const { path, bytes, sha256 } of manifest.files) {
    const pinned = recipeFiles(recipe).find((file) => file.to === path)?.sha256;
    if (pinned !== undefined && pinned !== sha256)
      return `its manifest gives another SHA-256 for ${path} than the published one`;
    const found = await stat(join(folder, path)).catch(() => null);
    if (!found?.isFile()) return `${path} is missing`;
    if (found.size !== bytes) return `${path} has ${found.size} bytes instead of ${bytes}`;
    if (hashes && (await sha256OfFile(join(folder, path))) !== sha256) return `${path} fails its SHA-256 check`;
  }
  return null;
}

async function inspect(place: PackPlace, hashes: boolean): Promise<EnginePackState> {
  const recipe = place.recipe ?? RECIPES.cpu;
  const folder = packFolder(place);
  const absent = (reason: string): EnginePackState => ({
    variant: recipe.variant,
    installed: false,
    folder,
    version: null,
    bytes: null,
    reason,
  });
  if (!runsHere(recipe)) return absent(`There is no tensorflow engine pack for ${process.platform}-${process.arch}.`);
  const reading = await readManifest(folder);
  if (reading.state === 'missing') {
    return absent(`The tensorflow engine pack is not installed. Install it ${howTo(recipe)}`);
  }
  const damaged = (what: string): string =>
    `The tensorflow engine pack is not usable: ${what}. Install it again ${howTo(recipe)}`;
  if (reading.state === 'unreadable') return absent(damaged(reading.reason));
  const { manifest } = reading;
  const wrong = await flaw(folder, manifest, recipe, hashes);
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  return {
    variant: recipe.variant,
    installed: wrong === null,
    folder,
    version: manifest.version,
    bytes,
    reason: wrong === null ? null : damaged(wrong),
  };
}

/** Whether the pack is there and complete, from its manifest and the sizes of its files: milliseconds. */
export function locateEnginePack(place: PackPlace = {}): Promise<EnginePackState> {
  return inspect(place, false);
}

/** As {@link locateEnginePack}, and every file's SHA-256 against the manifest and the pinned sums: seconds. */
export function verifyEnginePack(place: PackPlace = {}): Promise<EnginePackState> {
  return inspect(place, true);
}

/**
 * Deletes the pack. It vanishes in one step, so that no half of it is ever found; nothing happens when there is none.
 * @throws AppError `engine-pack` when the folder cannot be deleted.
 */
export async function removeEnginePack(place: PackPlace = {}): Promise<void> {
  const folder = packFolder(place);
  const doomed = `${folder}.removed-${process.pid}`;
  try {
    await rename(folder, doomed);
    await rm(doomed, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new AppError(
      'engine-pack',
      `The engine pack in ${folder} could not be deleted: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}
