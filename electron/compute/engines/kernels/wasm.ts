import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { COLUMN_SUMS, CONV, DENSE, POOL_GRADIENT, RELU_GRADIENT } from './names.ts';
import type { ConvAttributes, DenseAttributes, KernelCall, PoolAttributes } from './names.ts';
import type { KernelTable } from './register.ts';

type Call<A = undefined> = KernelCall<BackendWasm, A>;

/** Layer kernels of the wasm engine: XNNPACK's fused layers, and loops over its memory where it has none. */
export const WASM_KERNELS: KernelTable = {
  [CONV]: convolution,
  [DENSE]: dense,
  [RELU_GRADIENT]: reluGradient,
  [POOL_GRADIENT]: poolGradient,
  [COLUMN_SUMS]: columnSums,
};

function convolution({ inputs, attrs }: Call<ConvAttributes>): tf.TensorInfo {
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias: tf.Tensor1D };
  return tf.engine().runKernel<tf.Tensor4D>(
    'FusedConv2D',
    { x, filter, bias },
    {
      strides: [1, 1],
      pad: attrs.pad,
      dataFormat: 'NHWC',
      dilations: [1, 1],
      activation: attrs.relu ? 'relu' : 'linear',
    },
  );
}

function dense({ inputs, attrs }: Call<DenseAttributes>): tf.TensorInfo {
  const { x, weights, bias } = inputs as { x: tf.Tensor2D; weights: tf.Tensor2D; bias: tf.Tensor1D };
  return tf.fused.matMul({ a: x, b: weights, bias, activation: attrs.relu ? 'relu' : 'linear' });
}

/** The memory can move when it grows, so views are taken after the output was made. */
function views(backend: BackendWasm, ...tensors: readonly tf.TensorInfo[]): Float32Array[] {
  return tensors.map((tensor) => backend.typedArrayFromHeap(tensor) as Float32Array);
}

function reluGradient({ inputs, backend }: Call): tf.TensorInfo {
  const { dy, y } = inputs as { dy: tf.Tensor; y: tf.Tensor };
  const dx = backend.makeOutput(dy.shape, 'float32');
  const [from, active, to] = views(backend, dy, y, dx) as [Float32Array, Float32Array, Float32Array];
  for (let index = 0; index < to.length; index++) to[index] = (active[index] ?? 0) > 0 ? (from[index] ?? 0) : 0;
  return dx;
}

function poolGradient({ inputs, backend, attrs }: Call<PoolAttributes>): tf.TensorInfo {
  const { x, y, dy } = inputs as { x: tf.Tensor4D; y: tf.Tensor4D; dy: tf.Tensor4D };
  const [images, height, width, channels] = x.shape;
  const [, outHeight, outWidth] = y.shape;
  const dx = backend.makeOutput(x.shape, 'float32');
  const [input, maxima, from, to] = views(backend, x, y, dy, dx) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  to.fill(0);
  const below = width * channels;
  let cell = 0;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        let position = ((image * height + 2 * row) * width + 2 * column) * channels;
        for (let channel = 0; channel < channels; channel++, cell++, position++) {
          const maximum = maxima[cell] ?? 0;
          if (attrs.masked && !(maximum > 0)) continue;
          let target = position;
          if (input[target] !== maximum) target = position + channels;
          if (input[target] !== maximum) target = position + below;
          if (input[target] !== maximum) target = position + below + channels;
          to[target] = from[cell] ?? 0;
        }
      }
    }
  }
  return dx;
}

function columnSums({ inputs, backend }: Call): tf.TensorInfo {
  const { x } = inputs as { x: tf.Tensor };
  const columns = x.shape.at(-1) ?? 1;
  const sums = new Float64Array(columns);
  const [from] = views(backend, x) as [Float32Array];
  for (let start = 0; start < from.length; start += columns) {
    for (let column = 0; column < columns; column++) sums[column] = (sums[column] ?? 0) + (from[start + column] ?? 0);
  }
  return backend.makeOutput([columns], 'float32', undefined, Float32Array.from(sums));
}
