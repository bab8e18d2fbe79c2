import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { startWasmBackend } from '../../wasm.ts';

beforeAll(startWasmBackend);

const numbered = (shape: number[], dtype: 'float32' | 'int32' = 'float32'): tf.Tensor =>
  tf.cast(tf.reshape(tf.range(0, tf.util.sizeFromShape(shape)), shape), dtype);
const values = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());

it.each([
  [
    [3, 5, 4, 2],
    [1, 2, 0, 0],
    [2, 2, 4, 2],
  ],
  [
    [3, 5, 4, 2],
    [0, 1, 1, 0],
    [3, 3, 2, 2],
  ],
  [
    [3, 5, 4, 2],
    [1, 0, 1, 1],
    [2, 5, 3, 1],
  ],
  [
    [2, 2, 3, 2, 3, 2],
    [1, 0, 1, 0, 1, 0],
    [1, 2, 2, 2, 2, 2],
  ],
  [
    [6, 5],
    [2, 3],
    [3, 2],
  ],
  [
    [6, 5],
    [2, 3],
    [3, 0],
  ],
] as const)('of %j takes from %j so many as %j, wherever they lie', (shape, begin, size) => {
  tf.tidy(() => {
    const x = numbered([...shape]);
    const strides = shape.map((_, axis) => tf.util.sizeFromShape(shape.slice(axis + 1)));
    const expected: number[] = [];
    const walk = (axis: number, at: number): void => {
      if (axis === shape.length) expected.push(at);
      else for (let i = 0; i < size[axis]!; i++) walk(axis + 1, at + (begin[axis]! + i) * strides[axis]!);
    };
    walk(0, 0);
    const part = tf.slice(x, [...begin], [...size]);
    expect(part.shape).toEqual(size);
    expect(values(part)).toEqual(expected);
  });
});

it('slices and splits in one piece or not, of every type', () => {
  tf.tidy(() => {
    const x = numbered([4, 3, 2]);
    expect(values(tf.slice(x, [1, 0, 0], [2, 3, 2]))).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
    expect(values(tf.slice(x, [2, 1, 0], [1, 2, 2]))).toEqual([14, 15, 16, 17]);
    expect(values(tf.slice(x, [0, 1, 1], [2, 2, 1]))).toEqual([3, 5, 9, 11]);
    expect(tf.slice(x, [4, 0, 0], [0, 3, 2]).shape).toEqual([0, 3, 2]);
    expect(values(tf.slice(numbered([5], 'int32'), [3], [-1]))).toEqual([3, 4]);
    expect(values(tf.slice(tf.tensor1d([true, false, true, true], 'bool'), [1], [2]))).toEqual([0, 1]);

    expect(tf.split(numbered([7]), [2, 0, 5]).map(values)).toEqual([[0, 1], [], [2, 3, 4, 5, 6]]);
    expect(tf.split(numbered([1, 4]), 2, 1).map(values)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(tf.split(numbered([2, 4]), 2, -1).map(values)).toEqual([
      [0, 1, 4, 5],
      [2, 3, 6, 7],
    ]);
    expect(tf.split(numbered([4, 2], 'int32'), 2).map(({ dtype, shape }) => [dtype, shape])).toEqual([
      ['int32', [2, 2]],
      ['int32', [2, 2]],
    ]);
  });
});
