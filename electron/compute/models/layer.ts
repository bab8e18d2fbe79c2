import type * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import type { Padding, PoolAttributes, Stride } from '../engines/kernels/names.ts';
import type { DenoiseMethod } from './denoise.ts';

interface Common {
  readonly name: string;
  /** Name of its stage; {@link HEAD} for what comes after all of them. */
  readonly stage: string;
  /** Names of the layers whose outputs it takes; {@link IMAGES} for the network's input. */
  readonly inputs: readonly string[];
  /** Extents of its output without the batch; [1, 1, units] for what is a vector. */
  readonly output: ImageShape;
}

/** A layer with its input and output extents, without the batch. Images are [height, width, channels]. */
export type Layer = Common &
  (
    | {
        readonly kind: 'conv';
        readonly filter: readonly [number, number, number, number];
        readonly pad: Padding;
        readonly stride: Stride;
        readonly bias: boolean;
        readonly relu: boolean;
        /** Of fresh weights; left out: see `initialWeights`. */
        readonly deviation?: number;
      }
    | {
        readonly kind: 'depthwise';
        /** [kernel, kernel, channels, 1] */
        readonly filter: readonly [number, number, number, 1];
        readonly stride: Stride;
        readonly bias: boolean;
        readonly relu: boolean;
      }
    | { readonly kind: 'scale' }
    | { readonly kind: 'norm'; readonly relu: boolean; readonly still: boolean }
    /** A factor and a shift for each channel: normalisation with fixed statistics that no convolution can take in. */
    | { readonly kind: 'affine'; readonly relu: boolean }
    | { readonly kind: 'cap'; readonly limit: number }
    | { readonly kind: 'add'; readonly relu: boolean }
    | { readonly kind: 'denoise'; readonly method: DenoiseMethod }
    | { readonly kind: 'pool'; readonly size: PoolAttributes['size'] }
    | { readonly kind: 'average' }
    | { readonly kind: 'shortcut'; readonly stride: Stride; readonly before: number; readonly after: number }
    | { readonly kind: 'dense'; readonly relu: boolean; readonly features: number; readonly units: number }
  );

/** What a network's first layers take as input. */
export const IMAGES = 'images';
/** The layer that brings images to mean 0 and deviation 1. */
export const SCALE = 'input';
/** The stage behind all stages of an architecture. */
export const HEAD = 'head';

export interface Parameter {
  /**
   * `<layer>_w` (HWIO for convolutions, [kernel, kernel, channels, 1] for depthwise ones, [in, out] for dense layers after
   * an NHWC flatten), `<layer>_b`; for batch normalisation `<layer>_gamma`, `<layer>_beta`, `<layer>_mean` and
   * `<layer>_variance`, folded into nothing `<layer>_scale` and `<layer>_shift`; `input_mean` and `input_deviation` of the
   * images' channels.
   */
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether training changes it by its gradient. */
  readonly trainable: boolean;
  /** Whether training moves it towards a statistic of the batch, without a gradient. */
  readonly moving: boolean;
}

/** What a network is built from: plain data. */
export interface NetworkSpec {
  readonly architecture: string;
  /** Of the architecture, where they are not its defaults. */
  readonly settings: SettingValues;
  /** [height, width, channels] */
  readonly inputShape: ImageShape;
  readonly classes: number;
  /** Whether its first layer brings each channel to mean 0 and deviation 1, so that callers give it pixels in [0, 1]. */
  readonly normalised: boolean;
  /** Batch normalisation is folded into the convolutions: for attacks and maps, not for training. */
  readonly frozen: boolean;
  /** Stages that training leaves as they are: their weights, and their batch normalisation with its moving statistics. */
  readonly held: readonly string[];
  /** Of an ensemble, see `ensembleNetwork`; it has no layers of its own. */
  readonly members?: readonly NetworkSpec[];
}

export interface Tap {
  readonly name: string;
  /** The layer whose output it is. */
  readonly layer: string;
  readonly shape: ImageShape;
}

/** An architecture at an image size and number of classes. Holds no tensors. */
export interface Network extends NetworkSpec {
  readonly members?: readonly Network[];
  /** In an order in which they can be computed. */
  readonly layers: readonly Layer[];
  /** In the order in which weights travel as a list. */
  readonly parameters: readonly Parameter[];
  /**
   * Where activations can be looked at: convolutions after their ReLU, before pooling; in residual networks the ends of
   * the stages, after the ReLU of the last sum.
   */
  readonly taps: readonly Tap[];
}

/** The parameters of a network, by name. */
export type Weights = Readonly<Record<string, tf.Tensor>>;

/** @param held stages whose parameters training leaves as they are. */
export function parametersOf(layer: Layer, held: readonly string[]): Parameter[] {
  const parameters = ownParameters(layer);
  if (!held.includes(layer.stage)) return parameters;
  return parameters.map((parameter) => ({ ...parameter, trainable: false, moving: false }));
}

function ownParameters(layer: Layer): Parameter[] {
  const { name } = layer;
  const own = (suffix: string, shape: readonly number[]): Parameter => ({
    name: `${name}_${suffix}`,
    shape,
    trainable: true,
    moving: false,
  });
  const fixed = (suffix: string, shape: readonly number[]): Parameter => ({ ...own(suffix, shape), trainable: false });
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
      return [own('w', layer.filter), ...(layer.bias ? [own('b', [layer.output[2]])] : [])];
    case 'affine':
      return [own('scale', [layer.output[2]]), own('shift', [layer.output[2]])];
    case 'dense':
      return [own('w', [layer.features, layer.units]), own('b', [layer.units])];
    case 'norm': {
      const shape = [layer.output[2]];
      const statistics = [fixed('mean', shape), fixed('variance', shape)];
      return [own('gamma', shape), own('beta', shape), ...statistics.map((each) => ({ ...each, moving: true }))];
    }
    case 'scale':
      return [fixed('mean', [layer.output[2]]), fixed('deviation', [layer.output[2]])];
    case 'cap':
    case 'add':
    case 'denoise':
    case 'pool':
    case 'average':
    case 'shortcut':
      return [];
  }
}

/** @throws AppError `internal` if the weights are of another network. */
export function weight(weights: Weights, name: string): tf.Tensor {
  const tensor = weights[name];
  if (!tensor) throw new AppError('internal', `The weights have no ${name}.`);
  return tensor;
}
