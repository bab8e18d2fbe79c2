import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { startWasmBackend } from '../../wasm.ts';
import { convLayer, denseLayer } from '../layers.ts';
import { floatsAt } from '../simd/runtime.ts';

beforeAll(startWasmBackend);

const heap = (): number => floatsAt(tf.backend() as BackendWasm, 0, 0).buffer.byteLength;

it('weights that come and go leave no packed copies behind, and never stand in for others', () => {
  const x = tf.ones<tf.Rank.R2>([4, 512]);
  const bias = tf.zeros<tf.Rank.R1>([512]);
  const images = tf.ones<tf.Rank.R4>([1, 4, 4, 64]);
  let after = 0;
  for (let round = 1; round <= 60; round++) {
    tf.tidy(() => {
      // 1 MiB each, the filter packed in two ways.
      const weights = tf.fill<tf.Rank.R2>([512, 512], round);
      expect(denseLayer(x, weights, bias, false).dataSync()[511]).toBe(512 * round);
      const filter = tf.fill<tf.Rank.R4>([3, 3, 64, 64], round);
      const gradient = tf.grad((t) => convLayer(t as tf.Tensor4D, filter, null, { pad: 'same', relu: false }))(images);
      expect(gradient.dataSync()[0]).toBe(4 * 64 * round);
    });
    if (round === 5) after = heap();
  }
  expect(heap()).toBe(after);
  tf.dispose([x, bias, images]);
});
