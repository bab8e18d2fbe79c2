import { build } from './build.mjs';
import { prepareEnginePack } from './cli.mjs';
import { runScript } from './console.mjs';
import { runInElectron } from './electron-script.mjs';
import { prepare } from './prepare.mjs';

await runScript(async () => {
  await prepare();
  await build();
  // Imports need no engine.
  if (process.argv[2] === 'data') return runInElectron('bench', 'data', 'main.ts');
  await prepareEnginePack();
  await runInElectron('bench', 'main.ts');
});
