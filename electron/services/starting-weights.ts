import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { initialReport, type InitialReport, type InitialSource } from '../../shared/domain/architecture.ts';
import { AppError } from '../../shared/domain/errors.ts';
import type { NpzArrays } from '../compute/arrays/npz.ts';
import type { Network } from '../compute/models/layer.ts';
import type { Transferred } from '../compute/models/transfer.ts';
import { STARTING_WEIGHTS_FILE } from '../compute/training/starting-weights.ts';
import type { Store } from '../store/store.ts';
import { requireModel } from './session.ts';

const REPORT_FILE = 'initial.json';

/**
 * What a network can take from a file or a model of the library.
 * @throws AppError `not-found`; `unsupported` for other kinds of files and for models of other programs; `bad-data`;
 *   `wrong-architecture` naming the array and both shapes.
 */
export async function startingWeights(store: Store, source: InitialSource, network: Network): Promise<Transferred> {
  const { transferArrays } = await import('../compute/models/transfer.ts');
  if (source.from === 'file') {
    const file = resolve(source.path);
    return transferArrays(network, await readArrays(file), basename(file));
  }
  const model = requireModel(store, source.model);
  if (model.foreign) {
    throw new AppError(
      'unsupported',
      `${model.name} came as a ${model.foreign.format} file, whose weights have no names here. Choose a model that was trained or imported as weights.`,
      { details: { field: 'initial', model: model.id } },
    );
  }
  return transferArrays(network, await readArrays(join(store.folder.root, model.weights)), model.name);
}

async function readArrays(file: string): Promise<NpzArrays> {
  switch (extname(file).toLowerCase()) {
    case '.npz': {
      const { readNpz } = await import('../compute/arrays/npz.ts');
      return readNpz(file);
    }
    case '.safetensors': {
      const { parseSafetensors } = await import('../compute/models/export/safetensors.ts');
      const bytes = await readFile(file).catch((cause: unknown) => {
        throw new AppError('not-found', `${file} cannot be read.`, { cause, details: { file } });
      });
      return parseSafetensors(bytes, file);
    }
    case '.json': {
      const { plainArrays, readTfjsFiles } = await import('../compute/models/foreign/tfjs-files.ts');
      const arrays = plainArrays(await readTfjsFiles(file));
      if (arrays) return arrays;
      throw new AppError(
        'unsupported',
        `${file} holds weights that are quantised or not float32. Save them as float32.`,
        {
          details: { file },
        },
      );
    }
    default:
      throw new AppError(
        'unsupported',
        `${basename(file)} is no file that weights are read from: choose an NPZ, a safetensors file or a tfjs model.json. In Python, safetensors.torch.save_file(model.state_dict(), "weights.safetensors") makes one of a PyTorch model.`,
        { details: { field: 'initial', file } },
      );
  }
}

/** Puts them into the folder of the run that starts from them, or leaves no folder behind. */
export async function keepStartingWeights(folder: string, { arrays, report }: Transferred): Promise<void> {
  const { writeNpz } = await import('../compute/arrays/npz.ts');
  try {
    await mkdir(folder, { recursive: true });
    await writeNpz(join(folder, STARTING_WEIGHTS_FILE), arrays);
    await writeFile(join(folder, REPORT_FILE), `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Empties the folder of a job that starts anew, but for what it starts from. */
export async function clearFolder(folder: string): Promise<void> {
  const given: readonly string[] = [STARTING_WEIGHTS_FILE, REPORT_FILE];
  const names = await readdir(folder).catch(() => []);
  const others = names.filter((name) => !given.includes(name));
  await Promise.all(others.map((name) => rm(join(folder, name), { recursive: true, force: true })));
}

/** What became of the weights that a run started from; null if it drew all of them. */
export async function startingReport(folder: string): Promise<InitialReport | null> {
  const text = await readFile(join(folder, REPORT_FILE), 'utf8').catch(() => null);
  return text === null ? null : initialReport.parse(JSON.parse(text));
}
