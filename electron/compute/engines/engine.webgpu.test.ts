import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { testEngine } from './engine-suite.ts';
import { missingAdapter } from './missing-adapter.ts';

const missing = await missingAdapter();
testEngine('webgpu', null, missing);

describe('the graphics card', () => {
  /** A tensor that lies on the card: the sum of two that do. */
  const onCard = (): tf.Tensor => {
    const ones = tf.fill([2048], 1);
    const sum = tf.add(ones, ones);
    ones.dispose();
    return sum;
  };

  it('is read in step with the program and out of step alike', async ({ skip }) => {
    if (missing !== null) skip(missing);
    const [first, second] = [onCard(), onCard()];
    expect(new Set(first.dataSync())).toEqual(new Set([2]));
    const [later, at] = await Promise.all([second.data(), Promise.resolve(tf.mul(second, 2).dataSync())]);
    expect(new Set(later)).toEqual(new Set([2]));
    expect(new Set(at)).toEqual(new Set([4]));
    tf.dispose([first, second]);
  });

  it('finds what is not finite', ({ skip }) => {
    if (missing !== null) skip(missing);
    const values = new Float32Array(2048).fill(1);
    values.set([NaN, Infinity, -Infinity, 3e38], 5);
    const finite = tf.tidy(() => tf.isFinite(tf.add(tf.tensor1d(values), tf.fill([2048], 0))).dataSync());
    expect([...finite].flatMap((flag, at) => (flag ? [] : [at]))).toEqual([5, 6, 7]);
    const order = tf.tidy(() => {
      const x = tf.add(tf.tensor1d(values), tf.fill([2048], 0));
      return [tf.greater(x, 0).dataSync(), tf.less(x, 0).dataSync()].map((flags) => [...flags].slice(5, 9));
    });
    expect(order).toEqual([
      [0, 1, 0, 1],
      [0, 0, 1, 0],
    ]);
  });

  it('adds more tensors than a shader may bind', ({ skip }) => {
    if (missing !== null) skip(missing);
    const sum = tf.tidy(() => tf.addN(Array.from({ length: 20 }, (_, at) => tf.fill([2048], at))).dataSync());
    expect(new Set(sum)).toEqual(new Set([190]));
  });

  // The last test of this file: the device is gone afterwards.
  it('gives an error and no number once it has refused an operation, and once it is lost', async ({ skip }) => {
    if (missing !== null) skip(missing);
    const { device } = tf.backend() as unknown as { readonly device: GPUDevice };
    const [before, after] = [onCard(), onCard()];
    const reading = before.data();
    device.destroy();
    const failed = { code: 'engine-failed', message: expect.stringMatching(/lost.*Start the job again/s) as string };
    await expect(reading).rejects.toMatchObject(failed);
    await expect(after.data()).rejects.toMatchObject(failed);
    expect(() => after.dataSync()).toThrow(expect.objectContaining(failed));
    expect(onCard).toThrow(expect.objectContaining(failed));
  });
});
