import type * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import { shapeSize } from '../arrays/npy.ts';
import { convExtent, pooledExtent } from '../engines/kernels/shapes.ts';
import { findArchitecture } from './architectures.ts';
import { unknownStage } from './architectures/denoising.ts';
import { plannedLayers, type ConfiguredArchitecture, type LayerPlan } from './architectures/plan.ts';
import { ensembleNetwork } from './ensemble.ts';
import { frozenNetwork } from './frozen.ts';
import {
  HEAD,
  IMAGES,
  SCALE,
  parametersOf,
  weight,
  type Layer,
  type Network,
  type NetworkSpec,
  type Parameter,
  type Weights,
} from './layer.ts';
import { isForeignFormat, opaqueNetwork } from './predictor.ts';

export { forward, forwardFrom, forwardGuided, forwardTraining } from './forward.ts';
export { initialWeights } from './initial.ts';
export type { Network, NetworkSpec, Weights } from './layer.ts';

/**
 * @param inputShape [height, width, channels]
 * @param normalised whether its first layer brings each channel to mean 0 and deviation 1
 * @param choice settings of the architecture, its defaults if left out; stages that training leaves as they are
 * @throws AppError `invalid-input` for an unknown architecture, setting or stage, fewer than 2 classes, or an image too
 *   small for it.
 */
export function buildNetwork(
  architecture: string,
  inputShape: ImageShape,
  classes: number,
  normalised = false,
  choice: { readonly settings?: SettingValues | undefined; readonly held?: readonly string[] | undefined } = {},
): Network {
  const { settings = {}, held = [] } = choice;
  const found = findArchitecture(architecture).configure(settings);
  const unknown = held.find((name) => !found.stages.some((stage) => stage.name === name));
  if (unknown !== undefined) throw unknownStage(architecture, found, unknown, 'freeze');
  if (!Number.isInteger(classes) || classes < 2) {
    throw new AppError('invalid-input', `A classifier needs at least 2 classes, not ${classes}.`, {
      details: { field: 'classes' },
    });
  }
  const layers = layersOf(found, inputShape, classes, normalised);
  const tapped = plannedLayers(found).flatMap((plan) =>
    'tap' in plan && plan.tap !== undefined ? [[plan.name, plan.tap]] : [],
  );
  const names = new Map(tapped as [string, string][]);
  return {
    architecture,
    settings: found.changed,
    inputShape,
    classes,
    normalised,
    frozen: false,
    held,
    layers,
    parameters: layers.flatMap((layer) => parametersOf(layer, held)),
    taps: layers.flatMap(({ name: layer, output }) => {
      const name = names.get(layer);
      return name === undefined ? [] : [{ name, layer, shape: output }];
    }),
  };
}

/** What {@link networkOf} builds the same network from, in this or another thread. */
export function networkSpec(network: Network): NetworkSpec {
  const { architecture, settings, inputShape, classes, normalised, frozen, held, members } = network;
  const spec = { architecture, settings, inputShape, classes, normalised, frozen, held };
  return members ? { ...spec, members: members.map(networkSpec) } : spec;
}

export function networkOf(spec: NetworkSpec): Network {
  const { architecture, settings, inputShape, classes, normalised, frozen, held, members } = spec;
  if (members) return ensembleNetwork(members.map(networkOf));
  if (isForeignFormat(architecture)) return opaqueNetwork(architecture, inputShape, classes);
  const network = buildNetwork(architecture, inputShape, classes, normalised, { settings, held });
  return frozen ? frozenNetwork(network) : network;
}

/** Number of scalars that training changes by gradients where no stage is held. */
export function parameterCount({ layers }: Network): number {
  return scalars(layers.flatMap((layer) => parametersOf(layer, [])));
}

/** Number of scalars that training changes by gradients. */
export function trainedCount({ parameters }: Network): number {
  return scalars(parameters);
}

function scalars(parameters: readonly Parameter[]): number {
  return parameters.reduce((sum, { shape, trainable }) => sum + (trainable ? shapeSize(shape) : 0), 0);
}

/** The weights as a list in the order of `network.parameters`: arguments for a compiled step. Shares the tensors. */
export function weightList(network: Network, weights: Weights): tf.Tensor[] {
  return network.parameters.map(({ name }) => weight(weights, name));
}

/** The inverse of {@link weightList}. Shares the tensors. */
export function weightsFromList(network: Network, list: readonly tf.Tensor[]): Weights {
  return Object.fromEntries(
    network.parameters.map(({ name }, index) => {
      const tensor = list[index];
      if (!tensor) throw new AppError('internal', `The list of weights ends before ${name}.`);
      return [name, tensor];
    }),
  );
}

function layersOf(
  { name: architecture, stages, head, output }: ConfiguredArchitecture,
  inputShape: ImageShape,
  classes: number,
  normalised: boolean,
): Layer[] {
  const layers: Layer[] = [];
  const extents = new Map<string, ImageShape>([[IMAGES, inputShape]]);
  let last = IMAGES;
  const append = (layer: Layer): void => {
    if (layer.output[0] < 1 || layer.output[1] < 1) throw tooSmall(architecture, inputShape, layer);
    layers.push(layer);
    extents.set(layer.name, layer.output);
    last = layer.name;
  };
  const first = stages[0]?.name ?? HEAD;
  if (normalised) append({ kind: 'scale', name: SCALE, stage: first, inputs: [IMAGES], output: inputShape });
  for (const stage of [...stages, { name: HEAD, layers: head }]) {
    for (const entry of stage.layers) {
      const inputs = 'of' in entry ? entry.of : [entry.from ?? last];
      append(layerOf(entry, stage.name, inputs, extents.get(inputs[0]) ?? [0, 0, 0]));
    }
  }
  append({
    kind: 'dense',
    name: output,
    stage: HEAD,
    relu: false,
    inputs: [last],
    features: shapeSize(extents.get(last) ?? []),
    units: classes,
    output: [1, 1, classes],
  });
  return layers;
}

/** A planned layer on an input of the given extents. */
function layerOf(plan: LayerPlan, stage: string, inputs: readonly string[], input: ImageShape): Layer {
  const [height, width, channels] = input;
  const { name } = plan;
  const common = { name, stage, inputs };
  switch (plan.kind) {
    case 'conv': {
      const { size, stride, pad, filters, bias, relu, deviation } = plan;
      const output: ImageShape = [convExtent(height, size, stride, pad), convExtent(width, size, stride, pad), filters];
      const filter = [size, size, channels, filters] as const;
      const fresh = deviation === undefined ? {} : { deviation };
      return { kind: 'conv', ...common, filter, pad, stride, bias, relu, ...fresh, output };
    }
    case 'depthwise': {
      const { size, stride, bias, relu } = plan;
      const output: ImageShape = [
        convExtent(height, size, stride, 'same'),
        convExtent(width, size, stride, 'same'),
        channels,
      ];
      return { kind: 'depthwise', ...common, filter: [size, size, channels, 1], stride, bias, relu, output };
    }
    case 'norm':
      return { kind: 'norm', ...common, relu: plan.relu, still: plan.still ?? false, output: input };
    case 'cap':
      return { kind: 'cap', ...common, limit: plan.limit, output: input };
    case 'add':
      return { kind: 'add', ...common, relu: plan.relu, output: input };
    case 'denoise':
      return { kind: 'denoise', ...common, method: plan.method, output: input };
    case 'pool': {
      const { size } = plan;
      return {
        kind: 'pool',
        ...common,
        size,
        output: [pooledExtent(height, size), pooledExtent(width, size), channels],
      };
    }
    case 'average':
      return { kind: 'average', ...common, output: [1, 1, channels] };
    case 'shortcut': {
      const { stride, filters } = plan;
      const before = Math.floor((filters - channels) / 2);
      const output: ImageShape = [Math.ceil(height / stride), Math.ceil(width / stride), filters];
      return { kind: 'shortcut', ...common, stride, before, after: filters - channels - before, output };
    }
    case 'dense': {
      const { units } = plan;
      return { kind: 'dense', ...common, relu: true, features: shapeSize(input), units, output: [1, 1, units] };
    }
  }
}

function tooSmall(architecture: string, [height, width]: ImageShape, { name, stage }: Layer): AppError {
  return new AppError(
    'invalid-input',
    `Images of ${height}×${width} are too small for ${architecture}: at ${name} (stage ${stage}) nothing is left of them. Import them larger or choose another architecture.`,
    { details: { field: 'architecture', found: `${height}×${width}` } },
  );
}
