import { FunctionWriter, moduleBytes, type Local } from './assembler.ts';
import { extentsOf, largestDivisor, partsOf, writeCopy, type ConvKernel, type ConvShape } from './geometry.ts';

/** Outputs that are summed at once, for each vector of output channels: with two vectors, 12 of 16 registers. */
const TILE = 6;
const UNROLL = 8;

/**
 * y = x ∗ filter + bias, and its ReLU if asked: vectors run over the output channels.
 * Parameters: x, packed filter [blocks][kh][kw · channels][block], packed bias [blocks][block], y, scratch, images (≥ 1).
 */
export function convolutionKernel(shape: ConvShape, relu: boolean, fused: boolean): ConvKernel {
  const { outputs, kernelHeight, kernelWidth, stride, outHeight, outWidth } = shape;
  const extents = extentsOf(shape, shape.channels);
  const { channels, row } = extents;
  const block = outputs > 4 ? 8 : 4;
  const run = kernelWidth * channels;
  const unroll = largestDivisor(run, UNROLL);
  const rows = partsOf(outHeight, Math.max(1, Math.floor(TILE / outWidth)));
  const columns = partsOf(outWidth, TILE);

  const f = new FunctionWriter(6, fused);
  const [x, filter, bias, y, scratch, images] = [0, 1, 2, 3, 4, 5] as const;
  const locals = Array.from({ length: 10 }, () => f.local());
  const [image, weights, biases, out, line, outLine, p, q, window, to] = locals as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const sums = f.vectors(TILE * (block / 4));
  const w = f.vectors(block / 4);
  const value = f.local('v128');
  const none = f.local('v128');

  /** Outputs at the given rows and columns from `window` on, for `lanes` of the channels of one block. */
  const writeTile = (tile: readonly (readonly [row: number, column: number])[], lanes: number): void => {
    const vectors = Math.ceil(lanes / 4);
    const sum = (t: number, v: number): Local => sums[t * vectors + v] ?? 0;
    f.move(p, window).move(q, weights);
    for (let v = 0; v < vectors; v++) tile.forEach((_, t) => f.load(biases, v * 16).set(sum(t, v)));
    f.repeat(kernelHeight, () => {
      f.repeat(run / unroll, () => {
        for (let step = 0; step < unroll; step++) {
          for (let v = 0; v < vectors; v++) f.load(q, (step * block + v * 4) * 4).set(w[v] ?? 0);
          tile.forEach(([tileRow, tileColumn], t) => {
            f.loadSplat(p, (tileRow * stride * row + tileColumn * stride * channels + step) * 4).set(value);
            for (let v = 0; v < vectors; v++) f.multiplyAdd(sum(t, v), value, w[v] ?? 0);
          });
        }
        f.advance(p, unroll * 4).advance(q, unroll * block * 4);
      });
      f.advance(p, (row - run) * 4);
    });
    tile.forEach(([tileRow, tileColumn], t) => {
      for (let v = 0; v < vectors; v++) {
        if (relu) f.get(sum(t, v)).get(none).maximum().set(sum(t, v));
        const offset = tileRow * shape.outRow + tileColumn * shape.outColumn + v * 4;
        f.store(to, sum(t, v), offset * 4, Math.min(4, lanes - v * 4));
      }
    });
  };

  const writeBlock = (lanes: number): void => {
    f.move(line, image).move(outLine, out);
    for (const { size: height, count: rowCount } of rows) {
      f.repeat(rowCount, () => {
        f.move(window, line).move(to, outLine);
        for (const { size: width, count } of columns) {
          const tile = Array.from({ length: height * width }, (_, t) => [Math.floor(t / width), t % width] as const);
          f.repeat(count, () => {
            writeTile(tile, lanes);
            f.advance(window, width * stride * channels * 4).advance(to, width * shape.outColumn * 4);
          });
        }
        f.advance(line, height * stride * row * 4).advance(outLine, height * shape.outRow * 4);
      });
    }
  };

  f.countDown(images, () => {
    if (extents.copied) {
      writeCopy(f, shape, extents, x, scratch);
      f.move(image, scratch);
    } else {
      f.move(image, x).advance(x, extents.image * 4);
    }
    f.move(weights, filter).move(biases, bias).move(out, y);
    const whole = Math.floor(outputs / block);
    if (whole > 0) {
      f.repeat(whole, () => {
        writeBlock(block);
        f.advance(weights, kernelHeight * run * block * 4).advance(biases, block * 4);
        f.advance(out, block * 4);
      });
    }
    if (outputs % block > 0) writeBlock(outputs % block);
    f.advance(y, shape.outImage * 4);
  });
  return { module: moduleBytes(6, f.finish()), scratch: extents.copied ? extents.image : 0, block };
}
