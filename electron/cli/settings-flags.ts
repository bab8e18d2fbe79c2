import { readFile } from 'node:fs/promises';
import { parse, YAMLParseError } from 'yaml';
import { AppError } from '../../shared/domain/errors.ts';
import { settingValues, type SettingValue, type SettingValues } from '../../shared/domain/settings.ts';

/** `key=value` pairs as settings; values are YAML scalars, so `true`, `0.25`, `null` and `[conv1, conv2]` mean what they say. */
export function parsePairs(pairs: readonly string[]): SettingValues {
  return Object.fromEntries(
    pairs.map((pair): [string, SettingValue] => {
      const at = pair.indexOf('=');
      if (at < 1) throw new AppError('invalid-input', `--set ${pair}: write it as key=value.`);
      const values = settingValues.safeParse({ value: parseYaml(pair.slice(at + 1), `--set ${pair}`) });
      if (!values.success)
        throw new AppError(
          'invalid-input',
          `--set ${pair}: the value must be a number, text, true, false, null or a list of texts.`,
        );
      return [pair.slice(0, at), values.data.value ?? null];
    }),
  );
}

/** The object in a YAML file. @throws AppError `not-found`, `bad-data` naming the file and the line. */
export async function readYaml(file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('not-found', `${file} cannot be read. Check the path and its permissions.`, { cause });
  });
  const value = parseYaml(text, file);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AppError('bad-data', `${file} must hold settings as key: value lines.`);
  }
  return value as Record<string, unknown>;
}

function parseYaml(text: string, where: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const reason = error instanceof YAMLParseError ? error.message.split('\n')[0] : String(error);
    throw new AppError('bad-data', `${where}: ${reason ?? 'is not YAML'}`, { cause: error });
  }
}

/** An option's text as a number. @throws AppError `invalid-input` naming the option. */
export function numberOption(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value))
      throw new AppError('invalid-input', `${name}: “${text}” is not a number.`);
    return value;
  };
}

/** `28x28` as [width, height]. @throws AppError `invalid-input`. */
export function sizeOption(text: string): [number, number] {
  const match = /^(\d+)x(\d+)$/i.exec(text);
  if (!match) throw new AppError('invalid-input', `--size: “${text}” is not a size; write it as 64x64.`);
  return [Number(match[1]), Number(match[2])];
}

/** `0,5,7` as whole numbers. @throws AppError `invalid-input`. */
export function listOption(name: string): (text: string) => number[] {
  return (text) => text.split(',').map((part) => numberOption(name)(part));
}

/** For options that may be given more than once. */
export function collect<T>(convert: (text: string) => T): (text: string, earlier: readonly T[] | undefined) => T[] {
  return (text, earlier) => [...(earlier ?? []), convert(text)];
}
