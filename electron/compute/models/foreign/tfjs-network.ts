import { z } from 'zod';
import type { NpyArray } from '../../arrays/npy.ts';
import type { NpzArrays } from '../../arrays/npz.ts';
import { ARCHITECTURES } from '../architectures.ts';
import type { Layer, Network } from '../layer.ts';
import { buildNetwork } from '../network.ts';
import type { ImageShape } from '../../../../shared/domain/shape.ts';

const layerJson = z.looseObject({ class_name: z.string(), config: z.looseObject({ name: z.string() }) });
const sequentialJson = z.looseObject({
  class_name: z.literal('Sequential'),
  config: z.union([z.array(layerJson), z.looseObject({ layers: z.array(layerJson) })]),
});
/** As tfjs itself saves it, or the converter from Keras. */
const topologyJson = z.union([
  sequentialJson,
  z.looseObject({ model_config: sequentialJson }).transform(({ model_config: model }) => model),
]);

type TfjsLayer = z.infer<typeof layerJson>;

/** Layers that do nothing in a forward pass. */
const IDLE = new Set(['InputLayer', 'Dropout', 'Flatten', 'GaussianNoise', 'SpatialDropout2D']);

/** A network of the registry and its weights, taken from a LayersModel. */
export interface MappedNetwork {
  readonly network: Network;
  readonly arrays: NpzArrays;
}

/**
 * A sequential LayersModel as a network of the architecture registry, if one has just its layers; null if none has. A
 * softmax at the end is left off: networks here give logits.
 * @param arrays its weights by name
 */
export function mapTfjsNetwork(
  topology: unknown,
  arrays: NpzArrays,
  inputShape: ImageShape,
  classes: number,
): MappedNetwork | null {
  const parsed = topologyJson.safeParse(topology);
  if (!parsed.success) return null;
  const { config } = parsed.data;
  const layers = joinActivations(Array.isArray(config) ? config : config.layers);
  if (!layers) return null;
  for (const { name } of ARCHITECTURES) {
    const mapped = mapOnto(name, layers, arrays, inputShape, classes);
    if (mapped) return mapped;
  }
  return null;
}

function mapOnto(
  architecture: string,
  layers: readonly TfjsLayer[],
  arrays: NpzArrays,
  inputShape: ImageShape,
  classes: number,
): MappedNetwork | null {
  let network: Network;
  try {
    network = buildNetwork(architecture, inputShape, classes);
  } catch {
    return null; // The image is too small for this architecture.
  }
  if (network.layers.length !== layers.length) return null;
  const found: Record<string, NpyArray> = {};
  for (const [at, layer] of network.layers.entries()) {
    const theirs = layers[at];
    if (!theirs || !isSame(layer, theirs, at === layers.length - 1)) return null;
    for (const [suffix, part] of [
      ['w', 'kernel'],
      ['b', 'bias'],
    ] as const) {
      const own = network.parameters.find(({ name }) => name === `${layer.name}_${suffix}`);
      if (!own) continue;
      const array = arrays[`${theirs.config.name}/${part}`];
      if (array?.shape.join() !== own.shape.join()) return null;
      found[own.name] = array;
    }
  }
  return { network, arrays: found };
}

/** The layers that compute, with activations that stand alone put into the layer before; null where that cannot be. */
function joinActivations(layers: readonly TfjsLayer[]): readonly TfjsLayer[] | null {
  const joined: TfjsLayer[] = [];
  for (const layer of layers) {
    if (IDLE.has(layer.class_name)) continue;
    const kind = { Activation: layer.config['activation'], ReLU: 'relu', Softmax: 'softmax' }[layer.class_name];
    if (kind === undefined) {
      joined.push(layer);
      continue;
    }
    const before = joined.pop();
    if (!before || activationOf(before) !== 'linear') return null;
    joined.push({ ...before, config: { ...before.config, activation: kind } });
  }
  return joined;
}

function isSame(layer: Layer, { class_name: kind, config }: TfjsLayer, last: boolean): boolean {
  const relu = activationOf({ class_name: kind, config }) === 'relu';
  switch (layer.kind) {
    case 'conv':
      return (
        kind === 'Conv2D' &&
        same(config['kernel_size'], layer.filter.slice(0, 2)) &&
        same(config['strides'] ?? 1, [layer.stride, layer.stride]) &&
        same(config['dilation_rate'] ?? 1, [1, 1]) &&
        // At other strides TensorFlow puts the zeros elsewhere.
        layer.stride === 1 &&
        config['padding'] === layer.pad &&
        config['data_format'] !== 'channels_first' &&
        (config['use_bias'] ?? true) === layer.bias &&
        (relu || activationOf({ class_name: kind, config }) === 'linear') &&
        relu === layer.relu
      );
    case 'pool':
      return (
        kind === 'MaxPooling2D' &&
        layer.size === 2 &&
        same(config['pool_size'] ?? 2, [2, 2]) &&
        same(config['strides'] ?? config['pool_size'] ?? 2, [2, 2]) &&
        (config['padding'] ?? 'valid') === 'valid'
      );
    case 'dense': {
      const activation = activationOf({ class_name: kind, config });
      const fits = last ? activation === 'linear' || activation === 'softmax' : relu === layer.relu;
      return kind === 'Dense' && (config['use_bias'] ?? true) === true && fits;
    }
    case 'scale':
    case 'norm':
    case 'add':
    case 'affine':
    case 'cap':
    case 'denoise':
    case 'depthwise':
    case 'average':
    case 'shortcut':
      return false;
  }
}

function activationOf({ config }: TfjsLayer): unknown {
  return config['activation'] ?? 'linear';
}

/** Whether a setting is one number for both axes, or these two. */
function same(value: unknown, wanted: readonly number[]): boolean {
  const given = Array.isArray(value) ? value : [value, value];
  return given.length === wanted.length && given.every((one, at) => one === wanted[at]);
}
