import * as tf from '@tensorflow/tfjs-core';
import {
  COLUMN_SUMS,
  CONV,
  CONV_FILTER_GRADIENT,
  CONV_INPUT_GRADIENT,
  DENSE,
  MATRIX_PRODUCT,
  POOL,
  POOL_GRADIENT,
  RELU_GRADIENT,
  type ConvAttributes,
  type ConvFilterGradientAttributes,
  type ConvInputGradientAttributes,
  type DenseAttributes,
  type KernelCall,
  type MatrixProductAttributes,
  type PoolAttributes,
} from './names.ts';
import { backwardPadding, forwardPadding, type ConvPadding } from './shapes.ts';

type Call<A> = KernelCall<unknown, A>;

/**
 * The layer kernels composed of tfjs-core's own operations: right on every backend, fast on none. Engines register
 * their own in place of those they do better; tests compare with these on the plain `cpu` backend.
 */
export const COMPOSED_KERNELS: Readonly<Record<string, (call: Call<never>) => tf.Tensor>> = {
  [CONV]: convolution,
  [CONV_INPUT_GRADIENT]: convolutionInputGradient,
  [CONV_FILTER_GRADIENT]: convolutionFilterGradient,
  [RELU_GRADIENT]: ({ inputs: { dy, y } }: Call<unknown>) => tf.tidy(() => tf.mul(required(dy), tf.step(required(y)))),
  [POOL]: ({ inputs: { x } }: Call<PoolAttributes>) => tf.maxPool(required(x) as tf.Tensor4D, 2, 2, 'valid'),
  [POOL_GRADIENT]: poolGradient,
  [DENSE]: dense,
  [MATRIX_PRODUCT]: ({ inputs: { a, b }, attrs }: Call<MatrixProductAttributes>) =>
    tf.matMul(required(a), required(b), attrs.transposeA, attrs.transposeB),
  [COLUMN_SUMS]: ({ inputs: { x } }: Call<unknown>) =>
    tf.tidy(() =>
      tf.sum(
        required(x),
        Array.from({ length: required(x).rank - 1 }, (_, axis) => axis),
      ),
    ),
};

function convolution({ inputs, attrs }: Call<ConvAttributes>): tf.Tensor {
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias: tf.Tensor1D };
  return tf.tidy(() => {
    const padded = padImages(x, forwardPadding(filter.shape, attrs.pad));
    const sum = tf.add(tf.conv2d(padded, filter, 1, 'valid'), bias);
    return attrs.relu ? tf.relu(sum) : sum;
  });
}

/** dx = dy ∗ flip(filter), a convolution itself (Dumoulin & Visin 2016, section 4). */
function convolutionInputGradient({ inputs, attrs }: Call<ConvInputGradientAttributes>): tf.Tensor {
  const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
  return tf.tidy(() => {
    const padded = padImages(dy, backwardPadding(filter.shape, attrs.pad));
    return tf.conv2d(padded, flipFilter(filter), 1, 'valid');
  });
}

/** The filter turned by 180° with its channels exchanged: [kh, kw, in, out] → [kh, kw, out, in]. */
export function flipFilter(filter: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]));
}

/** A convolution over the batch axis: x as [in, h, w, n], dy as filter [h', w', n, out]. */
function convolutionFilterGradient({ inputs, attrs }: Call<ConvFilterGradientAttributes>): tf.Tensor {
  const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
  return tf.tidy(() => {
    const padded = padImages(x, forwardPadding(attrs.filterShape, attrs.pad));
    const images = tf.transpose(padded, [3, 1, 2, 0]);
    return tf.transpose(tf.conv2d(images, tf.transpose(dy, [1, 2, 0, 3]), 1, 'valid'), [1, 2, 0, 3]);
  });
}

function poolGradient({ inputs, attrs }: Call<PoolAttributes>): tf.Tensor {
  const { x, y, dy } = inputs as { x: tf.Tensor4D; y: tf.Tensor4D; dy: tf.Tensor4D };
  return tf.tidy(() => {
    const masked = attrs.masked ? tf.mul(dy, tf.step(y)) : dy;
    const options = { filterSize: 2, strides: 2, pad: 'valid' } as unknown as tf.NamedAttrMap;
    return tf.engine().runKernel('MaxPoolGrad', { dy: masked, input: x, output: y }, options);
  });
}

function dense({ inputs, attrs }: Call<DenseAttributes>): tf.Tensor {
  const { x, weights, bias } = inputs as { x: tf.Tensor2D; weights: tf.Tensor2D; bias: tf.Tensor1D };
  return tf.tidy(() => {
    const sum = tf.add(tf.matMul(x, weights), bias);
    return attrs.relu ? tf.relu(sum) : sum;
  });
}

/** Zeros around images. Returns the images themselves where there is nothing to add. */
export function padImages(images: tf.Tensor4D, { top, bottom, left, right }: ConvPadding): tf.Tensor4D {
  if (top + bottom + left + right === 0) return images;
  return tf.pad4d(images, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
}

function required(tensor: tf.Tensor | undefined): tf.Tensor {
  if (!tensor) throw new Error('A kernel was called without its input.');
  return tensor;
}
