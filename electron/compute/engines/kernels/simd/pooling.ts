import { FunctionWriter, moduleBytes, type Local } from './assembler.ts';
import { extentsOf, writeCopy, type Image, type ImageExtents } from './geometry.ts';
import { pooledExtent } from '../shapes.ts';

/** Any number below every activation; the border around images whose windows reach beyond them. */
export const LOWEST = -3e38;

export interface PoolShape {
  readonly height: number;
  readonly width: number;
  /** A multiple of 4. */
  readonly channels: number;
  readonly size: 2 | 3;
}

/** Elements of one image in its border; 0 where windows stay inside. */
export function poolScratch(shape: PoolShape): number {
  const { extents } = geometryOf(shape);
  return extents.copied ? extents.image : 0;
}

/**
 * Maxima of windows with stride 2. Parameters: x, y, scratch (filled with {@link LOWEST}), images (≥ 1).
 */
export function poolModule(shape: PoolShape): Uint8Array<ArrayBuffer> {
  const { conv, extents, outHeight, outWidth } = geometryOf(shape);
  const { channels, size } = shape;
  const f = new FunctionWriter(4, false);
  const [x, y, scratch, images] = [0, 1, 2, 3] as const;
  const [image, p, line] = [f.local(), f.local(), f.local()];
  const value = f.local('v128');
  f.countDown(images, () => {
    if (extents.copied) {
      writeCopy(f, conv, extents, x, scratch);
      f.move(image, scratch);
    } else {
      f.move(image, x).advance(x, extents.image * 4);
    }
    f.move(line, image);
    f.repeat(outHeight, () => {
      f.move(p, line);
      f.repeat(outWidth, () => {
        f.repeat(channels / 4, () => {
          for (let tap = 0; tap < size * size; tap++) {
            f.load(p, (Math.floor(tap / size) * extents.row + (tap % size) * channels) * 4);
            if (tap > 0) f.maximum();
          }
          f.set(value).store(y, value).advance(p, 16).advance(y, 16);
        });
        f.advance(p, channels * 4);
      });
      f.advance(line, extents.row * 8);
    });
  });
  return moduleBytes(4, f.finish());
}

/**
 * The gradient of the maxima: dy goes to the first maximum of its window, nowhere if `masked` and it is not positive.
 * Windows of 3×3 overlap, and their gradients add up.
 * Parameters: x, y, dy, dx, scratch for x (filled with {@link LOWEST}), scratch for dx, images (≥ 1).
 */
export function poolGradientModule(shape: PoolShape, masked: boolean): Uint8Array<ArrayBuffer> {
  const { conv, extents, outHeight, outWidth } = geometryOf(shape);
  const { height, width, channels, size } = shape;
  const f = new FunctionWriter(7, false);
  const [x, y, dy, dx, scratch, sums, images] = [0, 1, 2, 3, 4, 5, 6] as const;
  const locals = Array.from({ length: 6 }, () => f.local());
  const [image, p, line, to, toLine, at] = locals as [Local, Local, Local, Local, Local, Local];
  const [maximum, gradient, none, here, taken, part] = f.vectors(6) as [Local, Local, Local, Local, Local, Local];
  f.countDown(images, () => {
    if (extents.copied) {
      writeCopy(f, conv, extents, x, scratch);
      f.move(image, scratch).move(toLine, sums);
    } else {
      f.move(image, x)
        .advance(x, extents.image * 4)
        .move(toLine, dx);
    }
    f.move(at, toLine).clear(at, extents.image * 4);
    f.move(line, image);
    f.repeat(outHeight, () => {
      f.move(p, line).move(to, toLine);
      f.repeat(outWidth, () => {
        f.repeat(channels / 4, () => {
          f.load(y).set(maximum).load(dy);
          if (masked) f.get(maximum).get(none).greater().and();
          f.set(gradient);
          for (let tap = 0; tap < size * size; tap++) {
            const offset = (Math.floor(tap / size) * extents.row + (tap % size) * channels) * 4;
            f.load(p, offset).get(maximum).equal().set(here);
            if (tap > 0) f.get(here).get(taken).andNot().set(here);
            f.get(gradient).get(here).and();
            if (size > 2) f.load(to, offset).add();
            f.set(part).store(to, part, offset);
            if (tap === 0) f.get(here).set(taken);
            else f.get(taken).get(here).or().set(taken);
          }
          for (const pointer of [p, to, y, dy]) f.advance(pointer, 16);
        });
        f.advance(p, channels * 4).advance(to, channels * 4);
      });
      f.advance(line, extents.row * 8).advance(toLine, extents.row * 8);
    });
    if (extents.copied) {
      f.move(at, sums, (conv.padding.top * extents.row + conv.padding.left * channels) * 4);
      f.repeat(height, () => {
        f.copy(dx, at, width * channels * 4);
        f.advance(dx, width * channels * 4).advance(at, extents.row * 4);
      });
    } else {
      f.advance(dx, extents.image * 4);
    }
  });
  return moduleBytes(7, f.finish());
}

function geometryOf(shape: PoolShape): {
  readonly conv: Image;
  readonly extents: ImageExtents;
  readonly outHeight: number;
  readonly outWidth: number;
} {
  const { height, width, channels, size } = shape;
  const border = size === 3 ? 1 : 0;
  const conv = { height, width, channels, padding: { top: border, bottom: border, left: border, right: border } };
  const extents = extentsOf(conv, channels);
  return { conv, extents, outHeight: pooledExtent(height, size), outWidth: pooledExtent(width, size) };
}
