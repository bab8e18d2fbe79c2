import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { PlainError, say } from './console.mjs';
import { nodeModules, root } from './paths.mjs';
import { run } from './run.mjs';

const SOURCES = [
  'electron',
  'shared',
  'renderer',
  'resources',
  'package.json',
  'package-lock.json',
  'electron.vite.config.ts',
  'tsconfig.json',
];
const stamp = join(root, 'out', 'sources.sha256');

async function filesOf(path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  const entries = await readdir(full, { recursive: true, withFileTypes: true }).catch((error) => {
    if (error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (entries === null) return [full];
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

async function sourcesHash() {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    for (const file of (await filesOf(source)).sort()) {
      hash
        .update(`${relative(root, file)}\0`)
        .update(await readFile(file))
        .update('\0');
    }
  }
  return hash.digest('hex');
}

/** Builds the application into out/, unless the sources are those of the last build. */
export async function build() {
  const hash = await sourcesHash();
  if (existsSync(stamp) && (await readFile(stamp, 'utf8')) === hash) return;
  say('Building');
  await rm(stamp, { force: true });
  const result = await run(process.execPath, [join(nodeModules, 'electron-vite', 'bin', 'electron-vite.js'), 'build'], {
    cwd: root,
    capture: true,
    env: { NODE_ENV: 'production', NO_COLOR: '1' },
  });
  if (result.status !== 0) throw new PlainError(`${result.output.trim()}\nThe build failed, see above.`);
  await mkdir(join(root, 'out'), { recursive: true });
  await writeFile(stamp, hash);
}
