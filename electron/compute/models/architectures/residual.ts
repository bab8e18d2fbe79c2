import type { Stride } from '../../engines/kernels/names.ts';
import type { LayerPlan, StagePlan } from './plan.ts';

/** The layers of a residual block, and which two of them, or of those before, it sums. */
export interface Block {
  readonly layers: readonly LayerPlan[];
  readonly sum: readonly [string, string];
}

interface NormalisedOptions {
  readonly filters: number;
  readonly size: number;
  readonly stride?: Stride;
  readonly relu?: boolean;
  readonly from?: string;
}

/** A convolution without bias, padding `same`. */
export function convolution(
  name: string,
  options: Omit<NormalisedOptions, 'relu'> & { readonly tap?: string },
): LayerPlan {
  const { stride = 1, ...rest } = options;
  return { kind: 'conv', name, pad: 'same', stride, bias: false, relu: false, ...rest };
}

/** A convolution without bias and the batch normalisation behind it, with ReLU unless said otherwise. */
export function normalised(name: string, norm: string, options: NormalisedOptions): readonly LayerPlan[] {
  const { relu = true, ...rest } = options;
  return [convolution(name, rest), { kind: 'norm', name: norm, relu }];
}

/**
 * The blocks of all stages, one behind the other: `layer2_0` is the first one of the stage `layer2`. The last sum of a
 * stage can be tapped under the stage's name.
 * @param input name of the layer before the first block
 * @param counts blocks of each stage
 * @param relu whether the sums go through a ReLU
 */
export function stages(
  input: string,
  counts: readonly number[],
  relu: boolean,
  block: (name: string, input: string, stage: number, first: boolean) => Block,
): readonly StagePlan[] {
  let from = input;
  return counts.map((count, at): StagePlan => {
    const stage = `layer${at + 1}`;
    const layers = Array.from({ length: count }, (_, index): readonly LayerPlan[] => {
      const name = `${stage}_${index}`;
      const { layers: own, sum } = block(name, from, at, index === 0);
      from = name;
      const tap = index === count - 1 ? { tap: stage } : {};
      return [...own, { kind: 'add', name, of: sum, relu, ...tap }];
    });
    return { name: stage, layers: layers.flat() };
  });
}

/** Two 3×3 convolutions, the first one with the stride. */
export function basicBlock(name: string, from: string, filters: number, stride: Stride): readonly LayerPlan[] {
  return [
    ...normalised(`${name}_conv1`, `${name}_bn1`, { filters, size: 3, stride, from }),
    ...normalised(`${name}_conv2`, `${name}_bn2`, { filters, size: 3, relu: false }),
  ];
}
