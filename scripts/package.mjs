import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from './build.mjs';
import { prepareEnginePack } from './cli.mjs';
import { PlainError, runScript, say } from './console.mjs';
import { electronFolder, nodeModules, root } from './paths.mjs';
import { prepare } from './prepare.mjs';
import { run } from './run.mjs';

/** `npm run package [-- TARGET …]`: the application as a folder in dist/, or as the targets named (tar.gz, deb, AppImage). */
async function bundle(targets) {
  await prepare();
  await build();
  await prepareEnginePack();
  const data =
    process.env.PAIRLIGHT_DATA ?? join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'pairlight');
  const addon = join(data, 'engines', 'tensorflow', 'tfjs_binding.node');
  const shipped = join(root, 'build', 'engine-pack', 'tfjs_binding.node');
  if (existsSync(addon)) {
    await mkdir(dirname(shipped), { recursive: true });
    await copyFile(addon, shipped);
  }
  const wanted = JSON.parse(await readFile(join(electronFolder, 'package.json'), 'utf8')).version;
  const present = (await readFile(join(electronFolder, 'dist', 'version'), 'utf8')).trim();
  if (present.replace(/^v/, '') !== wanted) {
    say(`This bundle holds Electron ${present}, which is for development and tests only: do not publish it.`);
  }
  const args = [
    join(nodeModules, 'electron-builder', 'cli.js'),
    '--publish',
    'never',
    ...(targets.length > 0 ? ['--linux', ...targets] : ['--dir']),
  ];
  const { status } = await run(process.execPath, args, { cwd: root });
  if (status !== 0) throw new PlainError('electron-builder failed, see above.');
}

await runScript(() => bundle(process.argv.slice(2)));
