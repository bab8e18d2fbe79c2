import type { Command } from 'commander';
import { ENGINE_NAMES, engineName, type EnginePackState, type EngineReport } from '../../../shared/domain/engine.ts';
import { installEnginePack, type InstallOptions } from '../../services/engine-pack/install.ts';
import { exportEnginePack, installPackFile, packFileName } from '../../services/engine-pack/pack-file.ts';
import type { PackRecipe } from '../../services/engine-pack/recipe.ts';
import { RECIPES, locateEnginePack, removeEnginePack, verifyEnginePack } from '../../services/engine-pack/state.ts';
import type { Output } from '../output.ts';
import { outputOf, withLibrary, type GlobalOptions } from '../session.ts';

interface Flags {
  readonly cuda?: boolean;
  readonly ifMissing?: boolean;
}

const CUDA = ['--cuda', 'the pack with NVIDIA’s libraries, for a GPU'] as const;
const NVIDIA_LICENCES =
  'NVIDIA’s libraries come under NVIDIA’s own licences, which lie in the pack’s folder "licences": by installing them you accept those.';

export function engineCommands(program: Command): void {
  const engine = program
    .command('engine')
    .description('list and test engines; install, verify, export or remove an engine pack');

  engine
    .command('list')
    .description('every engine as last tested, and which one new jobs take')
    .action(async (_flags: object, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const { engines, chosen } = await library.engines.list();
        output.result({ engines, chosen }, [...engines.map(describeReport), `chosen: ${chosen}`].join('\n'));
      });
    });

  engine
    .command('test <name>')
    .description('load an engine, check its gradients against the reference and measure its speed')
    .action(async (name: string, _flags: object, command: Command) => {
      const known = engineName.safeParse(name);
      if (!known.success) {
        command.error(`error: there is no engine '${name}'; there are ${ENGINE_NAMES.join(', ')}`, { exitCode: 2 });
      }
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const report = await library.engines.test(engineName.parse(name));
        output.result(report, describeReport(report));
        if (report.selfTest !== 'passed') process.exitCode = 1;
      });
    });

  engine
    .command('install <name-or-file>')
    .description('tensorflow: fetch TensorFlow and compile its addon; or install a pack from a file of "engine export"')
    .option(...CUDA)
    .option('--if-missing', 'do nothing where it is installed already')
    .action(async (name: string, flags: Flags, command: Command) => {
      const output = outputOf(command.optsWithGlobals<GlobalOptions>());
      if (name !== 'tensorflow' && isFileName(name)) {
        const state = await installPackFile(name, withProgress(output));
        output.result(state, describe(state));
        return;
      }
      const recipe = recipeOf(name, flags, command);
      const present = await locateEnginePack({ recipe });
      if (flags.ifMissing === true && present.installed) {
        output.result(present, '');
        return;
      }
      if (recipe.variant === 'cuda') output.say(NVIDIA_LICENCES);
      const state = await installEnginePack({ recipe, ...withProgress(output) });
      output.result(state, describe(state));
    });

  engine
    .command('export <name> [file]')
    .description('write an installed pack to one file, for a machine without a network')
    .option(...CUDA)
    .action(async (name: string, file: string | undefined, flags: Flags, command: Command) => {
      const recipe = recipeOf(name, flags, command);
      const output = outputOf(command.optsWithGlobals<GlobalOptions>());
      const target = file ?? packFileName(recipe);
      const written = await exportEnginePack(target, { recipe, ...withProgress(output) });
      output.result(written, `${written.file}: ${Math.round(written.bytes / 1e6)} MB`);
    });

  engine
    .command('verify <name>')
    .description('compare every file of the pack with its checksum')
    .option(...CUDA)
    .action(async (name: string, flags: Flags, command: Command) => {
      const state = await verifyEnginePack({ recipe: recipeOf(name, flags, command) });
      outputOf(command.optsWithGlobals<GlobalOptions>()).result(state, describe(state));
      if (!state.installed) process.exitCode = 1;
    });

  engine
    .command('remove <name>')
    .description('delete the pack; the wasm engine serves')
    .option(...CUDA)
    .action(async (name: string, flags: Flags, command: Command) => {
      const recipe = recipeOf(name, flags, command);
      await removeEnginePack({ recipe });
      const state = await locateEnginePack({ recipe });
      outputOf(command.optsWithGlobals<GlobalOptions>()).result(state, describe(state));
    });
}

function recipeOf(name: string, flags: Flags, command: Command): PackRecipe {
  if (name !== 'tensorflow') {
    command.error(`error: there is no engine pack '${name}'; the only one is tensorflow`, { exitCode: 2 });
  }
  return RECIPES[flags.cuda === true ? 'cuda' : 'cpu'];
}

/** A name of an engine has neither. */
const isFileName = (text: string): boolean => /[./\\]/.test(text);

/** Says each step once; Ctrl+C aborts. */
function withProgress(output: Output): Pick<InstallOptions, 'signal' | 'onProgress'> {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    controller.abort();
  });
  let said = '';
  return {
    signal: controller.signal,
    onProgress: ({ message }) => {
      if (message !== said) output.say(message);
      said = message;
    },
  };
}

function describe({ variant, installed, version, folder, bytes, reason }: EnginePackState): string {
  const name = variant === 'cuda' ? 'tensorflow with CUDA' : 'tensorflow';
  if (!installed) return `${name}: not installed${reason === null ? '' : ` (${reason})`}`;
  return `${name} ${version ?? ''}: installed in ${folder}${bytes === null ? '' : `, ${Math.round(bytes / 1e6)} MB`}`;
}

function describeReport({ name, available, device, version, selfTest, selfTestError, reason }: EngineReport): string {
  const error = selfTestError === null ? '' : `, largest relative error ${selfTestError.toExponential(1)}`;
  const what = available ? [version, device, `self-test ${selfTest}${error}`] : ['not available'];
  return `${name}: ${[...what, reason].filter((part) => part !== null).join('; ')}`;
}
