import type { Command } from 'commander';
import { DATASET_FORMATS } from '../../../shared/domain/dataset-format.ts';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import { finished, withLibrary, type GlobalOptions } from '../session.ts';
import { numberOption, sizeOption } from '../settings-flags.ts';

interface ImportFlags {
  readonly name?: string;
  readonly format?: string;
  readonly size?: [number, number];
  readonly validationShare?: number;
  readonly testShare?: number;
  readonly seed?: number;
}

export function importCommand(program: Command): void {
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
}
