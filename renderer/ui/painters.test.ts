import { describe, expect, it } from 'vitest';
import { paintImage, paintMap, paintSigned, paletteIndex, valueRange } from './painters.ts';

const canvas = (pixels: number): Uint8ClampedArray => new Uint8ClampedArray(4 * pixels);

describe('paintImage', () => {
  it('draws one channel as grey and opaque', () => {
    const target = canvas(2);
    paintImage(Uint8Array.of(0, 200), 1, target);
    expect([...target]).toEqual([0, 0, 0, 255, 200, 200, 200, 255]);
  });

  it('draws floats of [0, 1] as RGB, and clips what lies outside', () => {
    const target = canvas(2);
    paintImage(Float32Array.of(1, 0.5, 0, 2, -1, 0.25), 3, target);
    expect([...target]).toEqual([255, 128, 0, 255, 255, 0, 64, 255]);
  });
});

describe('maps', () => {
  it('places values on the scale and clips outside it', () => {
    expect(paletteIndex(0, [0, 1])).toBe(0);
    expect(paletteIndex(1, [0, 1])).toBe(255);
    expect(paletteIndex(0.5, [0, 1])).toBe(128);
    expect(paletteIndex(-3, [0, 1])).toBe(0);
    expect(paletteIndex(9, [0, 1])).toBe(255);
    expect(paletteIndex(Number.NaN, [0, 1])).toBe(0);
    expect(paletteIndex(0, [0, 0])).toBe(0);
  });

  it('uses viridis from dark violet to yellow', () => {
    const target = canvas(2);
    paintMap([0, 1], [0, 1], target);
    expect([...target]).toEqual([68, 1, 84, 255, 253, 231, 37, 255]);
  });

  it('gives the same colour to the same value whatever else is in the map', () => {
    const alone = canvas(1);
    const together = canvas(2);
    paintMap([0.3], [0, 1], alone);
    paintMap([0.3, 0.9], [0, 1], together);
    expect([...together.subarray(0, 4)]).toEqual([...alone]);
  });

  it('centres differences on 0: grey in colour images, near white in grey ones', () => {
    const colour = canvas(1);
    paintSigned([0, 0.1, -0.1], 3, 0.1, colour);
    expect([...colour]).toEqual([128, 255, 0, 255]);
    const grey = canvas(3);
    paintSigned([-0.1, 0, 0.1], 1, 0.1, grey);
    const [blue, , , , middle] = grey;
    expect(blue).toBeLessThan(80);
    expect(middle).toBeGreaterThan(235);
    expect((grey[8] ?? 0) - (grey[10] ?? 0)).toBeGreaterThan(40);
  });
});

it('finds the common range of several maps and ignores what is not finite', () => {
  expect(valueRange([[1, Number.NaN], Float32Array.of(-2, Infinity)])).toEqual([-2, 1]);
  expect(valueRange([[]])).toEqual([0, 1]);
});
