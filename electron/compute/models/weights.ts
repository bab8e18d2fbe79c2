import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import { shapeSize, type NpyArray } from '../arrays/npy.ts';
import { readNpz, writeNpz, type NpzArrays } from '../arrays/npz.ts';
import { ARCHITECTURES } from './architectures.ts';
import { SCALE } from './layer.ts';
import { buildNetwork, weightList, type Network, type Weights } from './network.ts';

/**
 * Reads a network's weights from an NPZ. Arrays that are no parameters of it are ignored (checkpoints carry others).
 * The caller disposes of the tensors.
 * @throws AppError `wrong-architecture` naming file, array, expected and found shape; `bad-data` for values that are
 *   not finite; `not-found`.
 */
export async function loadWeights(network: Network, file: string): Promise<Weights> {
  return weightsFromArrays(network, await readNpz(file), file);
}

/** Whether the arrays are of a network that normalises its images. */
export function areNormalised(arrays: NpzArrays): boolean {
  return `${SCALE}_mean` in arrays;
}

/**
 * Checks that the arrays are the network's parameters, without making tensors.
 * @param name what to call their origin in an error message.
 * @throws AppError `wrong-architecture` or `bad-data`.
 */
export function checkArrays(network: Network, arrays: NpzArrays, name: string): void {
  for (const { name: parameter, shape } of network.parameters) {
    const array = arrays[parameter];
    const expected = `[${shape.join(', ')}]`;
    const found = array ? `[${array.shape.join(', ')}]` : 'nothing of that name';
    if (found !== expected) {
      const fitting = fittingArchitecture(network, arrays);
      const advice = fitting ? `It fits ${fitting}.` : 'It fits no architecture that is known here.';
      throw new AppError(
        'wrong-architecture',
        `${name} does not hold weights of ${network.architecture}: ${parameter} should be ${expected}, found ${found}. ${advice}`,
        { details: { file: name, array: parameter, expected, found } },
      );
    }
    if (array && !isFinite(array)) {
      throw new AppError('bad-data', `${name}: ${parameter} holds values that are not finite numbers.`, {
        details: { file: name, array: parameter },
      });
    }
    if (array && parameter.endsWith('_variance') && array.data.some((value) => Number(value) < 0)) {
      throw new AppError('bad-data', `${name}: ${parameter} holds variances below 0.`, {
        details: { file: name, array: parameter },
      });
    }
  }
}

/** The same from arrays in memory. @param name what to call their origin in an error message. */
export function weightsFromArrays(network: Network, arrays: NpzArrays, name: string): Weights {
  checkArrays(network, arrays, name);
  return Object.fromEntries(
    network.parameters.map(({ name: parameter, shape }) => {
      return [parameter, tf.tensor(floats(arrays[parameter]?.data), [...shape], 'float32')];
    }),
  );
}

/** The values as float32; an array that has them already is handed on as it is. */
export function floats(data: NpyArray['data'] = new Float32Array()): Float32Array {
  if (data instanceof Float32Array) return data;
  return data instanceof BigInt64Array ? Float32Array.from(data, Number) : new Float32Array(data);
}

/** Writes the weights as an NPZ of float32 arrays, atomically. @throws AppError `library-full`, `library-read-only`, `io`. */
export async function saveWeights(network: Network, weights: Weights, file: string): Promise<void> {
  const tensors = weightList(network, weights);
  const data = await Promise.all(tensors.map((tensor) => tensor.data<'float32'>()));
  const arrays = network.parameters.map(({ name, shape }, index): [string, NpyArray] => [
    name,
    { dtype: 'f32', shape, data: data[index] ?? new Float32Array() },
  ]);
  await writeNpz(file, Object.fromEntries(arrays));
}

function isFinite({ data, shape }: NpyArray): boolean {
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (let i = 0; i < data.length; i += 1) if (!Number.isFinite(data[i])) return false;
  }
  return data.length === shapeSize(shape);
}

/** The architecture whose parameters the arrays are, at this image size and any number of classes. */
function fittingArchitecture(network: Network, arrays: NpzArrays): string | null {
  for (const architecture of ARCHITECTURES) {
    const classes = arrays[`${architecture.configure({}).output}_b`]?.shape[0] ?? 0;
    if (classes < 2) continue;
    try {
      const other = buildNetwork(architecture.name, network.inputShape, classes, areNormalised(arrays));
      if (other.parameters.every(({ name, shape }) => arrays[name]?.shape.join() === shape.join())) {
        return `${architecture.name} with ${classes} classes`;
      }
    } catch {
      continue; // The image is too small for this architecture.
    }
  }
  return null;
}
