import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { toAppError } from '../../shared/domain/errors.ts';
import { parseMemory } from '../../shared/domain/memory.ts';
import { architectureCommands } from './commands/architectures.ts';
import { attackCommands } from './commands/attacks.ts';
import { attentionCommand } from './commands/attention.ts';
import { checkCommand } from './commands/check.ts';
import { compareCommand } from './commands/compare.ts';
import { datasetCommands } from './commands/datasets.ts';
import { doctorCommand } from './commands/doctor.ts';
import { engineCommands } from './commands/engine.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { importCommand } from './commands/import.ts';
import { modelCommand } from './commands/model.ts';
import { modelCommands } from './commands/models.ts';
import { moduleCommand } from './commands/modules.ts';
import { queueCommands } from './commands/queue.ts';
import { quickstartCommand } from './commands/quickstart.ts';
import { sweepCommand } from './commands/sweep.ts';
import { trainCommand } from './commands/train.ts';
import { transferCommand } from './commands/transfer.ts';

const FAILED = 1;
const BAD_USAGE = 2;

const program = new Command('pairlight')
  .description('Train with attention and logit pairing, attack, look, export.')
  .version(packageJson.version)
  .option('--library <dir>', 'library folder')
  .option('--json', 'print one JSON document')
  .option('--quiet', 'no messages and no progress')
  .option('--max-memory <size>', 'end a job whose process uses more memory, such as 6G', (text) =>
    parseMemory(text, '--max-memory'),
  )
  .showHelpAfterError('(pairlight COMMAND --help lists the options)')
  .exitOverride();

for (const register of [
  doctorCommand,
  quickstartCommand,
  importCommand,
  datasetCommands,
  trainCommand,
  sweepCommand,
  evaluateCommand,
  transferCommand,
  compareCommand,
  architectureCommands,
  attackCommands,
  checkCommand,
  attentionCommand,
  modelCommands,
  modelCommand,
  moduleCommand,
  queueCommands,
  engineCommands,
]) {
  register(program);
}
// Global options may stand before or after the command; exit codes are ours in subcommands too.
for (const command of allCommands(program)) {
  command.exitOverride();
  if (command !== program) {
    for (const option of program.options) if (option.attributeName() !== 'version') command.addOption(option);
  }
}

try {
  await program.parseAsync(process.argv.slice(2), { from: 'user' });
} catch (error) {
  process.exitCode = exitStatus(error);
}

function exitStatus(error: unknown): number {
  if (error instanceof CommanderError) {
    const asked =
      error.code === 'commander.helpDisplayed' || error.code === 'commander.help' || error.code === 'commander.version';
    return asked ? 0 : BAD_USAGE;
  }
  const { code, message } = toAppError(error);
  process.stderr.write(`pairlight: ${message}\n`);
  return code === 'invalid-input' || code === 'source-is-target' ? BAD_USAGE : FAILED;
}

function* allCommands(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* allCommands(child);
}
