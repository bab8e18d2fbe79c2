import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { electronBinary, root } from './paths.mjs';

/** Runs `scripts/<path>` in Electron's own Node with this command's arguments; its exit code becomes ours. */
export async function runInElectron(...path) {
  const child = spawn(electronBinary, [join(root, 'scripts', ...path), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
  });
  // A terminal sends Ctrl+C to the child itself; we only have to outlive it. Other signals are passed on.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('close', (status) => resolve(status ?? 1));
  });
}
