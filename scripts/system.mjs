import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { say } from './console.mjs';
import { answers, run } from './run.mjs';

/** What Electron needs from Debian or Ubuntu: the package, and the library file that shows it is there. */
const LIBRARIES = [
  ['libgtk-3-0', 'libgtk-3.so.0'],
  ['libasound2', 'libasound.so.2'],
  ['libnss3', 'libnss3.so'],
  ['libgbm1', 'libgbm.so.1'],
  ['libxss1', 'libXss.so.1'],
  ['libnotify4', 'libnotify.so.4'],
  ['libsecret-1-0', 'libsecret-1.so.0'],
  ['libatk-bridge2.0-0', 'libatk-bridge-2.0.so.0'],
  ['libxtst6', 'libXtst.so.6'],
  ['libdrm2', 'libdrm.so.2'],
];

/** Releases whose time_t is 64 bit everywhere renamed some packages; apt is asked for the name it knows. */
const RENAMED = {
  'libgtk-3-0': 'libgtk-3-0t64',
  libasound2: 'libasound2t64',
  'libatk-bridge2.0-0': 'libatk-bridge2.0-0t64',
};

function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

function installedLibraries() {
  for (const ldconfig of ['ldconfig', '/sbin/ldconfig']) {
    const listed = spawnSync(ldconfig, ['-p'], { encoding: 'utf8', maxBuffer: 1 << 26 });
    if (listed.status === 0) return listed.stdout;
  }
  return null;
}

function missingForWindow() {
  const missing = [];
  const listed = installedLibraries();
  if (listed !== null) {
    for (const [name, file] of LIBRARIES) if (!listed.includes(`${file} `)) missing.push(name);
  }
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY && !has('Xvfb')) missing.push('xvfb', 'xauth');
  return missing;
}

function missingForEnginePack() {
  if (process.env.PAIRLIGHT_ENGINE === 'wasm') return [];
  const missing = [];
  if (!answers('g++', ['--version'])) missing.push('g++');
  if (!answers('python3', ['-m', 'pip', '--version'])) missing.push('python3-pip');
  return missing;
}

async function aptNames(names) {
  const resolved = [];
  for (const name of names) {
    const renamed = RENAMED[name];
    const known = renamed && (await run('apt-cache', ['show', renamed], { capture: true })).status === 0;
    resolved.push(known ? renamed : name);
  }
  return resolved;
}

/**
 * Installs what Electron, a virtual display and the engine pack's build need from the system: on Debian and Ubuntu as
 * root through apt-get; elsewhere the exact command is printed and the preparation goes on.
 */
export async function prepareSystem() {
  if (process.platform !== 'linux') return;
  const missing = [...missingForWindow(), ...missingForEnginePack()];
  if (missing.length === 0) return;
  if (!has('apt-get')) {
    say(`Missing on this system (Debian names): ${missing.join(' ')}. Install them with your package manager.`);
    return;
  }
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    say(
      `Missing on this system. Please run: sudo apt-get install --no-install-recommends ${(await aptNames(missing)).join(' ')}`,
    );
    return;
  }
  say(`Installing from the system's package source: ${missing.join(' ')}`);
  const quiet = { capture: true, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const updated = await run('apt-get', ['update', '-q'], quiet);
  const names = await aptNames(missing);
  const installed = await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...names], quiet);
  if (installed.status !== 0) {
    const lines = `${updated.status === 0 ? '' : updated.output}${installed.output}`.trim().split('\n');
    say(lines.slice(-5).join('\n'));
    say(`That failed. Please run: apt-get update && apt-get install --no-install-recommends ${names.join(' ')}`);
  }
}
