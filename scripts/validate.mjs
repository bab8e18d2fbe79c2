import { prepareEnginePack } from './cli.mjs';
import { runScript } from './console.mjs';
import { runInElectron } from './electron-script.mjs';
import { prepare } from './prepare.mjs';

await runScript(async () => {
  await prepare();
  await prepareEnginePack();
  await runInElectron('validate', 'main.ts');
});
