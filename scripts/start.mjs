import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { prepareEnginePack } from './cli.mjs';
import { PlainError, runScript, say } from './console.mjs';
import { electronBinary, electronFolder, root } from './paths.mjs';
import { prepare } from './prepare.mjs';

function kernelSetting(name) {
  try {
    return readFileSync(`/proc/sys/kernel/${name}`, 'utf8').trim();
  } catch {
    return null;
  }
}

/** Some distributions keep user namespaces from ordinary programs: then Chromium's sandbox needs its helper set up. */
function warnAboutSandbox() {
  if (process.platform !== 'linux' || process.getuid?.() === 0) return;
  const restricted =
    kernelSetting('apparmor_restrict_unprivileged_userns') === '1' ||
    kernelSetting('unprivileged_userns_clone') === '0';
  const helper = join(electronFolder, 'dist', 'chrome-sandbox');
  const { uid, mode } = statSync(helper);
  if (!restricted || (uid === 0 && (mode & 0o4000) !== 0)) return;
  say(`If the window does not open: this system keeps the sandbox from starting. Please run:
  sudo chown root ${helper} && sudo chmod 4755 ${helper}`);
}

await runScript(async () => {
  await prepare();
  await build();
  await prepareEnginePack();
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) {
    throw new PlainError(
      'There is no display to open the window on (DISPLAY is not set). Log in to a desktop, use ssh -X, or try: xvfb-run -a npm start',
    );
  }
  warnAboutSandbox();
  const env = { ...process.env };
  delete env.ELECTRON_RUN_AS_NODE;
  // Chromium refuses to run as root inside its sandbox.
  const switches = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  // In a process group of its own: Ctrl+C then reaches the application's main process alone, which stops its jobs in order.
  const app = spawn(electronBinary, [...switches, root, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env,
    detached: process.platform !== 'win32',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => app.kill(signal));
  app.on('error', (error) => say(`Electron could not be started: ${error.message}`));
  process.exitCode = await new Promise((resolve) => app.on('close', (status) => resolve(status ?? 1)));
});
