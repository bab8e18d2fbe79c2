import type { Command } from 'commander';
import { AppError } from '../../../shared/domain/errors.ts';
import { modelReading, type ModelProbe, type ProbedReading, type ReadingHint } from '../../../shared/domain/model.ts';
import { EXPORT_FORMATS, exportModel, type ExportFormat } from '../../services/model-export/export.ts';
import { textTable } from '../output.ts';
import { choose, withLibrary, type GlobalOptions } from '../session.ts';

interface ImportFlags {
  readonly arch?: string;
  readonly dataset: string;
  readonly name?: string;
  readonly layout?: string;
  readonly range?: string;
  readonly mean?: number[];
  readonly deviation?: number[];
  readonly output?: string;
}

interface ExportFlags {
  readonly out: string;
  readonly format: readonly ExportFormat[];
  readonly layout: string;
}

/** `model import` and `model export`. */
export function modelCommand(program: Command): void {
  const model = program.command('model').description('take models into the library, or hand them on');
  model
    .command('import <file>')
    .description('weights (NPZ, safetensors) or a model of another program (ONNX, model.json of tfjs)')
    .requiredOption('--dataset <id>', 'data set whose images and classes the model is for')
    .option('--arch <architecture>', 'architecture of weights; models of other programs need none')
    .option('--name <name>', 'name of the model')
    .option('--layout <layout>', 'axes of its input: nhwc or nchw; found out if left out')
    .option('--range <range>', 'its pixels: unit (0 to 1), bytes (0 to 255), signed (−1 to 1); found out if left out')
    .option('--mean <numbers>', 'mean of each channel that it was normalised with, such as 0.1307', numbers)
    .option('--deviation <numbers>', 'standard deviation of each channel, such as 0.3081', numbers)
    .option('--output <kind>', 'logits or probabilities; found out if left out')
    .action(async (file: string, flags: ImportFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const dataset = choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name).id;
        const asked = hintOf(flags);
        const probe = await library.models.probe({ path: file, dataset, reading: asked });
        if (probe) output.say(describeProbe(probe));
        const { arch: architecture, name } = flags;
        const best = probe?.readings[0];
        const imported = await library.models.import({ path: file, architecture, dataset, name, reading: asked });
        const { id, parameters } = imported;
        const foreign = imported.foreign ?? null;
        const what = foreign
          ? `${foreign.format}, forward pass alone: attacks on scores and decisions, and from other models`
          : `${imported.architecture}, ${parameters} parameters`;
        output.result(
          {
            id,
            architecture: imported.architecture,
            parameters,
            ...(best && { reading: best.reading, accuracy: best.accuracy, readings: probe?.readings }),
          },
          `${imported.name} (${id}): ${what}`,
        );
      });
    });
  model
    .command('export <run>')
    .description('a model as files for other programs, with a script that checks its numbers in PyTorch')
    .requiredOption('--out <dir>', 'folder for the files')
    .option('--format <formats>', `some of ${EXPORT_FORMATS.join(', ')}, with commas`, formats, [...EXPORT_FORMATS])
    .option('--layout <layout>', 'axes of the ONNX graph’s input: nchw or nhwc', 'nchw')
    .action(async (text: string, flags: ExportFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const { id } = choose(library.models.list(), text, 'model', ({ name }) => name);
        const layout = parsed(modelReading.shape.layout, flags.layout, '--layout');
        const files = await exportModel(library, id, { folder: flags.out, formats: flags.format, layout });
        output.result({ model: id, files }, files.join('\n'));
      });
    });
}

function hintOf({ layout, range, mean, deviation, output }: ImportFlags): ReadingHint {
  if ((mean === undefined) !== (deviation === undefined)) {
    throw new AppError('invalid-input', 'Give both --mean and --deviation, one number for each channel, or neither.');
  }
  const { shape } = modelReading;
  return {
    ...(layout !== undefined && { layout: parsed(shape.layout, layout, '--layout') }),
    ...(range !== undefined && { range: parsed(shape.range.unwrap(), range, '--range') }),
    ...(mean && deviation && { normalisation: { mean, deviation } }),
    ...(output !== undefined && { output: parsed(shape.output.unwrap(), output, '--output') }),
  };
}

function parsed<T extends string>(schema: { readonly options: readonly T[] }, text: string, flag: string): T {
  const found = schema.options.find((option) => option === text);
  if (found !== undefined) return found;
  throw new AppError('invalid-input', `${flag}: “${text}” is none of ${schema.options.join(', ')}.`, {
    details: { field: flag, found: text },
  });
}

function numbers(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.every(Number.isFinite)) return values;
  throw new AppError('invalid-input', `“${text}” is not a list of numbers with commas between them.`);
}

function formats(text: string): ExportFormat[] {
  return text.split(',').map((one) => parsed({ options: EXPORT_FORMATS }, one.trim(), '--format'));
}

function describeProbe({ examples, readings }: ModelProbe): string {
  const row = ({ label, reading, accuracy }: ProbedReading): (string | number)[] => [
    label,
    reading.layout,
    reading.output,
    `${(accuracy * 100).toFixed(1)} %`,
  ];
  const table = textTable(['pixels', 'layout', 'gives', 'right'], readings.map(row));
  return `Tried on ${examples} images; the first reading is taken unless you name another:\n${table}`;
}
