import { describe, expect, it } from 'vitest';
import { normaliseMap, normalisedRows, scaleMaximum, scaleTicks } from './map-scale.ts';

const one = {
  clean: [Float32Array.of(0.1, 0.2), Float32Array.of(0.3, 0)],
  adversarial: [Float32Array.of(0.4, 0), Float32Array.of(0.1, 0)],
};
const two = {
  clean: [Float32Array.of(0.9, 0), Float32Array.of(0.5, 0)],
  adversarial: [Float32Array.of(0, 0), Float32Array.of(0.6, 0)],
};

describe('normalised maps', () => {
  it('have norm 1, and zeros stay zeros', () => {
    expect([...normaliseMap(Float32Array.of(3, 4))]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
    expect([...normaliseMap(new Float32Array(2))]).toEqual([0, 0]);
  });

  it('are cut row by row out of an array [rows, height, width]', () => {
    const rows = normalisedRows(Float32Array.of(0, 2, 5, 0), [2, 1, 2]);
    expect(rows.map((row) => [...row])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });
});

describe('the common scale', () => {
  it('spans the gallery, a row over the models, or one pair', () => {
    expect(scaleMaximum([one, two], 'all', 1, 0)).toBeCloseTo(0.9);
    expect(scaleMaximum([one, two], 'row', 1, 0)).toBeCloseTo(0.6);
    expect(scaleMaximum([one, two], 'pair', 1, 0)).toBeCloseTo(0.3);
    expect(scaleMaximum([one, two], 'pair', 0, 0)).toBeCloseTo(0.4);
  });

  it('stays usable where every map is 0', () => {
    const zeros = { clean: [new Float32Array(2)], adversarial: [new Float32Array(2)] };
    expect(scaleMaximum([zeros], 'all', 0, 0)).toBe(1);
  });

  it('prints its ends and middle with enough digits', () => {
    expect(scaleTicks(0.18).map((tick) => tick.text)).toEqual(['0', '0.090', '0.180']);
    expect(scaleTicks(1).map((tick) => tick.text)).toEqual(['0', '0.50', '1.00']);
  });
});
