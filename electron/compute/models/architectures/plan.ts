import type { Padding, PoolAttributes, Stride } from '../../engines/kernels/names.ts';

/** Where a layer takes its input from: the layer of that name, or the one before it if left out. */
interface From {
  readonly from?: string;
}

/** One layer of an architecture, before it meets an image size. */
export type LayerPlan =
  | (From & {
      readonly kind: 'conv';
      readonly name: string;
      readonly filters: number;
      readonly size: number;
      readonly pad: Padding;
      readonly stride: Stride;
      readonly bias: boolean;
      readonly relu: boolean;
      readonly tap?: string;
    })
  /** Batch normalisation. */
  | (From & { readonly kind: 'norm'; readonly name: string; readonly relu: boolean })
  /** Sum of two layers' outputs, and its ReLU. */
  | { readonly kind: 'add'; readonly name: string; readonly of: readonly [string, string]; readonly tap?: string }
  | (From & { readonly kind: 'pool'; readonly name: string; readonly size: PoolAttributes['size'] })
  /** Mean over all positions. */
  | (From & { readonly kind: 'average'; readonly name: string })
  /** Every `stride`-th position, and channels of zeros on both sides: He et al. 2016, section 3.3, option A. */
  | (From & { readonly kind: 'shortcut'; readonly name: string; readonly filters: number; readonly stride: Stride })
  | (From & { readonly kind: 'dense'; readonly name: string; readonly units: number });

export interface Architecture {
  readonly name: string;
  readonly label: string;
  readonly summary: string;
  /**
   * All layers but the last one, which is dense with one unit per class, without ReLU. `tap` names a layer whose output
   * can be looked at: everything after such a layer depends on nothing before it.
   */
  readonly plan: readonly LayerPlan[];
  readonly output: string;
}
