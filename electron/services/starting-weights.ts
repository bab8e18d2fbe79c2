import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
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
 * What a network can take from a file or a model of the library. A source with a hash is one that a run of the library has
 * its copy of.
 * @throws AppError `not-found`; `unsupported` for other kinds of files and for models of other programs; `bad-data`;
 *   `wrong-architecture` naming the array and both shapes.
 */
export async function startingWeights(store: Store, source: InitialSource, network: Network): Promise<Transferred> {
  const { transferArrays } = await import('../compute/models/transfer.ts');
  if (source.from === 'file') {
    const file = source.sha256 === undefined ? resolve(source.path) : copyOf(store, source.path, source.sha256);
    const { arrays, epsilons } = await readArrays(file);
    return transferArrays(network, arrays, basename(source.path), epsilons);
  }
  const model = requireModel(store, source.model);
  if (model.foreign) {
    throw new AppError(
      'unsupported',
      `${model.name} came as a ${model.foreign.format} file, whose weights have no names here. Choose a model that was trained or imported as weights.`,
      { details: { field: 'initial', model: model.id } },
    );
  }
  const { arrays } = await readArrays(join(store.folder.root, model.weights));
  return transferArrays(network, arrays, model.name);
}

/**
 * A source as a run's configuration keeps it: of a file its name and what was in it, not where it lay.
 * @throws AppError `not-found`.
 */
export async function keptSource(source: InitialSource): Promise<InitialSource> {
  if (source.from !== 'file' || source.sha256 !== undefined) return source;
  const file = resolve(source.path);
  const { readTfjsFiles } = await import('../compute/models/foreign/tfjs-files.ts');
  const files = extname(file).toLowerCase() === '.json' ? (await readTfjsFiles(file)).files : [file];
  const hash = createHash('sha256');
  for (const one of files) for await (const part of createReadStream(one)) hash.update(part as Buffer);
  return { from: 'file', path: basename(file), sha256: hash.digest('hex') };
}

/** What a run that started from this file has kept of it. @throws AppError `not-found`. */
function copyOf(store: Store, name: string, sha256: string): string {
  const run = store.runs
    .list()
    .find(({ config: { initial } }) => initial?.from === 'file' && initial.sha256 === sha256);
  if (run) return join(store.folder.of('run', run.id), STARTING_WEIGHTS_FILE);
  throw new AppError('not-found', `No run of this library starts from ${name} any more. Choose the file again.`, {
    details: { field: 'initial', file: name },
  });
}

/** Arrays of a file, and the ε of its normalisations where it says them. */
interface FileArrays {
  readonly arrays: NpzArrays;
  readonly epsilons?: Readonly<Record<string, number>>;
}

async function readArrays(file: string): Promise<FileArrays> {
  switch (extname(file).toLowerCase()) {
    case '.npz': {
      const { readNpz } = await import('../compute/arrays/npz.ts');
      return { arrays: await readNpz(file) };
    }
    case '.safetensors': {
      const { parseSafetensors } = await import('../compute/models/export/safetensors.ts');
      const bytes = await readFile(file).catch((cause: unknown) => {
        throw new AppError('not-found', `${file} cannot be read.`, { cause, details: { file } });
      });
      return { arrays: parseSafetensors(bytes, file) };
    }
    case '.json': {
      const { normEpsilons, plainArrays, readTfjsFiles } = await import('../compute/models/foreign/tfjs-files.ts');
      const model = await readTfjsFiles(file);
      const arrays = plainArrays(model);
      if (arrays) return { arrays, epsilons: normEpsilons(model.topology) };
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
