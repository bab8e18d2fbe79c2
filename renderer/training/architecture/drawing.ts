import type { ArchitectureFacts, LayerFacts } from '../../../shared/domain/architecture.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';

/** A stage as a block: what it is called, and how large it is drawn. */
export interface StageBlock {
  readonly name: string;
  readonly output: ImageShape;
  readonly parameters: number;
  /** Layers with weights. */
  readonly depth: number;
  /** Layers of it that maps and attention pairing can use. */
  readonly taps: readonly string[];
  readonly denoised: boolean;
  /** Extents in pixels of the drawing. */
  readonly width: number;
  readonly height: number;
}

const HEIGHT = { least: 14, most: 84 } as const;
const WIDTH = { least: 26, most: 96, each: 7 } as const;

/** The stages from input to output: as high as their resolution (logarithmic), as wide as they are deep. */
export function stageBlocks({ stages, inputShape }: ArchitectureFacts): readonly StageBlock[] {
  const finest = Math.log2(Math.max(2, inputShape[0], inputShape[1]));
  return stages.map(({ name, layers }): StageBlock => {
    const output = layers.at(-1)?.output ?? [1, 1, 1];
    const depth = layers.filter((layer) => isWeighted(layer)).length;
    const share = Math.log2(Math.max(1, output[0], output[1])) / finest;
    return {
      name,
      output,
      depth,
      parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
      taps: layers.flatMap(({ tap }) => (tap === null ? [] : [tap])),
      denoised: layers.some(({ kind }) => kind.startsWith('filter')),
      width: Math.min(WIDTH.most, WIDTH.least + WIDTH.each * depth),
      height: Math.round(HEIGHT.least + (HEIGHT.most - HEIGHT.least) * share),
    };
  });
}

/** Whether it multiplies by weights, as normalisation and sums do not. */
function isWeighted({ operations, kind }: LayerFacts): boolean {
  return operations > 0 && !kind.startsWith('filter');
}

/** `1.2 M` */
export function shortCount(value: number): string {
  const [size, unit] = value >= 1e9 ? [1e9, ' G'] : value >= 1e6 ? [1e6, ' M'] : value >= 1e4 ? [1e3, ' k'] : [1, ''];
  const number = value / size;
  return `${size === 1 || number >= 100 ? Math.round(number) : number.toFixed(1)}${unit}`;
}
