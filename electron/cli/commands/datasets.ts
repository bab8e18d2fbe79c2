import type { Command } from 'commander';
import { percent, textTable } from '../output.ts';
import { choose, withLibrary, type GlobalOptions } from '../session.ts';

export function datasetCommands(program: Command): void {
  program
    .command('datasets')
    .description('list the data sets of the library')
    .action(async (_flags: object, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const rows = library.datasets.list();
        const table = textTable(
          ['id', 'name', 'images', 'classes', 'shape'],
          rows.map(({ id, manifest }) => [
            id,
            manifest.name,
            manifest.images,
            manifest.classes.length,
            manifest.shape.join('×'),
          ]),
        );
        output.result(rows, rows.length > 0 ? table : 'There is no data set yet. Import one: pairlight import PATH');
      });
    });

  program
    .command('dataset <action> <id>')
    .description('dataset show ID: classes, splits, source and skipped files of one data set')
    .action(async (action: string, id: string, _flags: object, command: Command) => {
      if (action !== 'show') command.error(`error: unknown action '${action}'; try: dataset show ID`, { exitCode: 2 });
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const row = choose(library.datasets.list(), id, 'data set', ({ manifest }) => manifest.name);
        const { manifest } = row;
        const counts = textTable(
          ['class', 'images', 'share'],
          manifest.classes.map((name, label) => {
            const count = manifest.classCounts[label] ?? 0;
            return [name, count, percent(count / manifest.images)];
          }),
        );
        const head = `${manifest.name} (${row.id})\n${manifest.images} images ${manifest.shape.join('×')}; train ${manifest.splits.train}, validation ${manifest.splits.validation}, test ${manifest.splits.test}\nSHA-256 ${manifest.hash}`;
        const skipped = manifest.skipped.map(({ file, reason }) => `left out: ${file}: ${reason}`);
        output.result(row, [head, counts, ...skipped].join('\n'));
      });
    });
}
