import { runScript } from './console.mjs';
import { runInElectron } from './electron-script.mjs';
import { prepare } from './prepare.mjs';

await runScript(async () => {
  await prepare();
  await runInElectron('reproduction', 'main.ts');
});
