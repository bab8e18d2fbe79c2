import { FunctionWriter, moduleBytes, type Local } from './assembler.ts';
import { extentsOf, partsOf, writeCopy, type ConvShape } from './geometry.ts';

const TILE = 6;
/** Elements of images and gradients that are gone through at once: what a first-level cache holds. */
const GROUP_ELEMENTS = 8_192;
/** But at least so many positions: sums are loaded and stored once for each group. */
const GROUP_POSITIONS = 256;

export interface FilterGradientKernel {
  readonly module: Uint8Array<ArrayBuffer>;
  /** Elements of zeroed memory for padded copies of images. */
  readonly scratch: number;
}

/**
 * The gradient of the filter, added to what is there: dw[kh, kw, channel, output] += Σ x · dy.
 * Parameters: x, dy, dw, scratch, images (≥ 1). Behind dy and dw there must be 12 bytes that may be read.
 */
export function filterGradientKernel(shape: ConvShape, fused: boolean): FilterGradientKernel {
  const { outputs, kernelHeight, stride, outHeight, outWidth } = shape;
  const extents = extentsOf(shape, shape.channels);
  const { channels, row } = extents;
  const run = shape.kernelWidth * channels;
  const block = outputs > 4 ? 8 : 4;
  const group = Math.max(
    Math.ceil(GROUP_POSITIONS / (outHeight * outWidth)),
    Math.floor(GROUP_ELEMENTS / (extents.image + shape.outImage)),
  );

  const f = new FunctionWriter(5, fused);
  const [x, dy, dw, scratch, images] = [0, 1, 2, 3, 4] as const;
  const locals = Array.from({ length: 12 }, () => f.local());
  const [image, base, gradient, line, to, p, q, window, column, count, left, pImage] = locals as [
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
    Local,
    Local,
  ];
  const sums = f.vectors(TILE * (block / 4));
  const d = f.vectors(block / 4);
  const value = f.local('v128');

  const writeTile = (tile: number, lanes: number): void => {
    const vectors = Math.ceil(lanes / 4);
    const each = (visit: (sum: Local, t: number, v: number) => void): void => {
      for (let t = 0; t < tile; t++) for (let v = 0; v < vectors; v++) visit(sums[t * vectors + v] ?? 0, t, v);
    };
    each((sum, t, v) => f.load(to, (t * outputs + v * 4) * 4).set(sum));
    f.move(pImage, window).move(q, gradient).move(left, count);
    f.countDown(left, () => {
      f.move(p, pImage);
      f.repeat(outHeight, () => {
        f.repeat(outWidth, () => {
          for (let v = 0; v < vectors; v++) f.load(q, v * 16).set(d[v] ?? 0);
          for (let t = 0; t < tile; t++) {
            f.loadSplat(p, t * 4).set(value);
            for (let v = 0; v < vectors; v++) f.multiplyAdd(sums[t * vectors + v] ?? 0, value, d[v] ?? 0);
          }
          f.advance(p, stride * channels * 4).advance(q, outputs * 4);
        });
        f.advance(p, (stride * row - outWidth * stride * channels) * 4);
      });
      f.advance(pImage, extents.image * 4);
    });
    each((sum, t, v) => f.store(to, sum, (t * outputs + v * 4) * 4, Math.min(4, lanes - v * 4)));
  };

  const writeBlock = (lanes: number): void => {
    f.move(line, base).move(to, column);
    f.repeat(kernelHeight, () => {
      f.move(window, line);
      for (const { size, count: times } of partsOf(run, TILE)) {
        f.repeat(times, () => {
          writeTile(size, lanes);
          f.advance(to, size * outputs * 4).advance(window, size * 4);
        });
      }
      f.advance(line, row * 4);
    });
  };

  f.whileNotZero(images, () => {
    f.atMost(count, images, group);
    f.move(base, extents.copied ? scratch : x);
    if (extents.copied) {
      f.move(image, scratch).move(left, count);
      f.countDown(left, () => {
        writeCopy(f, shape, extents, x, image);
        f.advance(image, extents.image * 4);
      });
    } else {
      f.address(x, x, count, extents.image * 4);
    }
    f.move(gradient, dy).move(column, dw);
    const whole = Math.floor(outputs / block);
    if (whole > 0) {
      f.repeat(whole, () => {
        writeBlock(block);
        f.advance(gradient, block * 4).advance(column, block * 4);
      });
    }
    if (outputs % block > 0) writeBlock(outputs % block);
    f.address(dy, dy, count, shape.outImage * 4).subtract(images, count);
  });
  return { module: moduleBytes(5, f.finish()), scratch: extents.copied ? group * extents.image : 0 };
}
