import { FunctionWriter, moduleBytes, type Local } from './assembler.ts';
import { extentsOf, largestDivisor, writeCopy, type ConvKernel, type ConvShape } from './geometry.ts';

const TILE = 4;

/**
 * y = x ∗ filter for one to three output channels, such as the gradient of images: vectors run over the input channels
 * (padded to a multiple of 4).
 * Parameters: x, filter [kh][kw · channels / 4][outputs][4 of the channels], unused, y, scratch, images (≥ 1).
 * @returns null where the row is too short.
 */
export function narrowKernel(shape: ConvShape, fused: boolean): ConvKernel | null {
  const { outputs, kernelHeight, stride, outHeight, outWidth, outColumn } = shape;
  const extents = extentsOf(shape, Math.ceil(shape.channels / 4) * 4);
  const { channels, row } = extents;
  if (outputs > 3 || outWidth < TILE) return null;
  const run = (shape.kernelWidth * channels) / 4;
  const unroll = largestDivisor(run, 5);

  const f = new FunctionWriter(6, fused);
  const [x, filter, , y, scratch, images] = [0, 1, 2, 3, 4, 5] as const;
  const locals = Array.from({ length: 8 }, () => f.local());
  const [image, line, start, first, p, q, to, outLine] = locals as [
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const sums = f.vectors(TILE * outputs);
  const values = f.vectors(TILE);
  const w = f.local('v128');
  const [low, high] = f.vectors(2) as [Local, Local];
  f.countDown(images, () => {
    if (extents.copied) {
      writeCopy(f, shape, extents, x, scratch);
      f.move(image, scratch);
    } else {
      f.move(image, x).advance(x, extents.image * 4);
    }
    f.move(line, image).move(outLine, y);
    f.repeat(outHeight, () => {
      f.range(start, Math.ceil(outWidth / TILE) * TILE, TILE, () => {
        // The last tile is moved back to end with the row; it computes some outputs a second time.
        f.atMost(first, start, outWidth - TILE);
        f.address(p, line, first, stride * channels * 4).move(q, filter);
        for (const sum of sums) f.zero().set(sum);
        f.repeat(kernelHeight, () => {
          f.repeat(run / unroll, () => {
            for (let step = 0; step < unroll; step++) {
              values.forEach((value, t) => f.load(p, (t * stride * channels + step * 4) * 4).set(value));
              for (let output = 0; output < outputs; output++) {
                f.load(q, (step * outputs + output) * 16).set(w);
                values.forEach((value, t) => f.multiplyAdd(sums[output * TILE + t] ?? 0, value, w));
              }
            }
            f.advance(p, unroll * 16).advance(q, unroll * outputs * 16);
          });
          f.advance(p, (row - run * 4) * 4);
        });
        f.address(to, outLine, first, outColumn * 4);
        for (let output = 0; output < outputs; output++) {
          const [a, b, c, d] = sums.slice(output * TILE) as [Local, Local, Local, Local];
          // The sums over the lanes of four vectors, as one vector.
          f.shuffle(a, b, [0, 4, 1, 5]).shuffle(a, b, [2, 6, 3, 7]).add().set(low);
          f.shuffle(c, d, [0, 4, 1, 5]).shuffle(c, d, [2, 6, 3, 7]).add().set(high);
          f.shuffle(low, high, [0, 1, 4, 5]).shuffle(low, high, [2, 3, 6, 7]).add().set(a);
          if (outColumn === 1) f.store(to, a);
          else for (let t = 0; t < TILE; t++) f.storeLane(to, a, t, (t * outColumn + output) * 4);
        }
      });
      f.advance(line, stride * row * 4).advance(outLine, shape.outRow * 4);
    });
    f.advance(y, shape.outImage * 4);
  });
  return { module: moduleBytes(6, f.finish()), scratch: extents.copied ? extents.image : 0, block: 4 };
}
