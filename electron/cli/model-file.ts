import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../shared/domain/errors.ts';
import type { ModelSummary, ReadingHint } from '../../shared/domain/model.ts';
import type { Library } from '../services/library.ts';
import { tfjsFilesOf } from '../services/model-import.ts';
import type { Output } from './output.ts';
import { describeProbe, hintOf, type ReadingFlags } from './reading-flags.ts';

const ENDINGS: readonly string[] = ['.npz', '.safetensors', '.onnx', '.json'];

/** Whether a person means a file by what stands for a model, not one of the library. */
export function isModelFile(text: string): boolean {
  return ENDINGS.includes(extname(text).toLowerCase());
}

/**
 * The model of a file: imported as `model import` does, unless the library has it already from the same file.
 * @param flags architecture of weights, and how a model of another program takes its pixels.
 * @returns its id.
 * @throws AppError `not-found`, `invalid-input` (the architecture is missing, no reading or several fit), `bad-data`,
 *   `wrong-architecture`.
 */
export async function modelOfFile(
  library: Library,
  path: string,
  dataset: string,
  flags: ReadingFlags & { readonly arch?: string },
  output: Output,
): Promise<string> {
  const reading = hintOf(flags);
  const parts = await filesOf(path);
  for (const model of library.models.list()) {
    if (!mayBe(model, dataset, flags.arch, reading)) continue;
    if (await isKept(parts, library.models.file(model.id).weights)) return model.id;
  }
  const probe = await library.models.probe({ path, dataset, reading });
  if (probe) output.say(describeProbe(probe));
  const { id, name } = await library.models.import({ path, architecture: flags.arch, dataset, reading });
  output.say(`${path} is in the library now: ${name} (${id}).`);
  return id;
}

interface Part {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The file, and those with the weights that a tfjs `model.json` names: two trainings of one network differ in these alone. */
async function filesOf(path: string): Promise<readonly Part[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AppError('not-found', `--model: ${path} cannot be read. Check the path.`, { cause });
  });
  const own = { name: basename(path), bytes };
  if (extname(path).toLowerCase() !== '.json') return [own];
  const files = await tfjsFilesOf(path);
  const others = files.filter((file) => basename(file) !== own.name);
  return [
    own,
    ...(await Promise.all(others.map(async (file) => ({ name: basename(file), bytes: await readFile(file) })))),
  ];
}

/** Whether the library has just these: the first one at `kept`, the others beside it. */
async function isKept([first, ...others]: readonly Part[], kept: string): Promise<boolean> {
  const same = async (part: Part | undefined, file: string): Promise<boolean> => {
    const bytes = await readFile(file).catch(() => null);
    return part !== undefined && bytes !== null && part.bytes.equals(bytes);
  };
  if (!(await same(first, kept))) return false;
  for (const part of others) if (!(await same(part, join(dirname(kept), part.name)))) return false;
  return true;
}

/** Whether an imported model agrees with all that was said of the file. */
function mayBe(model: ModelSummary, dataset: string, architecture: string | undefined, reading: ReadingHint): boolean {
  if (model.origin !== 'imported' || model.dataset !== dataset) return false;
  // Of weights the scale of the pixels has become a part, so that their bytes are no longer those of the file.
  if (!model.foreign) {
    const { architecture: own, architectureSettings: settings } = model;
    return own === architecture && settings === undefined && Object.keys(reading).length === 0;
  }
  const { reading: known } = model.foreign;
  return Object.entries(reading).every(([key, value]) => isDeepStrictEqual(known[key as keyof typeof known], value));
}
