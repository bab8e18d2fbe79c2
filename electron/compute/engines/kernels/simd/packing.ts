/** Which taps of a filter [kh, kw, in, out] a kernel uses, and how they are laid out for it. */
export interface FilterPacking {
  readonly filterShape: readonly [number, number, number, number];
  /** Rows and columns of the filter, in the order in which the kernel goes through them. */
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** Inputs and outputs change places, for the gradient of the input. */
  readonly exchanged: boolean;
  /** `blocks`: [blocks][taps · inputs][block of outputs]; `narrow`: [taps][inputs / 4][outputs][4 of the inputs]. */
  readonly layout: 'blocks' | 'narrow';
  readonly block: number;
}

/** Elements of the packed filter. */
export function packedSize(packing: FilterPacking): number {
  const { inputs, outputs, taps } = extents(packing);
  if (packing.layout === 'narrow') return taps * Math.ceil(inputs / 4) * 4 * outputs;
  return taps * inputs * Math.ceil(outputs / packing.block) * packing.block;
}

/** Writes the packed filter, 0 where channels are added, to memory of {@link packedSize} elements. */
export function packFilter(packing: FilterPacking, filter: Float32Array, packed: Float32Array): void {
  const { filterShape, rows, columns, exchanged, layout, block } = packing;
  const [, width, first, second] = filterShape;
  const { inputs, outputs, taps } = extents(packing);
  const [inputStep, outputStep] = exchanged ? [1, second] : [second, 1];
  if (layout === 'narrow' ? inputs % 4 > 0 : outputs % block > 0) packed.fill(0);
  let tap = 0;
  for (const row of rows) {
    for (const column of columns) {
      const source = (row * width + column) * first * second;
      if (layout === 'narrow') {
        const start = tap * Math.ceil(inputs / 4) * outputs * 4;
        for (let input = 0; input < inputs; input++) {
          const target = start + (input >> 2) * outputs * 4 + (input & 3);
          for (let output = 0; output < outputs; output++) {
            packed[target + output * 4] = filter[source + input * inputStep + output * outputStep] ?? 0;
          }
        }
      } else {
        for (let begin = 0; begin < outputs; begin += block) {
          const lanes = Math.min(block, outputs - begin);
          let target = (begin * taps + tap * block) * inputs;
          for (let input = 0; input < inputs; input++, target += block) {
            let from = source + input * inputStep + begin * outputStep;
            for (let lane = 0; lane < lanes; lane++, from += outputStep) packed[target + lane] = filter[from] ?? 0;
          }
        }
      }
      tap += 1;
    }
  }
}

function extents({ filterShape, rows, columns, exchanged }: FilterPacking): {
  readonly inputs: number;
  readonly outputs: number;
  readonly taps: number;
} {
  const [, , first, second] = filterShape;
  return {
    inputs: exchanged ? second : first,
    outputs: exchanged ? first : second,
    taps: rows.length * columns.length,
  };
}
