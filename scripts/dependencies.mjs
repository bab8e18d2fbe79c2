import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PlainError, say } from './console.mjs';
import { nodeModules, root } from './paths.mjs';
import { run } from './run.mjs';

async function packagesOf(lockFile) {
  try {
    return JSON.parse(await readFile(lockFile, 'utf8')).packages;
  } catch {
    return null;
  }
}

/**
 * True when the packages `present` in node_modules are exactly those `wanted` by the lock file, both as npm records them:
 * from path to { version, optional }. Optional packages may be missing, as those of other platforms are.
 */
export function samePackages(wanted, present) {
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === '' || (optional && !present[path])) continue;
    if (present[path]?.version !== version) return false;
  }
  return Object.keys(present).every((path) => wanted[path]);
}

/** Compares with the record that npm leaves at the end of an installation: an interrupted one counts as absent. */
async function installed() {
  const wanted = await packagesOf(join(root, 'package-lock.json'));
  const present = await packagesOf(join(nodeModules, '.package-lock.json'));
  if (wanted === null)
    throw new PlainError('package-lock.json is missing or unreadable: restore it from the repository.');
  return present !== null && samePackages(wanted, present);
}

/** Installs exactly what the lock file names, unless it is there already. */
export async function prepareDependencies() {
  if (await installed()) return;
  say('Installing the packages named in package-lock.json');
  const result = await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root });
  if (result.status !== 0) {
    throw new PlainError(
      'The packages could not be installed (npm ci failed, see above). Check the network connection and try again.',
    );
  }
}
