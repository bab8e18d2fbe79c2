import { describe, expect, it } from 'vitest';
import { stream } from './stream.ts';

describe('random streams', () => {
  it('gives the same numbers for the same keys, and others for other keys', () => {
    const first = Array.from({ length: 8 }, (_, index) => stream(1, 'start', 7, 2).bits() + index);
    const draw = (seed: number, ...keys: (string | number)[]) => {
      const source = stream(seed, ...keys);
      return Array.from({ length: 4 }, () => source.bits()).join();
    };
    expect(new Set(first.map((value, index) => value - index)).size).toBe(1);
    const drawn = [
      draw(1, 'start', 7, 2),
      draw(2, 'start', 7, 2),
      draw(1, 'order', 7, 2),
      draw(1, 'start', 8, 2),
      draw(1, 'start', 7, 3),
      draw(1, 'start', 72),
      draw(1, 'start', '7', 2),
      draw(1, 'start', 2, 7),
      draw(1),
    ];
    expect(new Set(drawn).size).toBe(drawn.length);
  });

  it('keeps its numbers from release to release', () => {
    const source = stream(42, 'golden', 3);
    expect([source.bits(), source.bits(), source.bits()]).toMatchInlineSnapshot(`
      [
        3988534435,
        669245568,
        569124504,
      ]
    `);
  });

  it('is uniform and normal as promised, also across neighbouring keys', () => {
    const values = new Float32Array(40_000);
    for (let key = 0; key < 400; key++) stream(5, 'start', key).fillUniform(values, key * 100, 100, -0.25, 0.25);
    expect(Math.max(...values.subarray(0, 20_000))).toBeLessThan(0.25);
    expect(Math.min(...values.subarray(0, 20_000))).toBeGreaterThanOrEqual(-0.25);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(4 * (0.5 / Math.sqrt(12 * values.length)));
    const firsts = Array.from({ length: 4000 }, (_, key) => stream(5, 'start', key).uniform());
    for (let part = 0; part < 10; part++) {
      const inPart = firsts.filter((value) => Math.floor(value * 10) === part).length;
      expect(Math.abs(inPart - 400)).toBeLessThan(4.5 * Math.sqrt(400));
    }
    stream(6).fillNormal(values, 0, values.length, 1, 2);
    const normalMean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - normalMean) ** 2, 0) / values.length;
    expect(Math.abs(normalMean - 1)).toBeLessThan(0.05);
    expect(Math.abs(variance - 4)).toBeLessThan(0.15);
  });

  it('fills arrays with the numbers that it gives one by one', () => {
    const [filled, single] = [new Float32Array(50), new Float32Array(50)];
    const [first, second] = [stream(3, 'fill'), stream(3, 'fill')];
    first.fillUniform(filled, 7, 40, -0.3, 0.1);
    for (let at = 7; at < 47; at++) single[at] = second.uniform(-0.3, 0.1);
    expect(filled).toEqual(single);
    expect(first.bits()).toBe(second.bits());
  });

  it('permutes without loss and draws integers without bias', () => {
    const order = stream(9, 'order', 0).permutation(1000);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect([...order]).not.toEqual([...stream(9, 'order', 1).permutation(1000)]);
    const source = stream(10);
    const counts = [0, 0, 0];
    for (let draw = 0; draw < 9000; draw++) counts[source.integer(3)]! += 1;
    for (const count of counts) expect(Math.abs(count - 3000)).toBeLessThan(200);
    expect(() => source.integer(0)).toThrow(/range/);
    expect(() => stream(Number.NaN)).toThrow(/finite/);
  });
});
