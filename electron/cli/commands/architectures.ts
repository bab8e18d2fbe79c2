import type { Command } from 'commander';
import { extentsText, type ArchitectureAnswer, type TrainingEstimate } from '../../../shared/domain/architecture.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { memoryText } from '../../../shared/domain/memory.ts';
import type { SettingField } from '../../../shared/domain/settings.ts';
import { readCatalogue } from '../../services/catalogue.ts';
import { textTable } from '../output.ts';
import { withLibrary, type GlobalOptions } from '../session.ts';
import { collect, numberOption, parsePairs } from '../settings-flags.ts';

interface Flags {
  readonly input: readonly [number, number, number];
  readonly classes: number;
  readonly set?: readonly string[];
  readonly defence?: string;
  readonly batch: number;
}

/** `architectures [name]` */
export function architectureCommands(program: Command): void {
  program
    .command('architectures [name]')
    .description('list the architectures, or show one: settings, layers with extents and parameters, cost of a step')
    .option('--input <size>', 'height, width and channels of the images, such as 32x32x3', extents, [
      32, 32, 3,
    ] as const)
    .option('--classes <n>', 'number of classes', numberOption('--classes'), 10)
    .option('--set <key=value...>', 'settings of the architecture, such as width=0.5', collect(String))
    .option('--defence <name>', 'estimate a step of this defence, with its default settings')
    .option('--batch <n>', 'batch size of that step', numberOption('--batch'), 64)
    .action(async (name: string | undefined, flags: Flags, command: Command) => {
      const { architectures } = await readCatalogue([]);
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const [height, width, channels] = flags.input;
        const query = { inputShape: [height, width, channels] as [number, number, number], classes: flags.classes };
        if (name === undefined) {
          const rows = await Promise.all(
            architectures.map(async (entry) => {
              const facts = await library.architectures
                .describe({ ...query, architecture: entry.name })
                .then((answer) => answer.facts)
                .catch(() => null);
              return { ...entry, parameters: facts?.parameters ?? null, operations: facts?.operations ?? null };
            }),
          );
          const table = textTable(
            ['name', 'parameters', 'multiply-adds', 'what it is'],
            rows.map((row) => [row.name, count(row.parameters), count(row.operations), row.summary]),
          );
          output.result(rows, `At ${flags.input.join('×')} with ${flags.classes} classes:\n${table}`);
          return;
        }
        const entry = architectures.find((one) => one.name === name);
        if (!entry) {
          const known = architectures.map((one) => one.name).join(', ');
          throw new AppError('not-found', `There is no architecture “${name}”. Known: ${known}.`);
        }
        const training = flags.defence === undefined ? {} : { training: trainingOf(flags.defence, flags.batch) };
        const settings = parsePairs(flags.set ?? []);
        const answer = await library.architectures.describe({ ...query, architecture: name, settings, ...training });
        output.result(
          { ...entry, ...answer },
          [
            `${entry.label}: ${entry.summary}\n${entry.source}`,
            textTable(['setting', 'default', 'choices', 'what it is'], entry.fields.map(settingRow)),
            layerTable(answer),
            ...(answer.estimate ? [estimateText(answer.estimate, flags.batch)] : []),
          ].join('\n\n'),
        );
      });
    });
}

function trainingOf(defence: string, batchSize: number) {
  return { defence, defenceSettings: {}, batchSize };
}

function settingRow({ key, default: value, choices, help, label }: SettingField): string[] {
  const standard = Array.isArray(value) ? (value.length > 0 ? value.join(', ') : '–') : String(value ?? '–');
  return [key, standard, choices?.join(', ') ?? '', help ?? label];
}

function layerTable({ facts }: ArchitectureAnswer): string {
  const rows = facts.stages.flatMap((stage) =>
    stage.layers.map(({ name, kind, output, parameters, operations, tap }, at) => [
      at === 0 ? stage.name : '',
      name,
      kind,
      extentsText(output),
      parameters === 0 ? '' : parameters.toLocaleString('en'),
      operations === 0 ? '' : count(operations),
      tap ?? '',
    ]),
  );
  const table = textTable(['stage', 'layer', 'kind', 'output', 'parameters', 'multiply-adds', 'to look at'], rows);
  const totals = `${facts.parameters.toLocaleString('en')} parameters, ${count(facts.operations)} multiply-adds for each image of ${facts.inputShape.join('×')}, ${facts.classes} classes`;
  return `${table}\n${totals}`;
}

const BASIS: Readonly<Record<TrainingEstimate['basis'], (measured: string) => string>> = {
  same: (measured) => `as fast as the run “${measured}” of this architecture`,
  other: (measured) => `from its multiply-adds, at the speed of the run “${measured}” of another architecture`,
  'speed-test': (measured) => `from its multiply-adds, at the speed of the speed test of ${measured}`,
  unknown: () => 'no speed is known: run `pairlight doctor`, or train anything for a moment',
};

function estimateText({ seconds, basis, measured, memory, rate }: TrainingEstimate, batch: number): string {
  const time = seconds === null ? 'unknown time' : `about ${seconds.toPrecision(2)} s`;
  const speed = rate === null ? '' : `, ${rate.toPrecision(2)} billion a second`;
  return `A step of ${batch} examples: ${time} (${BASIS[basis](measured ?? '')}${speed}), about ${memoryText(memory)} of memory.`;
}

/** `1.2 M` */
function count(value: number | null): string {
  if (value === null) return 'too small';
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(0)} k` : String(value);
}

function extents(text: string): readonly [number, number, number] {
  const [, height, width, channels] = /^(\d+)[x×](\d+)(?:[x×](\d+))?$/i.exec(text) ?? [];
  if (height === undefined || width === undefined) {
    throw new AppError(
      'invalid-input',
      `--input: “${text}” is not a size; write height, width and channels as 32x32x3.`,
    );
  }
  return [Number(height), Number(width), Number(channels ?? 1)];
}
