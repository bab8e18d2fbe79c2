import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { startWasmBackend } from '../../wasm.ts';

beforeAll(startWasmBackend);

const numbered = (shape: number[], dtype: 'float32' | 'int32' = 'float32'): tf.Tensor =>
  tf.cast(tf.reshape(tf.range(0, tf.util.sizeFromShape(shape)), shape), dtype);
const values = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());

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
