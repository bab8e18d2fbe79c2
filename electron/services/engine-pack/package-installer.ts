import { copyFile, cp, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join, relative, resolve, sep } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';
import { ADDON_PACKAGE, packageRoot } from './addon.ts';
import { runCommand } from './command.ts';
import type { PackRecipe } from './recipe.ts';

/** The package for the CPU: the same sources and installer as those of {@link ADDON_PACKAGE}, by another name. */
const CPU_PACKAGE = '@tensorflow/tfjs-node';

/**
 * Runs the installer of the addon's package on a copy of it below `scratch`, so that `node_modules` stays as it is, and
 * puts what it fetched into `pack`, laid out as in the package: the addon finds its library relative to itself.
 * Resolves with the paths of all files in the pack.
 * @throws AppError `engine-pack` if Node.js is missing or the installer fails, `unsupported` in a release, which has no
 * installer to run.
 */
export async function runPackageInstaller(
  recipe: PackRecipe,
  scratch: string,
  pack: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly requirement: string; readonly version: string; readonly paths: readonly string[] }> {
  const source = installedPackage();
  const modules = resolve(source, '..', '..');
  const work = join(scratch, 'package');
  await mkdir(work, { recursive: true });
  for (const part of ['scripts', 'binding', 'binding.gyp', 'package.json']) {
    await cp(join(source, part), join(work, part), { recursive: true });
  }
  const description = JSON.parse(await readFile(join(work, 'package.json'), 'utf8')) as { readonly version: string };
  await writeFile(join(work, 'package.json'), JSON.stringify({ ...description, name: CPU_PACKAGE }, null, 2));
  const path = [join(modules, '.bin'), process.env['PATH'] ?? ''].join(delimiter);
  const result = await runCommand('node', [join('scripts', 'install.js'), 'cpu', 'download'], {
    signal,
    cwd: work,
    env: { ...process.env, PATH: path, NODE_PATH: modules },
  });
  if (result.missing) {
    throw new AppError(
      'engine-pack',
      'On this system the engine pack is fetched by a program that needs Node.js, and "node" was not found. Install Node.js and try again.',
    );
  }
  if (result.status !== 0 || !existsSync(join(work, recipe.addon))) {
    const last = result.output.trim().split('\n').slice(-3).join(' ');
    throw new AppError(
      'engine-pack',
      `TensorFlow’s own installer failed: ${last} Check the network connection and try again.`,
      { retry: true },
    );
  }
  await mkdir(pack, { recursive: true });
  await rename(join(work, 'lib'), join(pack, 'lib'));
  await rename(join(work, 'deps'), join(pack, 'deps'));
  await rm(join(pack, 'deps', 'include'), { recursive: true, force: true });
  if (recipe.platform.startsWith('win32')) {
    // Windows looks for a library beside the one that needs it.
    const library = join(pack, 'deps', 'lib', 'tensorflow.dll');
    await copyFile(library, join(dirname(join(pack, recipe.addon)), 'tensorflow.dll'));
  }
  const entries = await readdir(pack, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(pack, join(entry.parentPath, entry.name)).replaceAll(sep, '/'));
  return {
    requirement: `${CPU_PACKAGE}@${description.version}`,
    version: description.version,
    paths: paths.toSorted(),
  };
}

function installedPackage(): string {
  try {
    return packageRoot(ADDON_PACKAGE);
  } catch (cause) {
    throw new AppError(
      'unsupported',
      'On this system an engine pack can only be installed from a checkout of the sources, or from a file. The wasm engine needs no pack.',
      { cause },
    );
  }
}
