import { build } from './build.mjs';
import { prepareEnginePack, runCli } from './cli.mjs';
import { runScript } from './console.mjs';
import { prepare } from './prepare.mjs';

const args = process.argv.slice(2);

/** Commands that need no engine, or that deal with the pack themselves. */
const withoutEngine =
  args.length === 0 || args[0] === 'engine' || args.some((arg) => ['-h', '--help', '-V', '--version'].includes(arg));

await runScript(async () => {
  await prepare();
  await build();
  if (!withoutEngine) await prepareEnginePack();
  process.exitCode = await runCli(args);
});
