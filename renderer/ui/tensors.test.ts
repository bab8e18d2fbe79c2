import { describe, expect, it } from 'vitest';
import { decodeTensor, rowOf, toUnit } from './tensors.ts';

describe('decodeTensor', () => {
  it('reads bytes, shorts and floats with their shape', () => {
    expect(decodeTensor(Uint8Array.of(1, 2, 3, 4).buffer, 'u8', '2,2')).toMatchObject({ dtype: 'u8', shape: [2, 2] });
    expect(decodeTensor(Uint16Array.of(1, 60_000).buffer, 'u16', '2').data[1]).toBe(60_000);
    expect(decodeTensor(Float32Array.of(0.5).buffer, 'f32', '1').data[0]).toBe(0.5);
  });

  it.each([
    ['u8', '3'],
    ['f64', '1'],
    [null, '4'],
    ['u8', null],
    ['f32', '4'],
  ])('refuses 4 bytes as %s [%s]', (dtype, shape) => {
    expect(() => decodeTensor(new ArrayBuffer(4), dtype, shape)).toThrow(
      expect.objectContaining({ code: 'bad-data' }) as Error,
    );
  });

  it('gives a row without copying', () => {
    const tensor = decodeTensor(Uint8Array.of(1, 2, 3, 4, 5, 6).buffer, 'u8', '3,2,1');
    expect([...rowOf(tensor, 1)]).toEqual([3, 4]);
    expect(rowOf(tensor, 1).buffer).toBe(tensor.data.buffer);
  });

  it('brings bytes to [0, 1] and leaves floats alone', () => {
    expect([...toUnit(Uint8Array.of(0, 255))]).toEqual([0, 1]);
    const floats = Float32Array.of(0.25);
    expect(toUnit(floats)).toBe(floats);
  });
});
