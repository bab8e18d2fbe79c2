import { pathToFileURL } from 'node:url';
import { PlainError, runScript } from './console.mjs';
import { prepareDependencies } from './dependencies.mjs';
import { prepareElectron } from './electron.mjs';
import { prepareSystem } from './system.mjs';

/**
 * Makes this checkout ready to build and run: packages, what the system lacks, Electron's binary.
 * Uses nothing but Node's built-in modules until the packages are there. Quick when there is nothing to do.
 */
export async function prepare() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new PlainError(`Node.js 20.19 or newer is needed; this is ${process.versions.node}.`);
  }
  await prepareDependencies();
  await prepareSystem();
  await prepareElectron();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await runScript(prepare);
