import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { AppError } from '../../../../shared/domain/errors.ts';
import { shapeSize, type NpyArray } from '../../arrays/npy.ts';
import type { NpzArrays } from '../../arrays/npz.ts';
import { describeIssues } from '../../../../shared/domain/settings.ts';

const modelJson = z.looseObject({
  modelTopology: z.looseObject({}),
  weightsManifest: z.array(
    z.looseObject({
      paths: z.array(z.string().min(1)),
      weights: z.array(z.looseObject({ name: z.string(), shape: z.array(z.int()), dtype: z.string() })),
    }),
  ),
});

export interface TfjsFiles {
  readonly topology: Record<string, unknown>;
  readonly specs: readonly io.WeightsManifestEntry[];
  readonly data: ArrayBuffer;
  /** All files of the model, `model.json` first. */
  readonly files: readonly string[];
}

/**
 * Reads `model.json` of a tfjs LayersModel with the weights beside it.
 * @throws AppError `not-found` or `bad-data`, naming the file.
 */
export async function readTfjsFiles(file: string): Promise<TfjsFiles> {
  const text = await read(file);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(text));
  } catch (cause) {
    throw new AppError('bad-data', `${file} is not JSON.`, { cause, details: { file } });
  }
  const parsed = modelJson.safeParse(json);
  if (!parsed.success) {
    throw new AppError('bad-data', `${file} is no tfjs LayersModel: ${describeIssues(parsed.error)}.`, {
      details: { file },
    });
  }
  const { modelTopology, weightsManifest } = parsed.data;
  const paths = weightsManifest.flatMap((group) => group.paths);
  const outside = paths.find((path) => basename(path) !== path || path === '..');
  if (outside !== undefined) {
    throw new AppError('bad-data', `${file} names a weight file in another folder, ${outside}. Put it beside.`, {
      details: { file, found: outside },
    });
  }
  const shards = paths.map((path) => join(dirname(file), path));
  const parts = await Promise.all(shards.map(read));
  const data = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  const specs = weightsManifest.flatMap((group) => group.weights) as io.WeightsManifestEntry[];
  return { topology: modelTopology, specs, data: data.buffer, files: [file, ...shards] };
}

/** The weights by the names that the model gives them; null if some are quantised or no float32 numbers. */
export function plainArrays({ specs, data }: TfjsFiles): NpzArrays | null {
  const arrays: Record<string, NpyArray> = {};
  let offset = 0;
  for (const { name, shape, dtype, quantization } of specs) {
    const size = shapeSize(shape);
    if (dtype !== 'float32' || quantization !== undefined || offset + 4 * size > data.byteLength) return null;
    arrays[name] = { dtype: 'f32', shape, data: new Float32Array(data, offset, size) };
    offset += 4 * size;
  }
  return arrays;
}

const normalisation = z.looseObject({
  class_name: z.literal('BatchNormalization'),
  config: z.looseObject({ name: z.string(), epsilon: z.number().nonnegative() }),
});

/** What each batch normalisation of a topology adds to its variances, by the layer's name. */
export function normEpsilons(topology: unknown): Readonly<Record<string, number>> {
  if (typeof topology !== 'object' || topology === null) return {};
  const own = normalisation.safeParse(topology);
  if (own.success) return { [own.data.config.name]: own.data.config.epsilon };
  return Object.assign({}, ...Object.values(topology).map(normEpsilons)) as Record<string, number>;
}

async function read(file: string): Promise<Uint8Array> {
  return readFile(file).catch((cause: unknown) => {
    throw new AppError('not-found', `${file} cannot be read.`, { cause, details: { file } });
  });
}
