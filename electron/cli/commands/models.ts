import { join } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../../shared/domain/errors.ts';
import { exportCurve, exportRun, exportTable } from '../../services/figures/exports.ts';
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
    .command('compare <runs...>')
    .description('result table (CSV and LaTeX) and accuracy curves (SVG, PDF, PNG) of several runs')
    .requiredOption('--out <dir>', 'folder for the files')
    .action(async (texts: readonly string[], flags: { readonly out: string }, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const { runs } = library.snapshot();
        const chosen = texts.map((text) => choose(runs, text, 'run', ({ name }) => name));
        const datasets = new Set(chosen.map((run) => run.config.dataset));
        const [dataset] = datasets;
        if (dataset === undefined || datasets.size > 1) {
          throw new AppError(
            'invalid-input',
            'compare: the runs are of different data sets. Compare runs of one data set.',
          );
        }
        const ids = chosen.map(({ id }) => id);
        const tables = await Promise.all(
          (['csv', 'latex'] as const).map((format) => exportTable(library, dataset, format)),
        );
        const curves = await Promise.all(
          (['svg', 'pdf', 'png'] as const).map((format) => exportCurve(library, ids, 'accuracy', format)),
        );
        const files: string[] = [];
        for (const { name, bytes } of [...tables, ...curves]) {
          const file = join(flags.out, name);
          await writeExport(file, bytes);
          files.push(file);
        }
        output.result({ runs: ids, files }, files.join('\n'));
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
