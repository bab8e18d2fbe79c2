import type { Command } from 'commander';
import { DATASET_FORMATS } from '../../../shared/domain/dataset-format.ts';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import { percent, textTable } from '../output.ts';
import { choose, finished, withLibrary, type GlobalOptions } from '../session.ts';
import { numberOption, sizeOption } from '../settings-flags.ts';

interface ImportFlags {
  readonly name?: string;
  readonly format?: string;
  readonly size?: [number, number];
  readonly validationShare?: number;
  readonly testShare?: number;
  readonly seed?: number;
}

export function datasetCommands(program: Command): void {
  program
    .command('import <path>')
    .description(
      'import IDX files (gzip or not), a folder with one subfolder of images per class, an NPZ file, CIFAR in binary layout or the 17 flowers',
    )
    .option('--name <name>', 'name of the data set')
    .option('--format <format>', `auto, ${DATASET_FORMATS.join(', ')}`)
    .option('--size <WxH>', "size that a folder's images are brought to", sizeOption)
    .option('--validation-share <share>', 'share held out for validation', numberOption('--validation-share'))
    .option(
      '--test-share <share>',
      'share held out for testing where the source has no test split',
      numberOption('--test-share'),
    )
    .option('--seed <seed>', 'seed of the held-out splits', numberOption('--seed'))
    .action(async (path: string, flags: ImportFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const options = parseSettings(
          importPlan,
          {
            path,
            name: flags.name,
            format: flags.format,
            size: flags.size,
            validationShare: flags.validationShare,
            testShare: flags.testShare,
            seed: flags.seed,
          },
          'import',
        );
        const { id } = await library.datasets.import(options);
        await finished(library, id);
        const { manifest } = library.datasets.get(id);
        const { name, images, classes, shape, splits, skipped } = manifest;
        const lines = [
          `${name} (${id}): ${images} images ${shape.join('×')}, ${classes.length} classes, ${splits.train} train, ${splits.validation} validation, ${splits.test} test`,
          ...skipped.map(({ file, reason }) => `  left out: ${file}: ${reason}`),
        ];
        output.result({ id, name, images, classes: classes.length, shape, splits, skipped }, lines.join('\n'));
      });
    });

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
