import type { ConvPadding } from './shapes.ts';

/**
 * A convolution with few output channels as one of stride b with b² times as many, each holding one pixel of a b × b
 * block of the output: libraries compute many channels at once, and waste most of their width on one or three. The
 * larger filter costs ((k + b − 1) / k)² times the multiplications and is still several times faster.
 */
export interface BlockedConvolution {
  /** [kh + b − 1, kw + b − 1, in, b · b · out]. */
  readonly filterShape: readonly [number, number, number, number];
  /** For each element of the large filter, where in the small one (flattened) it comes from; its length where it is 0. */
  readonly sources: Int32Array;
  /** Blocks of the output [rows, columns]; the last ones may reach beyond it. */
  readonly blocks: readonly [number, number];
  readonly padding: ConvPadding;
}

/**
 * @param filter shape [kh, kw, in, out] of the convolution to replace
 * @param input [height, width] of its input, and `padding` around it; stride 1
 */
export function blockConvolution(
  filter: readonly [number, number, number, number],
  input: readonly [number, number],
  padding: ConvPadding,
  block: number,
): BlockedConvolution {
  const [kernelHeight, kernelWidth, inputs, outputs] = filter;
  const height = input[0] + padding.top + padding.bottom - kernelHeight + 1;
  const width = input[1] + padding.left + padding.right - kernelWidth + 1;
  const blocks = [Math.ceil(height / block), Math.ceil(width / block)] as const;
  const largeHeight = kernelHeight + block - 1;
  const largeWidth = kernelWidth + block - 1;
  const none = kernelHeight * kernelWidth * inputs * outputs;
  const sources = new Int32Array(largeHeight * largeWidth * inputs * block * block * outputs).fill(none);
  for (let row = 0; row < kernelHeight; row++) {
    for (let column = 0; column < kernelWidth; column++) {
      for (let pixel = 0; pixel < block * block; pixel++) {
        const largeRow = row + Math.floor(pixel / block);
        const largeColumn = column + (pixel % block);
        for (let channel = 0; channel < inputs * outputs; channel++) {
          const [input, output] = [Math.floor(channel / outputs), channel % outputs];
          const position = (largeRow * largeWidth + largeColumn) * inputs + input;
          sources[(position * block * block + pixel) * outputs + output] =
            ((row * kernelWidth + column) * inputs + input) * outputs + output;
        }
      }
    }
  }
  return {
    filterShape: [largeHeight, largeWidth, inputs, block * block * outputs],
    sources,
    blocks,
    padding: {
      top: padding.top,
      left: padding.left,
      bottom: (blocks[0] - 1) * block + largeHeight - input[0] - padding.top,
      right: (blocks[1] - 1) * block + largeWidth - input[1] - padding.left,
    },
  };
}
