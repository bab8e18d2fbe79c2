import type { Command } from 'commander';
import { exportRun } from '../../services/figures/exports.ts';
import { writeExport } from '../../services/write-export.ts';
import { textTable } from '../output.ts';
import { choose, withLibrary, type GlobalOptions } from '../session.ts';

export function modelCommands(program: Command): void {
  program
    .command('models')
    .description('list the trained and imported models of the library')
    .action(async (_flags: object, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const models = library.models.list();
        const table = textTable(
          ['id', 'name', 'architecture', 'defence', 'seed', 'parameters'],
          models.map((model) => [
            model.id,
            model.name,
            model.architecture,
            model.defence ?? '–',
            model.seed === null ? '–' : String(model.seed),
            model.parameters,
          ]),
        );
        output.result(models, models.length > 0 ? table : 'There is no model yet. Train one: pairlight train');
      });
    });

  program
    .command('export <run>')
    .description('a run as one ZIP: configuration, results, metrics and weights')
    .requiredOption('--out <file>', 'ZIP file to write')
    .action(async (text: string, flags: { readonly out: string }, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const run = choose(library.snapshot().runs, text, 'run', ({ name }) => name);
        await writeExport(flags.out, (await exportRun(library, run.id)).bytes);
        output.result({ run: run.id, file: flags.out }, flags.out);
      });
    });
}
