import type { Stride } from '../../engines/kernels/names.ts';
import type { LayerPlan } from './plan.ts';

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

/** A convolution without bias and the batch normalisation behind it, with ReLU unless said otherwise. */
export function normalised(name: string, norm: string, options: NormalisedOptions): readonly LayerPlan[] {
  const { filters, size, stride = 1, relu = true, from } = options;
  const source = from === undefined ? {} : { from };
  return [
    { kind: 'conv', name, filters, size, pad: 'same', stride, bias: false, relu: false, ...source },
    { kind: 'norm', name: norm, relu },
  ];
}

/**
 * The blocks of all stages, one behind the other: `layer2_0` is the first one of the second stage. The last sum of a
 * stage can be tapped under the stage's name, `layer2`.
 * @param input name of the layer before the first block
 * @param counts blocks of each stage
 */
export function stages(
  input: string,
  counts: readonly number[],
  block: (name: string, input: string, stage: number, first: boolean) => Block,
): readonly LayerPlan[] {
  let from = input;
  return counts.flatMap((count, stage) =>
    Array.from({ length: count }, (_, index): readonly LayerPlan[] => {
      const name = `layer${stage + 1}_${index}`;
      const { layers, sum } = block(name, from, stage, index === 0);
      from = name;
      const tap = index === count - 1 ? { tap: `layer${stage + 1}` } : {};
      return [...layers, { kind: 'add', name, of: sum, ...tap }];
    }).flat(),
  );
}

/** Two 3×3 convolutions, the first one with the stride. */
export function basicBlock(name: string, from: string, filters: number, stride: Stride): readonly LayerPlan[] {
  return [
    ...normalised(`${name}_conv1`, `${name}_bn1`, { filters, size: 3, stride, from }),
    ...normalised(`${name}_conv2`, `${name}_bn2`, { filters, size: 3, relu: false }),
  ];
}
