/** How a filter [kh, kw, in, out] is laid out for a kernel. */
export interface FilterPacking {
  readonly filterShape: readonly [number, number, number, number];
  /** Turned by 180° with inputs and outputs exchanged, for the gradient of the input. */
  readonly flipped: boolean;
  /** `blocks`: [blocks][kh · kw · inputs][block of outputs]; `narrow`: [kh · kw][inputs / 4][outputs][4 of the inputs]. */
  readonly layout: 'blocks' | 'narrow';
  readonly block: number;
}

/** Elements of the packed filter. */
export function packedSize({ filterShape, flipped, layout, block }: FilterPacking): number {
  const [height, width, first, second] = filterShape;
  const [inputs, outputs] = flipped ? [second, first] : [first, second];
  if (layout === 'narrow') return height * width * Math.ceil(inputs / 4) * 4 * outputs;
  return height * width * inputs * Math.ceil(outputs / block) * block;
}

/** @param filter the values of the unpacked filter. @returns the packed ones, 0 where channels are added. */
export function packFilter(packing: FilterPacking, filter: Float32Array): Float32Array {
  const { filterShape, flipped, layout, block } = packing;
  const [height, width, first, second] = filterShape;
  const [inputs, outputs] = flipped ? [second, first] : [first, second];
  const positions = height * width;
  const paddedInputs = layout === 'narrow' ? Math.ceil(inputs / 4) * 4 : inputs;
  const packed = new Float32Array(packedSize(packing));
  for (let position = 0; position < positions; position++) {
    const source = (flipped ? positions - 1 - position : position) * first * second;
    for (let input = 0; input < inputs; input++) {
      for (let output = 0; output < outputs; output++) {
        const value = filter[source + (flipped ? output * second + input : input * second + output)] ?? 0;
        const target =
          layout === 'narrow'
            ? ((position * (paddedInputs >> 2) + (input >> 2)) * outputs + output) * 4 + (input & 3)
            : (Math.floor(output / block) * positions * inputs + position * inputs + input) * block + (output % block);
        packed[target] = value;
      }
    }
  }
  return packed;
}

/** From [blocks][kh · kw · inputs][block of outputs], outputs a multiple of the block, to [kh, kw, inputs, outputs]. */
export function unpackFilter(
  filterShape: readonly [number, number, number, number],
  block: number,
  packed: Float32Array,
  filter: Float32Array,
): void {
  const outputs = filterShape[3];
  const rows = filterShape[0] * filterShape[1] * filterShape[2];
  for (let index = 0; index < packed.length; index++) {
    const row = Math.floor(index / block) % rows;
    const first = Math.floor(index / (block * rows)) * block;
    filter[row * outputs + first + (index % block)] = packed[index] ?? 0;
  }
}
