import type * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { shapeSize } from '../arrays/npy.ts';
import { convExtent, pooledExtent } from '../engines/kernels/shapes.ts';
import { ARCHITECTURES } from './architectures.ts';
import type { Architecture, LayerPlan } from './architectures/plan.ts';
import { ensembleNetwork } from './ensemble.ts';
import { frozenNetwork } from './frozen.ts';
import {
  IMAGES,
  SCALE,
  parametersOf,
  weight,
  type Layer,
  type Network,
  type NetworkSpec,
  type Weights,
} from './layer.ts';
import { isForeignFormat, opaqueNetwork } from './predictor.ts';

export { forward, forwardFrom, forwardTraining } from './forward.ts';
export { initialWeights } from './initial.ts';
export type { Network, NetworkSpec, Weights } from './layer.ts';

/**
 * @param inputShape [height, width, channels]
 * @param normalised whether its first layer brings each channel to mean 0 and deviation 1
 * @throws AppError `invalid-input` for an unknown architecture, fewer than 2 classes, or an image too small for it.
 */
export function buildNetwork(
  architecture: string,
  inputShape: ImageShape,
  classes: number,
  normalised = false,
): Network {
  const found = ARCHITECTURES.find((entry) => entry.name === architecture);
  if (!found) {
    const known = ARCHITECTURES.map((entry) => entry.name).join(', ');
    throw new AppError('invalid-input', `There is no architecture "${architecture}". Known: ${known}.`, {
      details: { field: 'architecture', found: architecture },
    });
  }
  if (!Number.isInteger(classes) || classes < 2) {
    throw new AppError('invalid-input', `A classifier needs at least 2 classes, not ${classes}.`, {
      details: { field: 'classes' },
    });
  }
  const layers = layersOf(found, inputShape, classes, normalised);
  const tapped = found.plan.flatMap((plan) => ('tap' in plan && plan.tap !== undefined ? [[plan.name, plan.tap]] : []));
  const names = new Map(tapped as [string, string][]);
  return {
    architecture,
    inputShape,
    classes,
    normalised,
    frozen: false,
    layers,
    parameters: layers.flatMap(parametersOf),
    taps: layers.flatMap(({ name: layer, output }) => {
      const name = names.get(layer);
      return name === undefined ? [] : [{ name, layer, shape: output }];
    }),
  };
}

/** What {@link networkOf} builds the same network from, in this or another thread. */
export function networkSpec({ architecture, inputShape, classes, normalised, frozen, members }: Network): NetworkSpec {
  const spec = { architecture, inputShape, classes, normalised, frozen };
  return members ? { ...spec, members: members.map(networkSpec) } : spec;
}

export function networkOf({ architecture, inputShape, classes, normalised, frozen, members }: NetworkSpec): Network {
  if (members) return ensembleNetwork(members.map(networkOf));
  if (isForeignFormat(architecture)) return opaqueNetwork(architecture, inputShape, classes);
  const network = buildNetwork(architecture, inputShape, classes, normalised);
  return frozen ? frozenNetwork(network) : network;
}

/** Number of scalars that training changes by gradients. */
export function parameterCount(network: Network): number {
  return network.parameters.reduce((sum, { shape, trainable }) => sum + (trainable ? shapeSize(shape) : 0), 0);
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
  { name: architecture, plan, output }: Architecture,
  inputShape: ImageShape,
  classes: number,
  normalised: boolean,
): Layer[] {
  const layers: Layer[] = [];
  const extents = new Map<string, ImageShape>([[IMAGES, inputShape]]);
  let last = IMAGES;
  const append = (layer: Layer): void => {
    if (layer.output[0] < 1 || layer.output[1] < 1) throw tooSmall(architecture, inputShape);
    layers.push(layer);
    extents.set(layer.name, layer.output);
    last = layer.name;
  };
  if (normalised) append({ kind: 'scale', name: SCALE, inputs: [IMAGES], output: inputShape });
  for (const entry of plan) {
    const inputs = entry.kind === 'add' ? entry.of : [entry.from ?? last];
    append(layerOf(entry, inputs, extents.get(inputs[0]) ?? [0, 0, 0]));
  }
  append({
    kind: 'dense',
    name: output,
    relu: false,
    inputs: [last],
    features: shapeSize(extents.get(last) ?? []),
    units: classes,
    output: [1, 1, classes],
  });
  return layers;
}

/** A planned layer on an input of the given extents. */
function layerOf(plan: LayerPlan, inputs: readonly string[], input: ImageShape): Layer {
  const [height, width, channels] = input;
  const { name } = plan;
  switch (plan.kind) {
    case 'conv': {
      const { size, stride, pad, filters, bias, relu } = plan;
      const output: ImageShape = [convExtent(height, size, stride, pad), convExtent(width, size, stride, pad), filters];
      return { kind: 'conv', name, inputs, filter: [size, size, channels, filters], pad, stride, bias, relu, output };
    }
    case 'norm':
      return { kind: 'norm', name, inputs, relu: plan.relu, output: input };
    case 'add':
      return { kind: 'add', name, inputs, output: input };
    case 'pool': {
      const { size } = plan;
      return {
        kind: 'pool',
        name,
        inputs,
        size,
        output: [pooledExtent(height, size), pooledExtent(width, size), channels],
      };
    }
    case 'average':
      return { kind: 'average', name, inputs, output: [1, 1, channels] };
    case 'shortcut': {
      const { stride, filters } = plan;
      const before = Math.floor((filters - channels) / 2);
      const output: ImageShape = [Math.ceil(height / stride), Math.ceil(width / stride), filters];
      return { kind: 'shortcut', name, inputs, stride, before, after: filters - channels - before, output };
    }
    case 'dense': {
      const { units } = plan;
      return { kind: 'dense', name, inputs, relu: true, features: shapeSize(input), units, output: [1, 1, units] };
    }
  }
}

function tooSmall(architecture: string, [height, width]: ImageShape): AppError {
  return new AppError(
    'invalid-input',
    `Images of ${height}×${width} are too small for ${architecture}. Import them larger or choose another architecture.`,
    { details: { field: 'architecture', found: `${height}×${width}` } },
  );
}
