import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { z } from 'zod';
import { datasetEdit, type DatasetEdit } from '../../../shared/domain/dataset.ts';
import {
  EXPORT_FORMATS,
  GROUPINGS,
  datasetQuery,
  type DatasetSelection,
  type DatasetStatistics,
} from '../../../shared/domain/dataset-view.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import type { Library } from '../../services/library.ts';
import { percent, textTable } from '../output.ts';
import { choose, finished, withLibrary, type GlobalOptions, type Session } from '../session.ts';
import { listOption, numberOption, readYaml } from '../settings-flags.ts';

/** Images that a list for a person names. */
const LISTED = 20;
const FILTER = 'the images to take, such as "class:daisy split:test brightness:<0.3"';

interface ChoiceFlags {
  readonly filter?: string;
  readonly positions?: number[];
}

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

  const dataset = program.command('dataset').description('look at a data set, edit, check and export it');
  lookingCommands(dataset);
  changingCommands(dataset);
}

/** Opens the library and finds the data set that a person means. */
async function withDataset(
  text: string,
  command: Command,
  work: (row: DatasetRow, session: Session) => Promise<void>,
): Promise<void> {
  await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async (session) => {
    const row = choose(session.library.datasets.list(), text, 'data set', ({ manifest }) => manifest.name);
    await work(row, session);
  });
}

function lookingCommands(dataset: Command): void {
  dataset
    .command('show <id>')
    .description('classes, splits, source and skipped files')
    .action((id: string, _flags: object, command: Command) =>
      withDataset(id, command, async (row, { output }) => output.result(row, summary(row))),
    );

  dataset
    .command('filter <id> [filter]')
    .description(`list ${FILTER}`)
    .option('--sort <field>', 'position, class, split, name, width, brightness, column.NAME, confidence.MODEL, …')
    .option('--descending', 'the greatest first')
    .option('--group <by>', GROUPINGS.join(', '))
    .action(
      (
        id: string,
        filter: string | undefined,
        flags: { sort?: string; descending?: boolean; group?: string },
        command: Command,
      ) =>
        withDataset(id, command, async (row, { library, output }) => {
          const sort = { by: flags.sort ?? 'position', descending: flags.descending ?? false };
          const query = { id: row.id, filter, sort, groupBy: flags.group };
          const { positions, groups } = await selected(library, row, query);
          const items = await library.datasets.items(row.id, [...positions.subarray(0, LISTED)]);
          const table = textTable(
            ['position', 'class', 'split', 'name'],
            items.map(({ position, label, split, name }) => [
              position,
              row.manifest.classes[label] ?? '',
              split ?? 'excluded',
              name ?? '',
            ]),
          );
          const parts = flags.group === undefined ? [] : groups.map(({ label, count }) => `${label}: ${count}`);
          const rest = positions.length > LISTED ? [`and ${positions.length - LISTED} more`] : [];
          output.result(
            { count: positions.length, positions: [...positions], groups },
            [`${positions.length} images`, ...parts, ...(positions.length > 0 ? [table] : []), ...rest].join('\n'),
          );
        }),
    );

  dataset
    .command('statistics <id>')
    .description('classes per split, mean and deviation of the channels, sizes')
    .action((id: string, _flags: object, command: Command) =>
      withDataset(id, command, async (row, { library, output }) => {
        const statistics = await library.datasets.statistics(row.id);
        output.result(statistics, statisticsText(statistics));
      }),
    );

  dataset
    .command('duplicates <id>')
    .description('pairs of equal and similar images that the import found')
    .action((id: string, _flags: object, command: Command) =>
      withDataset(id, command, async (row, { library, output }) => {
        const { pairs, total } = await library.datasets.duplicates(row.id);
        const across = pairs.filter(({ sameSplit }) => !sameSplit).length;
        const table = textTable(
          ['image', 'image', 'distance', 'splits'],
          pairs
            .slice(0, LISTED)
            .map(({ a, b, equal, distance, sameSplit }) => [
              a,
              b,
              equal ? 'equal' : distance,
              sameSplit ? 'same' : 'different: leakage',
            ]),
        );
        const head = `${total} ${total === 1 ? 'pair' : 'pairs'}, ${across} of them across splits`;
        output.result({ pairs, total }, pairs.length > 0 ? `${head}\n${table}` : 'No duplicates are known.');
      }),
    );

  dataset
    .command('plan <id>')
    .description('what the data set was imported by, as YAML for import --plan')
    .option('--out <file>', 'write it there')
    .action((id: string, { out }: { out?: string }, command: Command) =>
      withDataset(id, command, async (row, { library, output }) => {
        const plan = library.datasets.plan(row.id);
        if (!plan) {
          throw new AppError(
            'not-found',
            `${row.manifest.name} was imported by an earlier version, which kept no plan.`,
          );
        }
        const text = stringify(plan);
        if (out !== undefined) await writeFile(out, text);
        output.result(plan, out === undefined ? text.trimEnd() : resolve(out));
      }),
    );

  dataset
    .command('verify <id>')
    .description('read everything and compare it with its hashes; status 1 if something is damaged')
    .action((id: string, _flags: object, command: Command) =>
      withDataset(id, command, async (row, { library, output }) => {
        const check = await library.datasets.verify(row.id);
        output.result(check, check.message);
        if (!check.ok) process.exitCode = 1;
      }),
    );
}

function changingCommands(dataset: Command): void {
  dataset
    .command('edit <id>')
    .description('make a new version; the data set itself stays as it is')
    .option('--relabel <class>', 'give the chosen images this class')
    .option('--exclude', 'take the chosen images out')
    .option('--include', 'take the chosen images in again')
    .option('--filter <filter>', FILTER)
    .option('--positions <list>', 'the images to take, such as 0,5,7', listOption('--positions'))
    .option('--edits <file>', 'YAML file with the edits under the key edits, in place of the options above')
    .option('--name <name>', 'name of the version')
    .action((id: string, flags: EditFlags, command: Command) =>
      withDataset(id, command, async (row, { library, output }) => {
        const edits = await editsOf(library, row, flags);
        const { id: version } = await library.datasets.edit(row.id, edits, flags.name);
        const made = library.datasets.get(version);
        output.result(made, summary(made));
      }),
    );

  dataset
    .command('export <id>')
    .description('write images as a folder with a PNG each, as NPZ, or what is known of them as CSV')
    .requiredOption('--out <path>', 'file, or new folder')
    .option('--format <format>', `${EXPORT_FORMATS.join(', ')}; left out: by the name of --out`)
    .option('--filter <filter>', FILTER)
    .option('--positions <list>', 'the images to take, such as 0,5,7', listOption('--positions'))
    .action((id: string, flags: ChoiceFlags & { out: string; format?: string }, command: Command) =>
      withDataset(id, command, async (row, { library, output }) => {
        const named = /\.(npz|csv)$/i.exec(flags.out)?.[1]?.toLowerCase() ?? 'folder';
        const format = parseSettings(z.enum(EXPORT_FORMATS), flags.format ?? named, '--format');
        const images = await library.datasets.export(row.id, await chosen(library, row, flags), format, flags.out);
        const path = resolve(flags.out);
        output.result({ path, images, format }, `${images} images: ${path}`);
      }),
    );

  dataset
    .command('predict <id>')
    .description('let a model predict every image, for filters such as wrong.MODEL:true')
    .requiredOption('--model <model>', 'run or model')
    .action((id: string, { model: text }: { model: string }, command: Command) =>
      withDataset(id, command, async (row, { library, output }) => {
        const model = choose(library.models.list(), text, 'model', ({ name }) => name);
        const { id: job } = await library.datasets.predict(row.id, model.id);
        if (job !== null) await finished(library, job);
        const { positions } = await selected(library, row, { id: row.id, filter: `wrong.${model.id}:true` });
        const images = row.manifest.images - (row.manifest.excluded ?? 0);
        const data = { model: model.id, dataset: row.id, images, wrong: positions.length };
        output.result(data, `${model.name}: ${positions.length} of ${images} images are misclassified`);
      }),
    );

  dataset
    .command('relocate <id> <folder>')
    .description('find referenced originals that moved, by their hashes')
    .action((id: string, folder: string, _flags: object, command: Command) =>
      withDataset(id, command, async (row, { library, output }) => {
        const { originals, found, missing } = await library.datasets.relocate(row.id, folder);
        const lines = missing.slice(0, LISTED).map((file) => `not found: ${file}`);
        output.result({ originals, found, missing }, [`${found} of ${originals} originals found`, ...lines].join('\n'));
      }),
    );
}

interface EditFlags extends ChoiceFlags {
  readonly relabel?: string;
  readonly exclude?: boolean;
  readonly include?: boolean;
  readonly edits?: string;
  readonly name?: string;
}

async function editsOf(library: Library, row: DatasetRow, flags: EditFlags): Promise<DatasetEdit[]> {
  if (flags.edits !== undefined) {
    const schema = z.strictObject({ edits: z.array(datasetEdit).min(1) });
    return parseSettings(schema, await readYaml(flags.edits), flags.edits).edits;
  }
  const asked = [flags.relabel !== undefined, flags.exclude === true, flags.include === true].filter(Boolean).length;
  if (asked !== 1)
    throw new AppError('invalid-input', 'Say one of --relabel CLASS, --exclude and --include, or --edits FILE.');
  const positions = [...((await chosen(library, row, flags)) ?? [])];
  if (positions.length === 0) {
    throw new AppError('invalid-input', 'Say which images, with --filter or --positions; no image was chosen.');
  }
  if (flags.relabel === undefined) return [{ kind: flags.exclude ? 'exclude' : 'include', positions }];
  const { classes } = row.manifest;
  const label = classes.includes(flags.relabel)
    ? classes.indexOf(flags.relabel)
    : numberOption('--relabel')(flags.relabel);
  return [parseSettings(datasetEdit, { kind: 'relabel', positions, label }, '--relabel')];
}

/** Null: neither a filter nor positions were given. */
async function chosen(
  library: Library,
  row: DatasetRow,
  { filter, positions }: ChoiceFlags,
): Promise<Uint32Array | null> {
  if (positions !== undefined) {
    const odd = positions.find((position) => !Number.isInteger(position) || position < 0);
    if (odd !== undefined)
      throw new AppError('invalid-input', `--positions: ${odd} is no position; they are whole and from 0.`);
    return Uint32Array.from(positions);
  }
  return filter === undefined ? null : (await selected(library, row, { id: row.id, filter })).positions;
}

/** @throws AppError `invalid-input` with what is wrong with the filter or the order. */
async function selected(library: Library, { id }: DatasetRow, query: object): Promise<DatasetSelection> {
  const selection = await library.datasets.select(parseSettings(datasetQuery, query, 'filter'));
  if (selection.problem === null) return selection;
  const first = selection.unpredicted.map((model) => ` pairlight dataset predict ${id} --model ${model}`);
  throw new AppError('invalid-input', `filter: ${selection.problem}${first.join('')}`);
}

function summary({ id, manifest }: DatasetRow): string {
  const { name, images, shape, splits, hash, classes, classCounts, excluded = 0, parent, skipped } = manifest;
  const counts = textTable(
    ['class', 'images', 'share'],
    classes.map((each, label) => {
      const count = classCounts[label] ?? 0;
      return [each, count, percent(count / Math.max(1, images - excluded))];
    }),
  );
  return [
    `${name} (${id})`,
    `${images} images ${shape.join('×')}; train ${splits.train}, validation ${splits.validation}, test ${splits.test}${excluded > 0 ? `, excluded ${excluded}` : ''}`,
    `SHA-256 ${hash}`,
    ...(parent ? [`A version of ${parent.id}`] : []),
    counts,
    ...skipped.map(({ file, reason }) => `left out: ${file}: ${reason}`),
  ].join('\n');
}

function statisticsText({ classes, channels, sizes, images, excluded }: DatasetStatistics): string {
  return [
    `${images} images${excluded > 0 ? `, ${excluded} more excluded` : ''}`,
    textTable(
      ['class', 'train', 'validation', 'test', 'excluded'],
      classes.map((each) => [each.name, each.train, each.validation, each.test, each.excluded]),
    ),
    textTable(
      ['channel', 'mean', 'deviation'],
      channels.map(({ mean, deviation }, channel) => [channel, mean.toFixed(5), deviation.toFixed(5)]),
    ),
    ...sizes.slice(0, LISTED).map((size) => `${size.width}×${size.height}: ${size.images} images`),
  ].join('\n');
}
