import type { Command } from 'commander';
import type { EnginePackState } from '../../../shared/domain/engine.ts';
import { installEnginePack } from '../../services/engine-pack/install.ts';
import { locateEnginePack, removeEnginePack, verifyEnginePack } from '../../services/engine-pack/state.ts';
import { outputOf, type GlobalOptions } from '../session.ts';

export function engineCommands(program: Command): void {
  const engine = program.command('engine').description('install, verify or remove an engine pack');

  engine
    .command('install <name>')
    .description('engine install tensorflow: fetch TensorFlow and compile its addon')
    .option('--if-missing', 'do nothing where it is installed already')
    .action(async (name: string, flags: { readonly ifMissing?: boolean }, command: Command) => {
      onlyTensorflow(name, command);
      const output = outputOf(command.optsWithGlobals<GlobalOptions>());
      const present = await locateEnginePack();
      if (flags.ifMissing === true && present.installed) {
        output.result(present, '');
        return;
      }
      const controller = new AbortController();
      process.once('SIGINT', () => {
        controller.abort();
      });
      let stage = '';
      const state = await installEnginePack({
        signal: controller.signal,
        onProgress: (progress) => {
          if (progress.stage === stage) return;
          stage = progress.stage;
          output.say(progress.message);
        },
      });
      output.result(state, describe(state));
    });

  engine
    .command('verify <name>')
    .description('compare every file of the pack with its checksum')
    .action(async (name: string, _flags: object, command: Command) => {
      onlyTensorflow(name, command);
      const state = await verifyEnginePack();
      outputOf(command.optsWithGlobals<GlobalOptions>()).result(state, describe(state));
      if (!state.installed) process.exitCode = 1;
    });

  engine
    .command('remove <name>')
    .description('delete the pack; the wasm engine serves')
    .action(async (name: string, _flags: object, command: Command) => {
      onlyTensorflow(name, command);
      await removeEnginePack();
      const state = await locateEnginePack();
      outputOf(command.optsWithGlobals<GlobalOptions>()).result(state, describe(state));
    });
}

function onlyTensorflow(name: string, command: Command): void {
  if (name !== 'tensorflow') {
    command.error(`error: there is no engine pack '${name}'; the only one is tensorflow`, { exitCode: 2 });
  }
}

function describe({ installed, version, folder, bytes, reason }: EnginePackState): string {
  if (!installed) return `tensorflow: not installed${reason === null ? '' : ` (${reason})`}`;
  return `tensorflow ${version ?? ''}: installed in ${folder}${bytes === null ? '' : `, ${Math.round(bytes / 1e6)} MB`}`;
}
