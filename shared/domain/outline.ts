/**
 * Outline of a mask as an SVG path in cell units: the edges between cells inside and outside, neighbouring edges
 * on one line joined.
 * @param mask [height × width]; inside where the value is > 0.5.
 */
export function outlinePath(mask: ArrayLike<number>, height: number, width: number): string {
  const inside = (row: number, column: number): boolean =>
    row >= 0 && row < height && column >= 0 && column < width && (mask[row * width + column] ?? 0) > 0.5;
  const horizontal = Array.from({ length: height + 1 }, (_, y) =>
    runs(width, (x) => inside(y - 1, x) !== inside(y, x)).map(([from, to]) => `M${from} ${y}H${to}`),
  );
  const vertical = Array.from({ length: width + 1 }, (_, x) =>
    runs(height, (y) => inside(y, x - 1) !== inside(y, x)).map(([from, to]) => `M${x} ${from}V${to}`),
  );
  return [...horizontal.flat(), ...vertical.flat()].join('');
}

/** The stretches [from, to) of 0…length − 1 on which `holds` is true. */
function runs(length: number, holds: (index: number) => boolean): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  for (let index = 0; index < length; index += 1) {
    if (!holds(index)) continue;
    const last = found.at(-1);
    if (last?.[1] === index) last[1] = index + 1;
    else found.push([index, index + 1]);
  }
  return found;
}
