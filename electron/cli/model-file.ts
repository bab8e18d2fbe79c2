import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../shared/domain/errors.ts';
import type { ModelSummary, ReadingHint } from '../../shared/domain/model.ts';
import type { Library } from '../services/library.ts';
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
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AppError('not-found', `--model: ${path} cannot be read. Check the path.`, { cause });
  });
  for (const model of library.models.list()) {
    if (!mayBe(model, dataset, flags.arch, reading)) continue;
    const kept = await readFile(library.models.file(model.id).weights).catch(() => null);
    if (kept !== null && bytes.equals(kept)) return model.id;
  }
  const probe = await library.models.probe({ path, dataset, reading });
  if (probe) output.say(describeProbe(probe));
  const { id, name } = await library.models.import({ path, architecture: flags.arch, dataset, reading });
  output.say(`${path} is in the library now: ${name} (${id}).`);
  return id;
}

/** Whether an imported model agrees with all that was said of the file. */
function mayBe(model: ModelSummary, dataset: string, architecture: string | undefined, reading: ReadingHint): boolean {
  if (model.origin !== 'imported' || model.dataset !== dataset) return false;
  // Of weights the scale of the pixels has become a part, so that their bytes are no longer those of the file.
  if (!model.foreign) return model.architecture === architecture && Object.keys(reading).length === 0;
  const { reading: known } = model.foreign;
  return Object.entries(reading).every(([key, value]) => isDeepStrictEqual(known[key as keyof typeof known], value));
}
