import type { InitialReport } from '../../../shared/domain/architecture.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { shapeSize, type NpyArray } from '../arrays/npy.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import { NORM_EPSILON } from './frozen.ts';
import { readForeignName, type ForeignName } from './foreign-names.ts';
import type { Layer, Network } from './layer.ts';
import { floats } from './weights.ts';

/** A file with less of a network's body than this is of another network. */
const LEAST_SHARE = 0.5;

export interface Transferred {
  /** Parameters of the network, in its layout. */
  readonly arrays: NpzArrays;
  readonly report: InitialReport;
}

/**
 * The parameters that a network can take from arrays of another one: its own names, or those of `readForeignName`. Filters
 * and matrices are turned to our layout; the bias of a convolution that has none here goes into the mean of the
 * normalisation behind it. The last layer is left out where its number of classes is another.
 * The ε that another program adds to a variance goes into the variance as far as it is not ours.
 * @param source what to call the arrays' origin in the report and in an error message.
 * @param epsilons those of the file's normalisations by their names, where it says them; others have their program's default.
 * @throws AppError `wrong-architecture` naming the array and both shapes, or what is missing; `bad-data` for values that
 *   are not finite.
 */
export function transferArrays(
  network: Network,
  arrays: NpzArrays,
  source: string,
  epsilons: Readonly<Record<string, number>> = {},
): Transferred {
  const shapes = new Map(network.parameters.map(({ name, shape }) => [name, shape]));
  const output = network.layers.at(-1)?.name ?? '';
  const taken: Record<string, NpyArray> = {};
  const unused: string[] = [];
  const biases = new Map<string, Float32Array>();
  let newHead = false;
  for (const [key, array] of Object.entries(arrays)) {
    const named = shapes.has(key) ? null : readForeignName(network, key);
    const name = named ? `${named.layer.name}_${named.part}` : key;
    const shape = shapes.get(name);
    if (!shape) {
      if (named?.layer.kind === 'conv' && named.part === 'b') biases.set(named.layer.name, floats(array.data));
      else if (!key.endsWith('num_batches_tracked')) unused.push(key);
      continue;
    }
    const own = named ? withOwnEpsilon(named, ownLayout(network, named, array), epsilons) : array;
    if (own.shape.join() === shape.join()) {
      taken[name] = checked(own, `${source}: ${key}`);
    } else if (name.startsWith(`${output}_`) && own.shape.slice(0, -1).join() === shape.slice(0, -1).join()) {
      newHead = true;
    } else {
      throw misfit(network, source, key, name, shape, own.shape);
    }
  }
  if (newHead) for (const name of Object.keys(taken)) if (name.startsWith(`${output}_`)) delete taken[name];
  takeBiases(network, taken, biases, unused);
  const fresh = network.parameters.flatMap(({ name }) => (name in taken ? [] : [name]));
  requireBody(network, taken, source, output);
  newHead ||= fresh.some((name) => name.startsWith(`${output}_`));
  return { arrays: taken, report: { source, taken: Object.keys(taken), fresh, unused, newHead } };
}

/** Normalised, x + b and a mean of μ are the same as x and a mean of μ − b. */
function takeBiases(
  network: Network,
  taken: Record<string, NpyArray>,
  biases: ReadonlyMap<string, Float32Array>,
  unused: string[],
): void {
  for (const [convolution, bias] of biases) {
    const norm = network.layers.find(({ kind, inputs }) => kind === 'norm' && inputs[0] === convolution);
    const mean = norm && taken[`${norm.name}_mean`];
    if (!mean || mean.data.length !== bias.length) {
      unused.push(`${convolution}_b`);
      continue;
    }
    const data = floats(mean.data).map((value, channel) => value - (bias[channel] ?? 0));
    taken[`${norm.name}_mean`] = { dtype: 'f32', shape: mean.shape, data };
  }
}

/** √(v + ε) is the same as √(v + ε − ε′ + ε′). */
function withOwnEpsilon(
  { part, called, epsilon }: ForeignName,
  array: NpyArray,
  epsilons: Readonly<Record<string, number>>,
): NpyArray {
  const more = (epsilons[called] ?? epsilon) - NORM_EPSILON;
  if (part !== 'variance' || more === 0) return array;
  return { dtype: 'f32', shape: array.shape, data: floats(array.data).map((value) => value + more) };
}

function requireBody(network: Network, taken: NpzArrays, source: string, output: string): void {
  const body = network.parameters.filter(({ name }) => !name.startsWith(`${output}_`) && !/_denoise_/.test(name));
  const missing = body.filter(({ name }) => !(name in taken));
  if (body.length - missing.length >= LEAST_SHARE * body.length) return;
  const [first] = missing;
  throw new AppError(
    'wrong-architecture',
    `${source} does not hold weights of ${network.architecture}: of its ${body.length} arrays before the last layer there are ${body.length - missing.length}; the first one that is missing is ${first?.name}, [${first?.shape.join(', ')}]. Choose the architecture that the file was made with.`,
    { details: { file: source, array: first?.name ?? '' } },
  );
}

function checked(array: NpyArray, name: string): NpyArray {
  const data = floats(array.data);
  if (!data.every(Number.isFinite)) {
    throw new AppError('bad-data', `${name} holds values that are not finite numbers.`, { details: { array: name } });
  }
  return { dtype: 'f32', shape: array.shape, data };
}

function misfit(
  { architecture }: Network,
  source: string,
  key: string,
  name: string,
  expected: readonly number[],
  found: readonly number[],
): AppError {
  const [here, there] = [expected, found].map((shape) => `[${shape.join(', ')}]`);
  const what = key === name ? name : `${key} (${name} here)`;
  return new AppError(
    'wrong-architecture',
    `${source} does not fit ${architecture}: ${what} should be ${here}, found ${there}. Choose the architecture, settings and image size that the file was made with.`,
    { details: { file: source, array: key, expected: here ?? '', found: there ?? '' } },
  );
}

function ownLayout(network: Network, { layer, part, torch }: ForeignName, array: NpyArray): NpyArray {
  if (part !== 'w' || !torch) return array;
  const { shape } = array;
  if (shape.length === 4) {
    // [out, in, h, w], of a depthwise convolution [channels, 1, h, w] → [h, w, in, out], [h, w, channels, 1].
    const turned = permuted(array, [2, 3, 1, 0]);
    if (layer.kind !== 'depthwise') return turned;
    const [height = 0, width = 0, one = 0, channels = 0] = turned.shape;
    return { ...turned, shape: [height, width, channels, one] };
  }
  if (shape.length !== 2) return array;
  const turned = permuted(array, [1, 0]);
  const [height, width, channels] = inputExtents(network, layer);
  const units = shape[0] ?? 0;
  if (height * width === 1 || shape[1] !== height * width * channels) return turned;
  const ordered = permuted({ ...turned, shape: [channels, height, width, units] }, [1, 2, 0, 3]);
  return { ...ordered, shape: turned.shape };
}

function inputExtents({ layers }: Network, layer: Layer): readonly [number, number, number] {
  return layers.find(({ name }) => name === layer.inputs[0])?.output ?? [1, 1, 1];
}

/** The array with its axes in another order. */
function permuted({ shape, data }: NpyArray, axes: readonly number[]): NpyArray {
  const from = floats(data);
  const strides = shape.map((_, axis) => shapeSize(shape.slice(axis + 1)));
  const extents = axes.map((axis) => shape[axis] ?? 1);
  const to = new Float32Array(from.length);
  const place = new Array<number>(axes.length).fill(0);
  const steps = axes.map((axis) => strides[axis] ?? 0);
  let source = 0;
  for (let index = 0; index < to.length; index += 1) {
    to[index] = from[source] ?? 0;
    for (let axis = axes.length - 1; axis >= 0; axis -= 1) {
      place[axis] = (place[axis] ?? 0) + 1;
      source += steps[axis] ?? 0;
      if ((place[axis] ?? 0) < (extents[axis] ?? 0)) break;
      source -= (extents[axis] ?? 0) * (steps[axis] ?? 0);
      place[axis] = 0;
    }
  }
  return { dtype: 'f32', shape: extents, data: to };
}
