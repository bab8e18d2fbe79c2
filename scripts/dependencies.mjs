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
 * True when node_modules holds exactly what package-lock.json names. Compared with the record that npm leaves at the
 * end of an installation, so that an interrupted one counts as absent. Packages of other platforms may be missing.
 */
async function installed() {
  const wanted = await packagesOf(join(root, 'package-lock.json'));
  const present = await packagesOf(join(nodeModules, '.package-lock.json'));
  if (wanted === null)
    throw new PlainError('package-lock.json is missing or unreadable: restore it from the repository.');
  if (present === null) return false;
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === '' || (optional && !present[path])) continue;
    if (present[path]?.version !== version) return false;
  }
  return Object.keys(present).every((path) => wanted[path]);
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
