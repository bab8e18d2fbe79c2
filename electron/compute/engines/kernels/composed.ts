import * as tf from '@tensorflow/tfjs-core';
import { depthwise, depthwiseFilterGradient, depthwiseInputGradient } from './composed-depthwise.ts';
import {
  ADD,
  BATCH_NORM,
  BATCH_NORM_GRADIENT,
  COLUMN_SUMS,
  CONV,
  CONV_FILTER_GRADIENT,
  CONV_INPUT_GRADIENT,
  DENSE,
  DEPTHWISE,
  DEPTHWISE_FILTER_GRADIENT,
  DEPTHWISE_INPUT_GRADIENT,
  GLOBAL_AVERAGE,
  GLOBAL_AVERAGE_GRADIENT,
  MATRIX_PRODUCT,
  POOL,
  POOL_GRADIENT,
  RELU_GRADIENT,
  SHORTCUT,
  SHORTCUT_GRADIENT,
  type AddAttributes,
  type BatchNormAttributes,
  type BatchNormGradientAttributes,
  type ConvAttributes,
  type ConvFilterGradientAttributes,
  type ConvInputGradientAttributes,
  type DenseAttributes,
  type GlobalAverageGradientAttributes,
  type KernelCall,
  type MatrixProductAttributes,
  type PoolAttributes,
  type ShortcutAttributes,
  type ShortcutGradientAttributes,
} from './names.ts';
import { addWindows, padImages, spread, windowsOf } from './columns.ts';
import { backwardPadding, forwardPadding } from './shapes.ts';

type Call<A> = KernelCall<unknown, A>;

/**
 * The layer kernels composed of tfjs-core's own operations: right on every backend, fast on none. Engines register
 * their own in place of those they do better; tests compare with these on the plain `cpu` backend.
 */
export const COMPOSED_KERNELS: Readonly<Record<string, (call: Call<never>) => tf.Tensor | tf.Tensor[]>> = {
  [CONV]: convolution,
  [CONV_INPUT_GRADIENT]: convolutionInputGradient,
  [CONV_FILTER_GRADIENT]: convolutionFilterGradient,
  [DEPTHWISE]: depthwise,
  [DEPTHWISE_INPUT_GRADIENT]: depthwiseInputGradient,
  [DEPTHWISE_FILTER_GRADIENT]: depthwiseFilterGradient,
  [RELU_GRADIENT]: ({ inputs: { dy, y } }: Call<unknown>) => tf.tidy(() => tf.mul(required(dy), tf.step(required(y)))),
  [POOL]: pool,
  [POOL_GRADIENT]: poolGradient,
  [DENSE]: dense,
  [MATRIX_PRODUCT]: ({ inputs: { a, b }, attrs }: Call<MatrixProductAttributes>) =>
    tf.matMul(required(a), required(b), attrs.transposeA, attrs.transposeB),
  [COLUMN_SUMS]: ({ inputs: { x } }: Call<unknown>) => tf.tidy(() => columnSums(required(x))),
  [ADD]: ({ inputs: { a, b }, attrs }: Call<AddAttributes>) =>
    tf.tidy(() => activated(tf.add(required(a), required(b)), attrs.relu)),
  [BATCH_NORM]: batchNorm,
  [BATCH_NORM_GRADIENT]: batchNormGradient,
  [GLOBAL_AVERAGE]: ({ inputs: { x } }: Call<unknown>) => tf.mean(required(x), [1, 2]),
  [GLOBAL_AVERAGE_GRADIENT]: globalAverageGradient,
  [SHORTCUT]: shortcut,
  [SHORTCUT_GRADIENT]: shortcutGradient,
};

function convolution({ inputs, attrs }: Call<ConvAttributes>): tf.Tensor {
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias?: tf.Tensor1D };
  return tf.tidy(() => {
    const padded = padImages(x, forwardPadding(filter.shape, attrs.pad));
    const product = tf.conv2d(padded, filter, attrs.stride, 'valid');
    return activated(bias ? tf.add(product, bias) : product, attrs.relu);
  });
}

function activated(x: tf.Tensor, relu: boolean): tf.Tensor {
  return relu ? tf.relu(x) : x;
}

/** dx = dy ∗ flip(filter), a convolution itself, of dy with its elements `stride` apart (Dumoulin & Visin 2016, 4). */
function convolutionInputGradient({ inputs, attrs }: Call<ConvInputGradientAttributes>): tf.Tensor {
  const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
  return tf.tidy(() => {
    const [, height, width] = attrs.inputShape;
    const { top, left } = backwardPadding(filter.shape, attrs.pad);
    const apart = spread(dy, attrs.stride);
    const padded = padImages(apart, {
      top,
      left,
      // What a stride leaves over at the end belongs to no window.
      bottom: height + filter.shape[0] - 1 - top - apart.shape[1],
      right: width + filter.shape[1] - 1 - left - apart.shape[2],
    });
    return tf.conv2d(padded, flipFilter(filter), 1, 'valid');
  });
}

/** The filter turned by 180° with its channels exchanged: [kh, kw, in, out] → [kh, kw, out, in]. */
export function flipFilter(filter: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]));
}

/** A convolution over the batch axis: x as [in, h, w, n], dy, its elements `stride` apart, as filter [h', w', n, out]. */
function convolutionFilterGradient({ inputs, attrs }: Call<ConvFilterGradientAttributes>): tf.Tensor {
  const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
  return tf.tidy(() => {
    const [kernelHeight, kernelWidth] = attrs.filterShape;
    const padded = padImages(x, forwardPadding(attrs.filterShape, attrs.pad));
    const apart = spread(dy, attrs.stride);
    const extents = [apart.shape[1] + kernelHeight - 1, apart.shape[2] + kernelWidth - 1] as const;
    // What a stride leaves over at the end belongs to no window.
    const used = attrs.stride === 1 ? padded : tf.slice(padded, 0, [x.shape[0], ...extents, x.shape[3]]);
    const images = tf.transpose(used, [3, 1, 2, 0]);
    return tf.transpose(tf.conv2d(images, tf.transpose(apart, [1, 2, 0, 3]), 1, 'valid'), [1, 2, 0, 3]);
  });
}

/** Any number below every activation; infinities turn into NaN where a backend multiplies them by 0. */
const LOWEST = -3e38;

function pool({ inputs: { x }, attrs }: Call<PoolAttributes>): tf.Tensor {
  return tf.tidy(() => tf.maxPool(framed(required(x) as tf.Tensor4D, attrs.size), attrs.size, 2, 'valid'));
}

/** For windows of 3×3, the images in a frame of one row and column of {@link LOWEST}. */
function framed(x: tf.Tensor4D, size: PoolAttributes['size']): tf.Tensor4D {
  if (size === 2) return x;
  return tf.pad4d(
    x,
    [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
    LOWEST,
  );
}

/** Each element of y belongs to the first element of its window that equals it. */
function poolGradient({ inputs, attrs }: Call<PoolAttributes>): tf.Tensor {
  const { x, y, dy } = inputs as { x: tf.Tensor4D; y: tf.Tensor4D; dy: tf.Tensor4D };
  const { size, masked } = attrs;
  const [, height, width, channels] = y.shape;
  const taps = size * size;
  return tf.tidy(() => {
    const input = framed(x, size);
    const filter = [size, size, channels, channels] as const;
    const windows = windowsOf(input, filter, [height, width], 2, 'valid');
    const from = tf.reshape(masked ? tf.mul(dy, tf.step(y)) : dy, [-1, channels]);
    const maxima = tf.reshape(y, [-1, channels]);
    let free: tf.Tensor = tf.onesLike(from);
    const parts = tf.split(windows, taps, 1).map((values) => {
      const first = tf.mul(tf.cast(tf.equal(values, maxima), 'float32'), free);
      free = tf.sub(free, first);
      return tf.mul(first, from);
    });
    const dx = addWindows(tf.concat(parts, 1) as tf.Tensor2D, filter, input.shape, [height, width], 2, 'valid');
    return size === 2 ? dx : tf.slice(dx, [0, 1, 1, 0], x.shape);
  });
}

function dense({ inputs, attrs }: Call<DenseAttributes>): tf.Tensor {
  const { x, weights, bias } = inputs as { x: tf.Tensor2D; weights: tf.Tensor2D; bias: tf.Tensor1D };
  return tf.tidy(() => activated(tf.add(tf.matMul(x, weights), bias), attrs.relu));
}

function batchNorm({ inputs, attrs }: Call<BatchNormAttributes>): tf.Tensor[] {
  const { x, gamma, beta } = inputs as { x: tf.Tensor4D; gamma: tf.Tensor1D; beta: tf.Tensor1D };
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, attrs.epsilon)));
    const y = tf.add(tf.mul(tf.sub(x, mean), scale), beta);
    return [activated(y, attrs.relu), mean, variance];
  });
}

/** dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy · x̂)) with x̂ = (x − μ)/σ: the chain rule through the statistics. */
function batchNormGradient({ inputs, attrs }: Call<BatchNormGradientAttributes>): tf.Tensor[] {
  const { dy, x, gamma, mean, variance } = inputs as Record<'dy' | 'x' | 'gamma' | 'mean' | 'variance', tf.Tensor>;
  return tf.tidy(() => {
    const inverse = tf.rsqrt(tf.add(variance, attrs.epsilon));
    const normal = tf.mul(tf.sub(x, mean), inverse);
    const dBeta = columnSums(dy);
    const dGamma = columnSums(tf.mul(dy, normal));
    const count = x.size / gamma.size;
    const centred = tf.sub(tf.sub(dy, tf.div(dBeta, count)), tf.mul(normal, tf.div(dGamma, count)));
    return [tf.mul(tf.mul(gamma, inverse), centred), dGamma, dBeta];
  });
}

function globalAverageGradient({ inputs: { dy }, attrs }: Call<GlobalAverageGradientAttributes>): tf.Tensor {
  const [n, height, width, channels] = attrs.inputShape;
  return tf.tidy(() => {
    const share = tf.reshape(tf.div(required(dy), height * width), [n, 1, 1, channels]);
    return tf.tile(share, [1, height, width, 1]);
  });
}

function shortcut({ inputs: { x }, attrs }: Call<ShortcutAttributes>): tf.Tensor {
  const { stride, before, after } = attrs;
  return tf.tidy(() => {
    const images = required(x) as tf.Tensor4D;
    const chosen = stride === 1 ? images : tf.stridedSlice(images, [0, 0, 0, 0], images.shape, [1, stride, stride, 1]);
    return padChannels(chosen as tf.Tensor4D, before, after);
  });
}

function padChannels(images: tf.Tensor4D, before: number, after: number): tf.Tensor4D {
  if (before + after === 0) return tf.clone(images);
  return tf.pad4d(images, [
    [0, 0],
    [0, 0],
    [0, 0],
    [before, after],
  ]);
}

function shortcutGradient({ inputs: { dy }, attrs }: Call<ShortcutGradientAttributes>): tf.Tensor {
  const [n, height, width, channels] = attrs.inputShape;
  return tf.tidy(() => {
    const above = required(dy) as tf.Tensor4D;
    const own = tf.slice(above, [0, 0, 0, attrs.before], [n, above.shape[1], above.shape[2], channels]);
    const apart = spread(own, attrs.stride);
    return padImages(tf.clone(apart), {
      top: 0,
      left: 0,
      bottom: height - apart.shape[1],
      right: width - apart.shape[2],
    });
  });
}

/** Sums over all axes but the last one. */
function columnSums(x: tf.Tensor): tf.Tensor {
  return tf.sum(
    x,
    Array.from({ length: x.rank - 1 }, (_, axis) => axis),
  );
}

function required(tensor: tf.Tensor | undefined): tf.Tensor {
  if (!tensor) throw new Error('A kernel was called without its input.');
  return tensor;
}
