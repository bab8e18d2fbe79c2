import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { DatasetManifest, ImportPreview } from '../../../shared/domain/dataset.ts';
import { DATASET_FORMATS } from '../../../shared/domain/dataset-format.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { FITS, importPlan, RESIZE_FILTERS } from '../../../shared/domain/import-plan.ts';
import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import { textTable } from '../output.ts';
import { finished, withLibrary, type GlobalOptions } from '../session.ts';
import { numberOption, readYaml, sizeOption } from '../settings-flags.ts';

/** Flags that are fields of the plan under the same name. */
type PlanFlags = Partial<
  Omit<ImportPlan, 'path' | 'columns' | 'classes'> & { readonly classes: NonNullable<ImportPlan['classes']> }
>;

interface ImportFlags extends PlanFlags {
  readonly plan?: string;
  readonly savePlan?: string;
  readonly dryRun?: boolean;
  readonly fileColumn?: string;
  readonly labelColumn?: string;
  readonly splitColumn?: string;
}

const SKIPPED_SHOWN = 20;
const PREVIEW_TOKEN = 'commandline';

export function importCommand(program: Command): void {
  program
    .command('import [path]')
    .description(
      'import a folder, an archive (zip, tar, tar.gz, tar.xz, tar.zst) or a file of images with labels: folders of images per class, a CSV or JSON list, IDX, CIFAR, NPZ, NPY, MAT, STL-10, Parquet, WebDataset and more',
    )
    .option('--plan <file>', 'YAML file with a plan; other options count more than it')
    .option('--save-plan <file>', 'write the plan as YAML')
    .option('--dry-run', 'say what would be imported and write nothing')
    .option('--name <name>', 'name of the data set')
    .option('--format <format>', `auto, ${DATASET_FORMATS.join(', ')}`)
    .option('--attribution <text>', 'who made the images, and their licence')
    .option('--size <WxH>', 'size that images are brought to; left out: the size that most have', sizeOption)
    .option('--fit <how>', FITS.join(', '))
    .option('--pad-colour <colour>', 'colour beside padded images, such as #000000')
    .option('--filter <filter>', RESIZE_FILTERS.join(', '))
    .option('--colour <colour>', 'auto, grey, rgb')
    .option('--depth <depth>', 'auto, u8 (bytes), f32 (floats, which 16-bit images need to lose nothing)')
    .option('--classes <names>', 'the classes to take, in this order: a,b or a=new name,b', classesOption)
    .option('--splits <how>', 'given, draw, folds')
    .option('--validation-share <share>', 'share held out for validation', numberOption('--validation-share'))
    .option(
      '--test-share <share>',
      'share held out for testing where the source has no test split',
      numberOption('--test-share'),
    )
    .option('--folds <folds>', 'number of folds', numberOption('--folds'))
    .option('--fold <fold>', 'the fold that is the test part, from 0', numberOption('--fold'))
    .option('--seed <seed>', 'seed of what is drawn', numberOption('--seed'))
    .option('--limit-per-class <images>', 'images of a class at most', numberOption('--limit-per-class'))
    .option('--drop-duplicates', 'take images with exactly the same pixels once only')
    .option(
      '--near-duplicates <bits>',
      'list pairs whose 64-bit perceptual hashes differ in so many bits at most',
      numberOption('--near-duplicates'),
    )
    .option('--masks <rule>', 'where the key area of an image lies, such as masks/{folder}/{stem}.png')
    .option('--file-column <name>', 'column of a CSV or JSON list that names the image')
    .option('--label-column <name>', 'column that names the class')
    .option('--split-column <name>', 'column that names the split')
    .option('--originals <how>', 'none, copy (into the library), reference (remember where they lie)')
    .action(async (path: string | undefined, flags: ImportFlags, command: Command) => {
      const plan = await planOf(path, flags, command);
      if (flags.savePlan !== undefined) await savePlan(flags.savePlan, plan);
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        if (flags.dryRun === true) {
          try {
            const preview = await library.datasets.preview(plan, PREVIEW_TOKEN);
            output.result(preview, previewText(preview));
          } finally {
            await library.datasets.endPreview(PREVIEW_TOKEN);
          }
          return;
        }
        const { id } = await library.datasets.import(plan);
        await finished(library, id);
        const { manifest } = library.datasets.get(id);
        const { name, images, classes, shape, splits, skipped, duplicates, notes } = manifest;
        output.result(
          {
            id,
            name,
            images,
            classes: classes.length,
            shape,
            splits,
            skipped,
            hash: manifest.hash,
            duplicates: duplicates ?? null,
            notes: notes ?? [],
          },
          resultText(id, manifest),
        );
      });
    });
}

async function planOf(path: string | undefined, flags: ImportFlags, command: Command): Promise<ImportPlan> {
  const { plan: file, savePlan: _, dryRun: __, fileColumn, labelColumn, splitColumn, ...fields } = flags;
  const kept = file === undefined ? {} : await readYaml(file);
  const columns = {
    ...(typeof kept['columns'] === 'object' ? kept['columns'] : {}),
    ...(fileColumn !== undefined && { file: fileColumn }),
    ...(labelColumn !== undefined && { label: labelColumn }),
    ...(splitColumn !== undefined && { split: splitColumn }),
  };
  const own = Object.fromEntries(Object.entries(fields).filter(([key]) => key in importPlan.shape));
  const asked = { ...kept, ...own, columns, ...(path !== undefined && { path }) };
  if (!('path' in asked)) command.error('error: name a folder, an archive or a file to import', { exitCode: 2 });
  const plan = parseSettings(importPlan, asked, 'import');
  return { ...plan, path: resolve(plan.path) };
}

function classesOption(text: string): { from: string; name: string }[] {
  return text.split(',').map((part) => {
    const at = part.indexOf('=');
    const from = (at < 0 ? part : part.slice(0, at)).trim();
    const name = (at < 0 ? part : part.slice(at + 1)).trim();
    if (from === '' || name === '') {
      throw new AppError('invalid-input', `--classes: “${part}” is no class; write them as a,b or a=new name,b.`);
    }
    return { from, name };
  });
}

async function savePlan(file: string, plan: ImportPlan): Promise<void> {
  try {
    await writeFile(file, stringify(plan));
  } catch (cause) {
    throw new AppError('io', `${file} cannot be written. Check its folder and permissions.`, { cause });
  }
}

const skippedLines = (skipped: DatasetManifest['skipped']): string[] => {
  const lines = skipped.slice(0, SKIPPED_SHOWN).map(({ file, reason }) => `  left out: ${file}: ${reason}`);
  const more = skipped.length - lines.length;
  return more > 0 ? [...lines, `  … and ${more} more`] : lines;
};

function resultText(id: string, manifest: DatasetManifest): string {
  const { name, images, classes, shape, splits, skipped, duplicates, notes = [] } = manifest;
  const pairs = (duplicates?.exact ?? 0) + (duplicates?.near ?? 0);
  return [
    `${name} (${id}): ${images} images ${shape.join('×')}, ${classes.length} classes, ${splits.train} train, ${splits.validation} validation, ${splits.test} test`,
    ...(pairs > 0 ? [`  ${pairs} pairs of equal or similar images`] : []),
    ...notes.map((note) => `  ${note}`),
    ...skippedLines(skipped),
  ].join('\n');
}

function previewText(preview: ImportPreview): string {
  const { path, format, formats = [], images, shape, classes, splits, sizes = [], masks, notes = [] } = preview;
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const others = formats.filter((name) => name !== format);
  const common = sizes.slice(0, 5).map((size) => `${size.width}×${size.height} (${size.images})`);
  return [
    `${path}: ${format}${others.length > 0 ? ` (could also be ${others.join(', ')})` : ''}`,
    `${images} images, which become ${shape.join('×')}; ${splits.train} train, ${splits.validation} validation, ${splits.test} test`,
    ...(common.length > 0 ? [`sizes found: ${common.join(', ')}${sizes.length > common.length ? ', …' : ''}`] : []),
    ...(typeof masks === 'number' ? [`key areas found: ${masks}`] : []),
    `needs ${mebibytes(preview.bytesNeeded)}, ${mebibytes(preview.bytesFree)} are free`,
    textTable(
      ['class', 'images'],
      classes.map((one) => [one.name, one.images]),
    ),
    ...notes,
    ...skippedLines(preview.skipped),
  ].join('\n');
}
