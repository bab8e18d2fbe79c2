import { FunctionWriter, moduleBytes, type Local } from './assembler.ts';

/** What a module over vectors of two inputs does with them. */
export type Elementwise = 'relu gradient' | 'add' | 'add and relu';

/**
 * z from a and b, vectors of four one after another. `relu gradient`: a where b > 0, else 0.
 * Parameters: a, b, z, vectors (≥ 1).
 */
export function elementwiseModule(operation: Elementwise): Uint8Array<ArrayBuffer> {
  const f = new FunctionWriter(4, false);
  const [a, b, z, count] = [0, 1, 2, 3] as const;
  const [none, result] = f.vectors(2) as [Local, Local];
  f.countDown(count, () => {
    f.load(a).load(b);
    if (operation === 'relu gradient') f.get(none).greater().and();
    else f.add();
    if (operation === 'add and relu') f.get(none).maximum();
    f.set(result).store(z, result);
    for (const pointer of [a, b, z]) f.advance(pointer, 16);
  });
  return moduleBytes(4, f.finish());
}

/**
 * Rows of `channels` floats: y = (x − mean) · scale + shift, or its ReLU.
 * Parameters: x, mean, scale, shift, y, rows (≥ 1). Channels are a multiple of 4.
 */
export function normaliseModule(channels: number, relu: boolean, fused: boolean): Uint8Array<ArrayBuffer> {
  const f = new FunctionWriter(6, fused);
  const [x, mean, scale, shift, y, rows] = [0, 1, 2, 3, 4, 5] as const;
  const [none, centred, factor, result] = f.vectors(4) as [Local, Local, Local, Local];
  f.countDown(rows, () => {
    f.repeat(channels / 4, () => {
      f.load(x).load(mean).minus().set(centred).load(scale).set(factor).load(shift).set(result);
      f.multiplyAdd(result, centred, factor);
      if (relu) f.get(result).get(none).maximum().set(result);
      f.store(y, result);
      for (const pointer of [x, mean, scale, shift, y]) f.advance(pointer, 16);
    });
    for (const pointer of [mean, scale, shift]) f.advance(pointer, -channels * 4);
  });
  return moduleBytes(6, f.finish());
}

/**
 * Rows of `channels` floats: dx = (dy + (x − mean) · slope + offset) · scale.
 * Parameters: dy, x, mean, slope, offset, scale, dx, rows (≥ 1). Channels are a multiple of 4.
 */
export function normaliseGradientModule(channels: number, fused: boolean): Uint8Array<ArrayBuffer> {
  const f = new FunctionWriter(8, fused);
  const [dy, x, mean, slope, offset, scale, dx, rows] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
  const [centred, factor, result] = f.vectors(3) as [Local, Local, Local];
  f.countDown(rows, () => {
    f.repeat(channels / 4, () => {
      f.load(x).load(mean).minus().set(centred).load(slope).set(factor);
      f.load(dy).load(offset).add().set(result).multiplyAdd(result, centred, factor);
      f.get(result).load(scale).multiply().set(result).store(dx, result);
      for (const pointer of [dy, x, mean, slope, offset, scale, dx]) f.advance(pointer, 16);
    });
    for (const pointer of [mean, slope, offset, scale]) f.advance(pointer, -channels * 4);
  });
  return moduleBytes(8, f.finish());
}

/**
 * Each row of x to `rows` rows of y, times a factor.
 * Parameters: x, y, images (≥ 1). Channels are a multiple of 4.
 */
export function repeatRowsModule(channels: number, rows: number, factor: number): Uint8Array<ArrayBuffer> {
  const f = new FunctionWriter(3, false);
  const [x, y, images] = [0, 1, 2] as const;
  const value = f.local('v128');
  const to = f.local();
  f.countDown(images, () => {
    f.repeat(channels / 4, () => {
      f.load(x).splat(factor).multiply().set(value).move(to, y);
      f.repeat(rows, () => f.store(to, value).advance(to, channels * 4));
      f.advance(x, 16).advance(y, 16);
    });
    f.advance(y, (rows - 1) * channels * 4);
  });
  return moduleBytes(3, f.finish());
}
