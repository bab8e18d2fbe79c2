import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { say } from './console.mjs';
import { electronBinary, root } from './paths.mjs';
import { run } from './run.mjs';

const cli = join(root, 'out', 'main', 'cli.js');

/** Runs the built command line in Electron's own Node as if it had been called directly; resolves with its exit status. */
export function runCli(args) {
  return new Promise((resolve) => {
    const child = spawn(electronBinary, [cli, ...args], {
      stdio: 'inherit',
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
    // A terminal sends Ctrl+C to the child itself; we only have to outlive it. Other signals are passed on.
    const ignore = () => {};
    const pass = (signal) => child.kill(signal);
    process.on('SIGINT', ignore);
    process.on('SIGTERM', pass);
    process.on('SIGHUP', pass);
    child.on('error', (error) => {
      say(`The command line could not be started: ${error.message}`);
      resolve(1);
    });
    child.on('close', (status) => resolve(status ?? 1));
  });
}

/** Installs the tensorflow engine pack if it is missing; where it cannot be had, says so in one line and goes on. */
export async function prepareEnginePack() {
  if (process.env.PAIRLIGHT_ENGINE === 'wasm') return;
  const { status } = await run(electronBinary, [cli, 'engine', 'install', 'tensorflow', '--if-missing'], {
    env: { ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) say('The tensorflow engine is not available (see above); the wasm engine serves instead.');
}
