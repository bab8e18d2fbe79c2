import { mkdir, readFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import type { SweepFile, SweepRequest } from '../../../shared/domain/sweep.ts';
import { MANY_TRAININGS } from '../../../shared/domain/sweep-view.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Library } from '../../services/library.ts';
import { boundedTrainings } from '../../services/sweeps/expand.ts';
import { durationText } from '../../services/duration.ts';
import { exportSweep, SWEEP_FORMATS, tableNotes, tableTexts } from '../../services/sweeps/exports.ts';
import { datasetAsked, readSweep, sweepName, withPreset } from '../../services/sweeps/read.ts';
import type { SweepReport } from '../../services/sweeps/drive.ts';
import type { PartCounts, SweepProgress } from '../../services/sweeps/progress.ts';
import type { SweepRecord } from '../../services/sweeps/record.ts';
import type { SweepPreview } from '../../services/sweeps/service.ts';
import type { SweepTable } from '../../services/sweeps/table.ts';
import { writeExport } from '../../services/write-export.ts';
import { textTable, type Output } from '../output.ts';
import { choose, finished, withLibrary, type GlobalOptions } from '../session.ts';

interface SweepFlags {
  readonly preset?: string;
  readonly data?: string;
  readonly out?: string;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly list: boolean;
}

export function sweepCommand(program: Command): void {
  program
    .command('sweep [file]')
    .description('train and measure every combination of some settings; the same command goes on where it was stopped')
    .option('--preset <name>', 'a variant of the file')
    .option('--data <folder>', 'folder that the data set is imported from if the library does not have it')
    .option('--dry-run', 'show what it would do, and check every training', false)
    .option('--yes', `do not ask about more than ${MANY_TRAININGS} trainings`, false)
    .option('--list', 'list the sweeps of the library, and how far each is', false)
    .option('--out <dir>', 'write the table as CSV, LaTeX and Markdown, and all that it rests on as sweep.json')
    .action(async (file: string | undefined, flags: SweepFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        if (flags.list) {
          const rows = await Promise.all(
            library.sweeps.list().map(async (row) => ({ ...row, progress: await library.sweeps.progress(row.id) })),
          );
          const table = textTable(
            ['id', 'name', 'since', 'jobs'],
            rows.map(({ id, name, created, progress }) => [id, name, created.slice(0, 10), progressText(progress)]),
          );
          output.result(rows, rows.length > 0 ? table : 'There is no sweep yet.');
          return;
        }
        if (file === undefined) {
          throw new AppError(
            'invalid-input',
            'sweep: name a YAML file, or a sweep of the library (--list shows them).',
          );
        }
        const known = library.sweeps.list().find(({ id }) => id === file);
        const request = known?.request ?? (await requestOf(library, file, flags, output));
        const preview = known ? null : await library.sweeps.preview(request);
        if (preview) output.say(previewText(preview));
        if (preview && flags.dryRun) {
          output.result(preview, '');
          return;
        }
        const { id } = known ?? (await library.sweeps.create(request));
        const { failed } = await library.sweeps.run(id, (text) => output.say(text));
        const table = await library.sweeps.table(id);
        if (flags.out !== undefined) {
          const again = known ? `pairlight sweep ${file}` : commandOf(file, flags);
          await writeTables(table, flags.out);
          await writeRecord(await library.sweeps.record(id), failed, [again], flags.out);
          output.say(`Tables: ${flags.out}`);
        }
        output.result({ ...table, failed }, tableText(table, failed));
      });
    });
}

/** `12 of 40 done, 1 failed`. */
function progressText({ trainings, evaluations, galleries, checks }: SweepProgress): string {
  const kinds = [trainings, evaluations, galleries, checks];
  const sum = (part: keyof PartCounts): number => kinds.reduce((total, counts) => total + counts[part], 0);
  const all = sum('waiting') + sum('running') + sum('done') + sum('failed') + sum('missing');
  return `${sum('done')} of ${all} done${sum('failed') > 0 ? `, ${sum('failed')} failed` : ''}`;
}

/** What a file asks for, on this library's data set. */
async function requestOf(library: Library, file: string, flags: SweepFlags, output: Output): Promise<SweepRequest> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('not-found', `${file} cannot be read. Check the path and its permissions.`, { cause });
  });
  const content = readSweep(text, basename(file), await library.catalogue());
  const parts = withPreset(content, flags.preset);
  await allow(boundedTrainings(parts), flags);
  const name = sweepName(content, flags.preset);
  return { ...parts, name, dataset: await datasetOf(library, datasetAsked(content, flags.preset), flags, output) };
}

/** @throws AppError `invalid-input` for more trainings than were agreed to. */
async function allow(count: number, { yes, dryRun }: SweepFlags): Promise<void> {
  if (count <= MANY_TRAININGS || yes || dryRun) return;
  if (process.stdin.isTTY) {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await lines.question(`This sweep asks for ${count} trainings. Start? [y/N] `);
    lines.close();
    if (/^y(es)?$/i.test(answer.trim())) return;
  }
  throw new AppError(
    'invalid-input',
    `This sweep asks for ${count} trainings. Look at them with --dry-run, and start with --yes.`,
  );
}

/** The data set of the library, imported first where it is missing and a folder is named. */
async function datasetOf(
  library: Library,
  dataset: SweepFile['dataset'],
  { data }: SweepFlags,
  output: Output,
): Promise<EntityId> {
  const recipe = typeof dataset === 'string' ? { name: dataset } : dataset;
  const rows = library.datasets.list();
  const there = rows.some(({ id, manifest }) => id === recipe.name || manifest.name === recipe.name);
  if (!there && data !== undefined) {
    output.say(`Importing ${recipe.name} from ${data}`);
    const { id } = await library.datasets.import(parseSettings(importPlan, { ...recipe, path: data }, 'dataset'));
    await finished(library, id);
    return id;
  }
  try {
    return choose(rows, recipe.name, 'dataset', ({ manifest }) => manifest.name).id;
  } catch (cause) {
    if (!(cause instanceof AppError) || cause.code !== 'not-found') throw cause;
    throw new AppError('not-found', `${cause.message} Name the folder that it is imported from with --data.`, {
      cause,
    });
  }
}

function previewText(preview: SweepPreview): string {
  const { expansion, trainings, trainedBefore, measurements, galleries, checks, notes } = preview;
  const { groups, surrogates } = expansion;
  const seeds = groups[0]?.trainings.map(({ seed }) => seed).join(', ') ?? '';
  return [
    `${trainings} trainings${trainedBefore > 0 ? ` (${trainedBefore} of them done by another sweep)` : ''}, ${measurements} measurements, ${galleries} attention galleries, ${checks} masking checks`,
    ...surrogates.map(({ label, seed }) => `  ${label}, seed ${seed}`),
    ...groups.map(({ label }) => `  ${label}; seeds ${seeds}`),
    timeText(preview),
    ...notes,
  ].join('\n');
}

function timeText({ seconds, time }: SweepPreview): string {
  const parts = [
    ['trainings', time.trainings],
    ['evaluations at most', time.evaluations],
    ['attention galleries', time.galleries],
    ['masking checks', time.checks],
  ] as const;
  const asked = parts.filter(([, part]) => part !== 0);
  if (asked.every(([, part]) => part === null)) return 'Time: unknown, no speed was measured on this computer yet.';
  const each = asked.map(([name, part]) => `${name} ${durationOrUnknown(part)}`).join(', ');
  return seconds === null
    ? `Time on this computer, from measured speeds: ${each}.`
    : `Time: about ${durationText(seconds)} on this computer, from measured speeds (${each}).`;
}

const durationOrUnknown = (seconds: number | null): string => (seconds === null ? 'unknown' : durationText(seconds));

function tableText(table: SweepTable, failed: readonly { readonly title: string; readonly message: string }[]): string {
  return [
    ...tableTexts(table).flatMap(([head = [], ...rows]) => [textTable(head, rows), '']),
    ...tableNotes(table),
    ...failed.map(({ title, message }) => `Failed: ${title}: ${message}`),
  ].join('\n');
}

async function writeTables(table: SweepTable, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new AppError('io', `--out: ${folder} cannot be made. Choose another folder.`, { cause });
  });
  for (const format of ['csv', 'latex', 'markdown'] as const) {
    const text = exportSweep(table, format);
    await writeExport(join(folder, `sweep.${SWEEP_FORMATS[format]}`), new TextEncoder().encode(text));
  }
}

/** The command that makes the same sweep in another library. */
function commandOf(file: string, { preset }: SweepFlags): string {
  return ['pairlight sweep', file, ...(preset === undefined ? [] : ['--preset', preset]), '--data FOLDER'].join(' ');
}

/** Writes all that the tables rest on as one JSON document. */
async function writeRecord(
  record: SweepRecord,
  failed: SweepReport['failed'],
  commands: readonly string[],
  folder: string,
): Promise<void> {
  const document = {
    written: new Date().toISOString(),
    versions: {
      pairlight: packageJson.version,
      electron: process.versions.electron ?? null,
      node: process.versions.node,
    },
    computer: {
      processor: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memory: totalmem(),
      system: `${platform()} ${arch()}`,
    },
    commands,
    failed,
    ...record,
  };
  const text = `${JSON.stringify(document, null, 2)}\n`;
  await writeExport(join(folder, 'sweep.json'), new TextEncoder().encode(text));
}
