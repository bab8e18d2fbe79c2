import type { ArchitectureFacts, LayerFacts } from '../../../shared/domain/architecture.ts';
import { shapeSize } from '../arrays/npy.ts';
import { embeddingChannels, WINDOW } from './denoise.ts';
import { parametersOf, type Layer, type Network } from './layer.ts';
import { parameterCount } from './network.ts';

/** The layers of a network with what each of them costs. */
export function architectureFacts(network: Network, settings: ArchitectureFacts['settings']): ArchitectureFacts {
  const { architecture, inputShape, classes, layers } = network;
  const taps = new Map(network.taps.map(({ name, layer }) => [layer, name]));
  const names = [...new Set(layers.map(({ stage }) => stage))];
  return {
    architecture,
    inputShape,
    classes,
    settings,
    stages: names.map((name) => ({
      name,
      layers: layers.filter(({ stage }) => stage === name).map((layer) => factsOf(layer, taps.get(layer.name) ?? null)),
    })),
    parameters: parameterCount(network),
    operations: operationsOf(network),
    activations: activationsOf(network),
  };
}

/*
 * What memory a training takes, fitted to the peaks of networks on the tensorflow engine at batches of 32 and 64
 * (small-cnn, mnist-cnn, cifar-resnet20 with and without a non-local filter, preact-resnet18; 0.5 to 2 GB): within a
 * quarter of each.
 */
const PROCESS_BYTES = 520e6;
const FLOAT_BYTES = 4;
/** Arrays of the weights' size: weights, gradients and the optimizer's state, old and new, in the engine and its graphs. */
const WEIGHT_COPIES = 20;
/** Arrays of the activations' size: they themselves, their gradients, and what kernels keep. */
const ACTIVATION_COPIES = 4.5;

/**
 * Bytes that a training takes, as a size to plan with.
 * @param parameters numbers that are trained
 * @param activations numbers that one image leaves for the backward pass
 * @param atOnce images that go through the network at once
 */
export function trainingMemory(parameters: number, activations: number, atOnce: number): number {
  return PROCESS_BYTES + FLOAT_BYTES * (WEIGHT_COPIES * parameters + ACTIVATION_COPIES * atOnce * activations);
}

/** Numbers that one image leaves for the backward pass. */
export function activationsOf({ layers }: Network): number {
  return layers.reduce((sum, layer) => sum + keptBy(layer), 0);
}

/** Multiplications with an addition of one image forward. */
export function operationsOf({ layers }: Network): number {
  return layers.reduce((sum, layer) => sum + operations(layer), 0);
}

function factsOf(layer: Layer, tap: string | null): LayerFacts {
  const { name, output } = layer;
  const trained = parametersOf(layer, []).filter(({ trainable }) => trainable);
  const parameters = trained.reduce((sum, { shape }) => sum + shapeSize(shape), 0);
  return { name, kind: detailOf(layer), output, parameters, operations: operations(layer), tap };
}

/** What a layer does, in a few words: `conv 3×3 /2`. */
function detailOf(layer: Layer): string {
  switch (layer.kind) {
    case 'conv':
    case 'depthwise': {
      const [height, width] = layer.filter;
      return `${layer.kind} ${height}×${width}${layer.stride > 1 ? ` /${layer.stride}` : ''}${relu(layer)}`;
    }
    case 'pool':
      return `max pool ${layer.size}×${layer.size} /2`;
    case 'norm':
    case 'add':
    case 'dense':
    case 'affine':
      return `${layer.kind}${relu(layer)}`;
    case 'denoise':
      return `filter: ${layer.method}`;
    case 'cap':
      return `at most ${layer.limit}`;
    case 'scale':
    case 'average':
    case 'shortcut':
      return layer.kind;
  }
}

function relu(layer: { readonly relu: boolean }): string {
  return layer.relu ? ', ReLU' : '';
}

function operations(layer: Layer): number {
  const [height, width, channels] = layer.output;
  const positions = height * width;
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
      return positions * shapeSize(layer.filter);
    case 'dense':
      return layer.features * layer.units;
    case 'denoise': {
      const weighed = embeddingChannels(channels) + channels;
      const each = {
        'non-local-softmax': positions * weighed,
        'non-local-dot': 2 * channels ** 2,
        bilateral: WINDOW.length * weighed,
        mean: WINDOW.length * channels,
        median: WINDOW.length * channels,
      }[layer.method];
      return positions * each;
    }
    case 'scale':
    case 'norm':
    case 'affine':
    case 'cap':
    case 'add':
    case 'pool':
    case 'average':
    case 'shortcut':
      return 0;
  }
}

/** Weights of a filter that stay for the backward pass, as a multiple of their number: the softmax and a part of its way. */
const WEIGHTS_KEPT = 1.6;

/** Numbers that a layer leaves for the backward pass, of one image. */
function keptBy(layer: Layer): number {
  const [height, width] = layer.output;
  const own = shapeSize(layer.output);
  if (layer.kind !== 'denoise') return own;
  const weights = { 'non-local-softmax': height * width, bilateral: WINDOW.length }[layer.method as string] ?? 0;
  const shifted = layer.method === 'non-local-softmax' || layer.method === 'non-local-dot' ? 1 : 2 * WINDOW.length;
  return own * shifted + WEIGHTS_KEPT * weights * height * width;
}
