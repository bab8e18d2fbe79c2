import { copyFile, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { AppError } from '../../shared/domain/errors.ts';
import type { ForeignModel, ModelProbe, ModelReading, ReadingHint } from '../../shared/domain/model.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import type { ImageShape } from '../../shared/domain/shape.ts';
import type { NpzArrays } from '../compute/arrays/npz.ts';
import { SCALE } from '../compute/models/layer.ts';

/** Better than guessing by so much, or none of the readings tried is the right one. */
const BEYOND_CHANCE = 1.5;

/** Readings that differ by less cannot be told apart by accuracy: a robust model does well under several. */
const CLEARLY_BETTER = 0.02;

/** What a model file turns out to be, and how its files get into the library. */
export interface ImportedModel {
  readonly architecture: string;
  /** Of the architecture, where they are not its defaults. */
  readonly settings: SettingValues;
  readonly foreign: ForeignModel | null;
  readonly parameters: number;
  /** Puts its files into an existing folder. @returns the one that is loaded. */
  write(folder: string): Promise<string>;
}

interface Target {
  readonly shape: ImageShape;
  readonly classes: number;
}

/** An architecture of the registry with its settings. */
interface Chosen {
  readonly name: string;
  readonly settings: SettingValues;
}

/**
 * Weights of a network of the architecture registry, in NPZ or safetensors.
 * @param hint how pixels become what the network was trained on, if not [0, 1] itself: becomes part of the network.
 * @throws AppError `wrong-architecture` naming array, expected and found shape; `bad-data`, `not-found`.
 */
export async function readWeights(
  file: string,
  architecture: Chosen,
  hint: ReadingHint,
  target: Target,
): Promise<ImportedModel> {
  const [{ readNpz }, { parseSafetensors }] = await Promise.all([
    import('../compute/arrays/npz.ts'),
    import('../compute/models/export/safetensors.ts'),
  ]);
  const isSafetensors = extname(file).toLowerCase() === '.safetensors';
  const arrays = isSafetensors ? parseSafetensors(await readBytes(file), file) : await readNpz(file);
  const { range = 'unit', normalisation = null } = hint;
  const scaled = await withScale(arrays, { range, normalisation }, target.shape);
  const model = await networkModel(architecture, scaled, file, target);
  if (scaled !== arrays || isSafetensors) return model;
  // As it is: whoever imports it again can see by its bytes that it is there already.
  return { ...model, write: (folder) => copyAs(file, folder, 'weights.npz') };
}

/**
 * A model of another program with the best reading that its probe found. A LayersModel that has just the layers of a
 * network of the registry becomes one, with all that can be done with those.
 * @param hint what the user said of the reading.
 * @throws AppError `invalid-input` if the user named no reading, and none gives more than chance or two do equally well.
 */
export async function readForeign(
  file: string,
  probe: ModelProbe,
  hint: ReadingHint,
  target: Target,
): Promise<ImportedModel> {
  const [best] = probe.readings;
  if (!best) throw new AppError('internal', `${file} was tried under no reading.`);
  const given = hint.range !== undefined || hint.normalisation !== undefined;
  if (!given && best.accuracy <= Math.min(1, BEYOND_CHANCE / target.classes)) {
    throw new AppError(
      'invalid-input',
      `No reading of ${basename(file)} classifies more than ${percent(best.accuracy)} of ${probe.examples} images rightly, which is chance. Say how it takes its pixels (layout, range, mean, deviation), or choose the data set that it was trained on.`,
      { details: { file, found: best.accuracy } },
    );
  }
  const rival = probe.readings.find(
    ({ accuracy, reading, known }) => known && reading !== best.reading && best.accuracy - accuracy < CLEARLY_BETTER,
  );
  if (!given && rival) {
    throw new AppError(
      'invalid-input',
      `${basename(file)} does about as well with two readings: ${best.label} (${best.reading.layout}, ${percent(best.accuracy)}) and ${rival.label} (${rival.reading.layout}, ${percent(rival.accuracy)} of ${probe.examples} images). Say which one it was trained with: layout, range, or mean and deviation.`,
      { details: { file, found: rival.label } },
    );
  }
  const { reading } = best;
  if (probe.format === 'tfjs') {
    const mapped = await mappedNetwork(file, reading, target);
    if (mapped) return mapped;
  }
  return {
    architecture: probe.format,
    settings: {},
    foreign: { format: probe.format, reading },
    parameters: 0,
    write: (folder) => copyModel(file, probe.format, folder),
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

async function mappedNetwork(file: string, reading: ModelReading, target: Target): Promise<ImportedModel | null> {
  const [{ plainArrays, readTfjsFiles }, { mapTfjsNetwork }] = await Promise.all([
    import('../compute/models/foreign/tfjs-files.ts'),
    import('../compute/models/foreign/tfjs-network.ts'),
  ]);
  const files = await readTfjsFiles(file);
  const arrays = plainArrays(files);
  const mapped = arrays && mapTfjsNetwork(files.topology, arrays, target.shape, target.classes);
  if (!mapped) return null;
  const scaled = await withScale(mapped.arrays, reading, target.shape);
  const { architecture: name, settings } = mapped.network;
  return networkModel({ name, settings }, scaled, file, target);
}

async function networkModel(
  { name: architecture, settings }: Chosen,
  given: NpzArrays,
  file: string,
  { shape, classes }: Target,
): Promise<ImportedModel> {
  const [{ buildNetwork, parameterCount }, { transferArrays }, { areNormalised, checkArrays }, { writeNpz }] =
    await Promise.all([
      import('../compute/models/network.ts'),
      import('../compute/models/transfer.ts'),
      import('../compute/models/weights.ts'),
      import('../compute/arrays/npz.ts'),
    ]);
  const network = buildNetwork(architecture, shape, classes, areNormalised(given), { settings });
  const named = network.parameters.some(({ name }) => name in given && name !== `${SCALE}_mean`);
  // Without names of ours they may have PyTorch's or Keras'.
  const arrays = named ? given : transferArrays(network, given, file).arrays;
  checkArrays(network, arrays, file);
  const own = Object.fromEntries(
    network.parameters.flatMap(({ name }) => (arrays[name] ? [[name, arrays[name]] as const] : [])),
  );
  return {
    architecture,
    settings: network.settings,
    foreign: null,
    parameters: parameterCount(network),
    write: async (folder) => {
      const weights = join(folder, 'weights.npz');
      await writeNpz(weights, own);
      return weights;
    },
  };
}

/** The arrays with the reading's scale as the network's first layer, unless it takes pixels in [0, 1] as they are. */
async function withScale(
  arrays: NpzArrays,
  { range, normalisation }: Pick<ModelReading, 'range' | 'normalisation'>,
  [, , channels]: ImageShape,
): Promise<NpzArrays> {
  if (range === 'unit' && normalisation === null) return arrays;
  const { SCALE } = await import('../compute/models/layer.ts');
  const [factor, shift] = range === 'bytes' ? [255, 0] : range === 'signed' ? [2, -1] : [1, 0];
  const { mean = new Array<number>(channels).fill(0), deviation = new Array<number>(channels).fill(1) } =
    normalisation ?? {};
  const column = (values: readonly number[]) =>
    ({ dtype: 'f32', shape: [values.length], data: Float32Array.from(values) }) as const;
  return {
    [`${SCALE}_mean`]: column(mean.map((value) => (value - shift) / factor)),
    [`${SCALE}_deviation`]: column(deviation.map((value) => value / factor)),
    ...arrays,
  };
}

/**
 * All files of a tfjs model.
 * @param file its `model.json`, which comes first
 * @throws AppError `not-found` or `bad-data`, naming the file.
 */
export async function tfjsFilesOf(file: string): Promise<readonly string[]> {
  const { readTfjsFiles } = await import('../compute/models/foreign/tfjs-files.ts');
  return (await readTfjsFiles(file)).files;
}

async function copyModel(file: string, format: ForeignModel['format'], folder: string): Promise<string> {
  if (format === 'onnx') return copyAs(file, folder, 'model.onnx');
  for (const each of await tfjsFilesOf(file)) await copyFile(each, join(folder, basename(each)));
  return join(folder, basename(file));
}

async function copyAs(file: string, folder: string, name: string): Promise<string> {
  const copy = join(folder, name);
  await copyFile(file, copy);
  return copy;
}

async function readBytes(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: unknown) => {
    throw new AppError('not-found', `${file} cannot be read.`, { cause, details: { file } });
  });
}
