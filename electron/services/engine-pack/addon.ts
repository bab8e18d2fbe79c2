import { copyFile, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';
import { runCommand } from './command.ts';
import { ADDON, type PackRecipe } from './recipe.ts';

/** Version of Node-API that the addon is compiled for; every Node and Electron since 2021 offers it. */
export const NAPI_VERSION = 8;
export const ADDON_PACKAGE = '@tensorflow/tfjs-node-gpu';

const packages = createRequire(import.meta.url);

export function packageRoot(name: string): string {
  return dirname(packages.resolve(`${name}/package.json`));
}

/** Version of the package whose sources the addon is compiled from. */
export async function addonVersion(): Promise<string> {
  const text = await readFile(join(packageRoot(ADDON_PACKAGE), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The compiled addon that a release carries in its resources; undefined in a checkout. */
export function shippedAddon(): string | undefined {
  const resources = (process as { readonly resourcesPath?: string }).resourcesPath;
  const file = resources === undefined ? undefined : join(resources, 'engine-pack', ADDON);
  return file !== undefined && existsSync(file) ? file : undefined;
}

/**
 * Puts the addon into `folder`, which holds the recipe's libraries: the shipped one, or one compiled from the sources
 * in {@link ADDON_PACKAGE} against the headers below `include`. It finds its libraries beside itself, or in the folder
 * `tensorflow` there.
 * Resolves with what made it.
 * @throws AppError `engine-pack` when there is no C++17 compiler or the compilation fails.
 */
export async function buildAddon(
  recipe: PackRecipe,
  folder: string,
  include: string,
  signal?: AbortSignal,
): Promise<{ readonly compiler: string }> {
  const shipped = shippedAddon();
  if (shipped !== undefined) {
    await copyFile(shipped, join(folder, ADDON));
    return { compiler: 'shipped with the release' };
  }
  const compiler = process.env.CXX ?? 'g++';
  const version = await runCommand(compiler, ['--version'], { signal });
  if (version.missing) {
    throw new AppError(
      'engine-pack',
      `The engine pack needs a C++17 compiler, and "${compiler}" was not found. Install one ` +
        '(Debian and Ubuntu: sudo apt-get install g++) and try again.',
    );
  }
  const source = packageRoot(ADDON_PACKAGE);
  const includes = [dirname(source), source, include, join(packageRoot('node-api-headers'), 'include')];
  const result = await runCommand(
    compiler,
    [
      ...['-std=c++17', '-O2', '-shared', '-fPIC', `-DNAPI_VERSION=${NAPI_VERSION}`],
      ...includes.map((path) => `-I${path}`),
      join(source, 'binding', 'tfjs_backend.cc'),
      join(source, 'binding', 'tfjs_binding.cc'),
      ...['-o', join(folder, ADDON), `-L${join(folder, recipe.libraryFolder)}`],
      ...recipe.libraries.map((library) => `-l:${library}`),
      // One addon for both packs, wherever they lie.
      '-Wl,-rpath,$ORIGIN:$ORIGIN/tensorflow',
    ],
    { signal },
  );
  if (result.status !== 0) {
    const firstError = result.output.split('\n').find((line) => /error/i.test(line)) ?? result.output.trim();
    throw new AppError('engine-pack', `The engine pack's addon could not be compiled with ${compiler}: ${firstError}`);
  }
  return { compiler: version.output.split('\n')[0]?.trim() ?? compiler };
}
