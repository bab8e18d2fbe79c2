import { FunctionWriter, moduleBytes } from './assembler.ts';

/**
 * dx = dy where y > 0, else 0, for vectors of four.
 * Parameters: dy, y, dx, vectors (≥ 1).
 */
export function reluGradientModule(): Uint8Array<ArrayBuffer> {
  const f = new FunctionWriter(4, false);
  const [dy, y, dx, count] = [0, 1, 2, 3] as const;
  const [none, result] = f.vectors(2) as [number, number];
  f.countDown(count, () => {
    f.load(dy).load(y).get(none).greater().and().set(result).store(dx, result);
    for (const pointer of [dy, y, dx]) f.advance(pointer, 16);
  });
  return moduleBytes(4, f.finish());
}

/**
 * The gradient of 2×2 max-pooling of images [height, width, channels], both even, channels a multiple of 4: dy goes to
 * the first maximum of each window; nowhere if `masked` and the maximum is not positive.
 * Parameters: x, y, dy, dx, images (≥ 1).
 */
export function poolGradientModule(
  height: number,
  width: number,
  channels: number,
  masked: boolean,
): Uint8Array<ArrayBuffer> {
  const f = new FunctionWriter(5, false);
  const [x, y, dy, dx, images] = [0, 1, 2, 3, 4] as const;
  const [maximum, gradient, none, first, second, third, taken, part] = f.vectors(8) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [pixel, below] = [channels * 4, width * channels * 4];
  const give = (mask: () => void, offset: number): void => {
    f.get(gradient);
    mask();
    f.set(part).store(dx, part, offset);
  };
  f.countDown(images, () => {
    f.repeat(height / 2, () => {
      f.repeat(width / 2, () => {
        f.repeat(channels / 4, () => {
          f.load(y).set(maximum).load(dy);
          if (masked) f.get(maximum).get(none).greater().and();
          f.set(gradient);
          f.load(x).get(maximum).equal().set(first);
          f.load(x, pixel).get(maximum).equal().set(second);
          f.load(x, below).get(maximum).equal().set(third);
          give(() => f.get(first).and(), 0);
          give(() => f.get(second).get(first).andNot().and(), pixel);
          f.get(first).get(second).or().set(taken);
          give(() => f.get(third).get(taken).andNot().and(), below);
          give(() => f.get(taken).get(third).or().andNot(), below + pixel);
          for (const pointer of [x, y, dy, dx]) f.advance(pointer, 16);
        });
        f.advance(x, pixel).advance(dx, pixel);
      });
      f.advance(x, below).advance(dx, below);
    });
  });
  return moduleBytes(5, f.finish());
}
