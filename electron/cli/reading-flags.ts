import type { Command } from 'commander';
import { AppError } from '../../shared/domain/errors.ts';
import { modelReading, type ModelProbe, type ProbedReading, type ReadingHint } from '../../shared/domain/model.ts';
import { textTable } from './output.ts';

/** How a model of another program takes its pixels, as flags: what is left out is found out by trying. */
export interface ReadingFlags {
  readonly layout?: string;
  readonly range?: string;
  readonly mean?: number[];
  readonly deviation?: number[];
  readonly output?: string;
}

/** Adds the flags of {@link ReadingFlags} to a command. */
export function withReadingFlags(command: Command): Command {
  return command
    .option('--layout <layout>', 'axes of the model’s input: nhwc or nchw; found out if left out')
    .option('--range <range>', 'its pixels: unit (0 to 1), bytes (0 to 255), signed (−1 to 1); found out if left out')
    .option('--mean <numbers>', 'mean of each channel that it was normalised with, such as 0.1307', numbers)
    .option('--deviation <numbers>', 'standard deviation of each channel, such as 0.3081', numbers)
    .option('--output <kind>', 'logits or probabilities; found out if left out');
}

/** What the flags say of a model. @throws AppError `invalid-input` naming the flag. */
export function hintOf({ layout, range, mean, deviation, output }: ReadingFlags): ReadingHint {
  if ((mean === undefined) !== (deviation === undefined)) {
    throw new AppError('invalid-input', 'Give both --mean and --deviation, one number for each channel, or neither.');
  }
  const { shape } = modelReading;
  return {
    ...(layout !== undefined && { layout: parsedOption(shape.layout, layout, '--layout') }),
    ...(range !== undefined && { range: parsedOption(shape.range.unwrap(), range, '--range') }),
    ...(mean && deviation && { normalisation: { mean, deviation } }),
    ...(output !== undefined && { output: parsedOption(shape.output.unwrap(), output, '--output') }),
  };
}

/** One of a few words. @throws AppError `invalid-input` naming the flag and the words. */
export function parsedOption<T extends string>(
  schema: { readonly options: readonly T[] },
  text: string,
  flag: string,
): T {
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

/** How a model did on the data under each reading that was tried, the best first. */
export function describeProbe({ examples, readings }: ModelProbe): string {
  const row = ({ label, reading, accuracy }: ProbedReading): (string | number)[] => [
    label,
    reading.layout,
    reading.output,
    `${(accuracy * 100).toFixed(1)} %`,
  ];
  const table = textTable(['pixels', 'layout', 'gives', 'right'], readings.map(row));
  return `Tried on ${examples} images; the first reading is taken unless you name another:\n${table}`;
}
