import type { ConvPadding } from '../shapes.ts';
import { FunctionWriter, moduleBytes } from './assembler.ts';

/** A convolution of stride 1 on one image: x [height, width, channels] with zeros around it, ∗ filter [kh, kw, channels, outputs]. */
export interface ConvShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly outputs: number;
  readonly padding: ConvPadding;
}

/** Extents that the kernels of a shape share. All sizes in elements. */
interface Extents {
  readonly outHeight: number;
  readonly outWidth: number;
  /** Channels of the padded copy of the image. */
  readonly channels: number;
  /** Elements of one row of the padded copy. */
  readonly row: number;
  /** Elements of the padded copy. */
  readonly scratch: number;
  readonly copied: boolean;
}

export interface ConvKernel {
  readonly module: Uint8Array<ArrayBuffer>;
  /** Elements of zeroed memory that it needs for the padded copy of an image; 0 if it needs none. */
  readonly scratch: number;
  /** Output channels that one block of packed weights holds. */
  readonly block: number;
}

/** Registers: outputs along the row × vectors of channels that are summed at once. */
const TILE = 6;

/**
 * y = x ∗ filter + bias, and its ReLU if asked: vectors run over the output channels.
 * Parameters: x, packed filter [blocks][kh][kw · channels][block], packed bias [blocks][block], y, scratch, images (≥ 1).
 * @returns null where the number of outputs does not fit vectors.
 */
export function convolutionKernel(shape: ConvShape, relu: boolean, fused: boolean): ConvKernel | null {
  const { outputs, kernelHeight } = shape;
  const vectors = outputs % 8 === 0 ? 2 : outputs % 4 === 0 ? 1 : outputs > 4 && outputs < 8 ? 2 : 0;
  if (vectors === 0) return null;
  const extents = extentsOf(shape, shape.channels);
  const { outHeight, outWidth, channels, row } = extents;
  const block = vectors * 4;
  const tile = Math.min(TILE, outWidth);
  const run = shape.kernelWidth * channels;
  const unroll = largestDivisor(run, 8);

  const f = new FunctionWriter(6, fused);
  const [x, filter, bias, y, scratch, images] = [0, 1, 2, 3, 4, 5] as const;
  const [image, weights, biases, out, line, outLine, start, first, p, q, to] = Array.from({ length: 11 }, () =>
    f.local(),
  ) as [number, number, number, number, number, number, number, number, number, number, number];
  const sums = f.vectors(tile * vectors);
  const w = f.vectors(vectors);
  const value = f.local('v128');
  const none = f.local('v128');
  f.countDown(images, () => {
    writeCopy(f, shape, extents, x, scratch, image);
    f.move(weights, filter).move(biases, bias).move(out, y);
    f.repeat(Math.ceil(outputs / block), () => {
      f.move(line, image).move(outLine, out);
      f.repeat(outHeight, () => {
        f.range(start, Math.ceil(outWidth / tile) * tile, tile, () => {
          // The last tile is moved back to end with the row; it computes some outputs a second time.
          f.atMost(first, start, outWidth - tile);
          f.address(p, line, first, channels * 4).move(q, weights);
          sums.forEach((sum, index) => f.load(biases, (index % vectors) * 16).set(sum));
          f.repeat(kernelHeight, () => {
            f.repeat(run / unroll, () => {
              for (let step = 0; step < unroll; step++) {
                w.forEach((vector, v) => f.load(q, (step * vectors + v) * 16).set(vector));
                for (let t = 0; t < tile; t++) {
                  f.loadSplat(p, (t * channels + step) * 4).set(value);
                  w.forEach((vector, v) => f.multiplyAdd(sums[t * vectors + v] ?? 0, value, vector));
                }
              }
              f.advance(p, unroll * 4).advance(q, unroll * block * 4);
            });
            f.advance(p, (row - run) * 4);
          });
          f.address(to, outLine, first, outputs * 4);
          sums.forEach((sum, index) => {
            if (relu) f.get(sum).get(none).maximum().set(sum);
            const [t, v] = [Math.floor(index / vectors), index % vectors];
            f.store(to, sum, (t * outputs + v * 4) * 4, Math.min(4, outputs - v * 4));
          });
        });
        f.advance(line, row * 4).advance(outLine, outWidth * outputs * 4);
      });
      f.advance(weights, kernelHeight * run * block * 4)
        .advance(biases, block * 4)
        .advance(out, block * 4);
    });
    f.advance(y, outHeight * outWidth * outputs * 4);
  });
  return { module: moduleBytes(6, f.finish()), scratch: extents.copied ? extents.scratch : 0, block };
}

/**
 * y = x ∗ filter for one to three output channels: vectors run over the input channels (padded to a multiple of 4).
 * Parameters: x, filter [kh][kw · channels][outputs][4 of the channels], unused, y, scratch, images (≥ 1).
 * @returns null where the row is too short.
 */
export function narrowKernel(shape: ConvShape, fused: boolean): ConvKernel | null {
  const { outputs, kernelHeight } = shape;
  const extents = extentsOf(shape, Math.ceil(shape.channels / 4) * 4);
  const { outHeight, outWidth, channels, row } = extents;
  const tile = 4;
  if (outputs > 3 || outWidth < tile) return null;
  const run = (shape.kernelWidth * channels) / 4;
  const unroll = largestDivisor(run, 5);

  const f = new FunctionWriter(6, fused);
  const [x, filter, , y, scratch, images] = [0, 1, 2, 3, 4, 5] as const;
  const [image, line, start, first, p, q, to] = Array.from({ length: 7 }, () => f.local()) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const sums = f.vectors(tile * outputs);
  const values = f.vectors(tile);
  const w = f.local('v128');
  const [low, high] = f.vectors(2) as [number, number];
  f.countDown(images, () => {
    writeCopy(f, shape, extents, x, scratch, image);
    f.move(line, image);
    f.repeat(outHeight, () => {
      f.range(start, Math.ceil(outWidth / tile) * tile, tile, () => {
        f.atMost(first, start, outWidth - tile);
        f.address(p, line, first, channels * 4).move(q, filter);
        for (const sum of sums) f.zero().set(sum);
        f.repeat(kernelHeight, () => {
          f.repeat(run / unroll, () => {
            for (let step = 0; step < unroll; step++) {
              values.forEach((value, t) => f.load(p, (t * channels + step * 4) * 4).set(value));
              for (let output = 0; output < outputs; output++) {
                f.load(q, (step * outputs + output) * 16).set(w);
                values.forEach((value, t) => f.multiplyAdd(sums[output * tile + t] ?? 0, value, w));
              }
            }
            f.advance(p, unroll * 16).advance(q, unroll * outputs * 16);
          });
          f.advance(p, (row - run * 4) * 4);
        });
        f.address(to, y, first, outputs * 4);
        for (let output = 0; output < outputs; output++) {
          const [a, b, c, d] = sums.slice(output * tile) as [number, number, number, number];
          // The sums over the lanes of four vectors, as one vector.
          f.shuffle(a, b, [0, 4, 1, 5]).shuffle(a, b, [2, 6, 3, 7]).add().set(low);
          f.shuffle(c, d, [0, 4, 1, 5]).shuffle(c, d, [2, 6, 3, 7]).add().set(high);
          f.shuffle(low, high, [0, 1, 4, 5]).shuffle(low, high, [2, 3, 6, 7]).add().set(a);
          if (outputs === 1) f.store(to, a);
          else for (let t = 0; t < tile; t++) f.storeLane(to, a, t, (t * outputs + output) * 4);
        }
      });
      f.advance(line, row * 4).advance(y, outWidth * outputs * 4);
    });
  });
  return { module: moduleBytes(6, f.finish()), scratch: extents.copied ? extents.scratch : 0, block: 4 };
}

/**
 * The gradient of the filter, added to what is there: dw[kh, kw, channel, output] += Σ x · dy.
 * Parameters: x, dy, unused, packed dw [blocks][kh][kw · channels][block], scratch, images (≥ 1).
 * @returns null where the number of outputs does not fit vectors.
 */
export function filterGradientKernel(shape: ConvShape, fused: boolean): ConvKernel | null {
  const { outputs, kernelHeight } = shape;
  if (outputs % 4 !== 0) return null;
  const vectors = outputs % 8 === 0 ? 2 : 1;
  const block = vectors * 4;
  const extents = extentsOf(shape, shape.channels);
  const { outHeight, outWidth, channels, row } = extents;
  const run = shape.kernelWidth * channels;
  const tile = largestDivisor(run, TILE);

  const f = new FunctionWriter(6, fused);
  const [x, dy, , dw, scratch, images] = [0, 1, 2, 3, 4, 5] as const;
  const [image, gradient, line, to, p, q, window] = Array.from({ length: 7 }, () => f.local()) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const sums = f.vectors(tile * vectors);
  const d = f.vectors(vectors);
  const value = f.local('v128');
  f.countDown(images, () => {
    writeCopy(f, shape, extents, x, scratch, image);
    f.move(gradient, dy).move(to, dw);
    f.repeat(outputs / block, () => {
      f.move(line, image);
      f.repeat(kernelHeight, () => {
        f.move(window, line);
        f.repeat(run / tile, () => {
          sums.forEach((sum, index) => f.load(to, index * 16).set(sum));
          f.move(p, window).move(q, gradient);
          f.repeat(outHeight, () => {
            f.repeat(outWidth, () => {
              d.forEach((vector, v) => f.load(q, v * 16).set(vector));
              for (let t = 0; t < tile; t++) {
                f.loadSplat(p, t * 4).set(value);
                d.forEach((vector, v) => f.multiplyAdd(sums[t * vectors + v] ?? 0, value, vector));
              }
              f.advance(p, channels * 4).advance(q, outputs * 4);
            });
            f.advance(p, (row - outWidth * channels) * 4);
          });
          sums.forEach((sum, index) => f.store(to, sum, index * 16));
          f.advance(to, tile * block * 4).advance(window, tile * 4);
        });
        f.advance(line, row * 4);
      });
      f.advance(gradient, block * 4);
    });
    f.advance(dy, outHeight * outWidth * outputs * 4);
  });
  return { module: moduleBytes(6, f.finish()), scratch: extents.copied ? extents.scratch : 0, block };
}

function extentsOf(
  { height, width, channels, kernelHeight, kernelWidth, padding }: ConvShape,
  padded: number,
): Extents {
  const { top, bottom, left, right } = padding;
  const row = (width + left + right) * padded;
  return {
    outHeight: height + top + bottom - kernelHeight + 1,
    outWidth: width + left + right - kernelWidth + 1,
    channels: padded,
    row,
    scratch: (height + top + bottom) * row,
    copied: top + bottom + left + right > 0 || padded !== channels,
  };
}

/** Copies the next image into the scratch memory, inside its border of zeros, and moves x on. */
function writeCopy(
  f: FunctionWriter,
  shape: ConvShape,
  extents: Extents,
  x: number,
  scratch: number,
  image: number,
): void {
  const { height, width, channels, padding } = shape;
  if (!extents.copied) {
    f.move(image, x).advance(x, height * width * channels * 4);
    return;
  }
  const to = f.local();
  f.move(to, scratch, (padding.top * extents.row + padding.left * extents.channels) * 4);
  const whole = extents.channels === channels;
  f.repeat(height, () => {
    f.repeat(whole ? 1 : width, () => {
      f.copy(to, x, (whole ? width : 1) * channels * 4);
      f.advance(x, (whole ? width : 1) * channels * 4).advance(to, (whole ? width : 1) * extents.channels * 4);
    });
    f.advance(to, extents.row * 4 - width * extents.channels * 4);
  });
  f.move(image, scratch);
}

function largestDivisor(value: number, atMost: number): number {
  for (let divisor = Math.min(value, atMost); divisor > 1; divisor--) if (value % divisor === 0) return divisor;
  return 1;
}
