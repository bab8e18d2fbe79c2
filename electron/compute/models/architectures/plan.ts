import type { SettingValues } from '../../../../shared/domain/settings.ts';
import type { Padding, PoolAttributes, Stride } from '../../engines/kernels/names.ts';
import type { DenoiseMethod } from '../denoise.ts';

/** Where a layer takes its input from: the layer of that name, or the one before it if left out. */
interface From {
  readonly from?: string;
}

/** Names the layer's output among those that maps and attention pairing look at. */
interface Tapped {
  readonly tap?: string;
}

/** One layer of an architecture, before it meets an image size. */
export type LayerPlan =
  | (From &
      Tapped & {
        readonly kind: 'conv';
        readonly name: string;
        readonly filters: number;
        readonly size: number;
        readonly pad: Padding;
        readonly stride: Stride;
        readonly bias: boolean;
        readonly relu: boolean;
        /** Of fresh weights, which are normal then; left out: see `initialWeights`. */
        readonly deviation?: number;
      })
  /** A convolution of each channel by itself, padding `same`. */
  | (From & {
      readonly kind: 'depthwise';
      readonly name: string;
      readonly size: number;
      readonly stride: Stride;
      readonly bias: boolean;
      readonly relu: boolean;
    })
  /** Batch normalisation. `still`: a fresh γ is 0, so that the branch that ends here says nothing at first. */
  | (From & Tapped & { readonly kind: 'norm'; readonly name: string; readonly relu: boolean; readonly still?: boolean })
  /** Nothing above `limit`: with a ReLU before it, ReLU6. */
  | (From & { readonly kind: 'cap'; readonly name: string; readonly limit: number })
  /** Sum of two layers' outputs and, if asked, its ReLU. */
  | (Tapped & {
      readonly kind: 'add';
      readonly name: string;
      readonly of: readonly [string, string];
      readonly relu: boolean;
    })
  | (From & { readonly kind: 'pool'; readonly name: string; readonly size: PoolAttributes['size'] })
  /** Mean over all positions. */
  | (From & { readonly kind: 'average'; readonly name: string })
  /** Every `stride`-th position, and channels of zeros on both sides: He et al. 2016, section 3.3, option A. */
  | (From & { readonly kind: 'shortcut'; readonly name: string; readonly filters: number; readonly stride: Stride })
  /** A filter of features (see denoise.ts): the features, and for some methods their two embeddings. */
  | {
      readonly kind: 'denoise';
      readonly name: string;
      readonly method: DenoiseMethod;
      readonly of: readonly [string] | readonly [string, string, string];
    }
  | (From & { readonly kind: 'dense'; readonly name: string; readonly units: number });

/** Layers of one resolution: what denoising stands behind and what freezing takes as a whole. */
export interface StagePlan {
  readonly name: string;
  readonly layers: readonly LayerPlan[];
}

/**
 * The layers of an architecture. Everything after a stage depends on its last layer alone, as does everything after a
 * layer with a `tap`.
 */
export interface Plan {
  readonly stages: readonly StagePlan[];
  /** Between the last stage and the output. */
  readonly head: readonly LayerPlan[];
  /** Name of the last layer, which is dense with one unit per class, without ReLU. */
  readonly output: string;
}

/** An architecture with its settings filled in. */
export interface ConfiguredArchitecture extends Plan {
  readonly name: string;
  /** With every default. */
  readonly settings: SettingValues;
  /** Those that are not the default. */
  readonly changed: SettingValues;
}

/** The layers of a plan behind each other, without the output. */
export function plannedLayers({ stages, head }: Plan): readonly LayerPlan[] {
  return [...stages.flatMap(({ layers }) => layers), ...head];
}
