import * as tf from '@tensorflow/tfjs-core';
import {
  ADD,
  BATCH_NORM,
  CONV,
  DENSE,
  DEPTHWISE,
  GLOBAL_AVERAGE,
  POOL,
  SHORTCUT,
  type AddAttributes,
  type BatchNormAttributes,
  type ConvAttributes,
  type DenseAttributes,
  type DepthwiseAttributes,
  type Padding,
  type PoolAttributes,
  type ShortcutAttributes,
  type Stride,
} from './names.ts';

/** tfjs-core's engine takes attributes of any shape; ours are typed. */
function run(kernel: string, inputs: Record<string, tf.Tensor>, attributes: object = {}): tf.Tensor {
  return tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap);
}

/**
 * Convolution with, if given, bias and, if asked, ReLU.
 * @param x [n, h, w, in]
 * @param filter [kh, kw, in, out]
 * @param bias [out], or null
 * @param options `stride` 1 if left out; `maskedBelow`: the caller promises that gradients that arrive here are 0
 *   wherever the ReLU is off.
 * @returns [n, h', w', out]; differentiable once with respect to all three.
 */
export function convLayer(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D | null,
  options: { readonly pad: Padding; readonly relu: boolean; readonly stride?: Stride; readonly maskedBelow?: boolean },
): tf.Tensor4D {
  const attributes: ConvAttributes = {
    stride: options.stride ?? 1,
    pad: options.pad,
    relu: options.relu,
    maskedBelow: options.maskedBelow ?? false,
  };
  return run(CONV, bias ? { x, filter, bias } : { x, filter }, attributes) as tf.Tensor4D;
}

/**
 * Convolution of each channel by itself, padding `same`, with, if given, bias and, if asked, ReLU.
 * @param x [n, h, w, c]
 * @param filter [k, k, c, 1]
 * @param bias [c], or null
 * @returns [n, h', w', c]; differentiable once with respect to all three.
 */
export function depthwiseLayer(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D | null,
  options: DepthwiseAttributes,
): tf.Tensor4D {
  const attributes: DepthwiseAttributes = { stride: options.stride, relu: options.relu };
  return run(DEPTHWISE, bias ? { x, filter, bias } : { x, filter }, attributes) as tf.Tensor4D;
}

/**
 * Maximum over windows with stride 2; gradients go to the first maximum. Windows of 2×2 leave an odd last row or column
 * out; windows of 3×3 have one row and column around that never hold the maximum.
 * @param x [n, h, w, c], h and w at least 2
 * @param masked treats x as the output of a ReLU whose gradient is taken along (0 where the maximum is not positive).
 * @returns [n, ⌊h/2⌋, ⌊w/2⌋, c], or with windows of 3×3 [n, ⌈h/2⌉, ⌈w/2⌉, c]; differentiable once.
 */
export function poolLayer(x: tf.Tensor4D, masked = false, size: PoolAttributes['size'] = 2): tf.Tensor4D {
  const attributes: PoolAttributes = { masked, size };
  return run(POOL, { x }, attributes) as tf.Tensor4D;
}

/**
 * Dense layer with bias and, if asked, ReLU.
 * @param x [n, in]
 * @param weights [in, out]
 * @param bias [out]
 * @returns [n, out]; differentiable once with respect to all three.
 */
export function denseLayer(x: tf.Tensor2D, weights: tf.Tensor2D, bias: tf.Tensor1D, relu: boolean): tf.Tensor2D {
  const attributes: DenseAttributes = { relu };
  return run(DENSE, { x, weights, bias }, attributes) as tf.Tensor2D;
}

/**
 * Sum of two branches and, if asked, its ReLU.
 * @param a [n, h, w, c]
 * @param b [n, h, w, c]
 * @returns [n, h, w, c]; differentiable once with respect to both.
 */
export function addLayer(a: tf.Tensor4D, b: tf.Tensor4D, relu: boolean): tf.Tensor4D {
  const attributes: AddAttributes = { relu };
  return run(ADD, { a, b }, attributes) as tf.Tensor4D;
}

/**
 * Batch normalisation with the statistics of x itself over examples and positions (Ioffe & Szegedy 2015, algorithm 1)
 * and, if asked, ReLU.
 * @param x [n, h, w, c]
 * @param gamma [c]
 * @param beta [c]
 * @returns y [n, h, w, c], differentiable once with respect to all three, through the statistics too; mean and biased
 *   variance [c], which are taken as constants.
 */
export function batchNormLayer(
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  options: BatchNormAttributes,
): { readonly y: tf.Tensor4D; readonly mean: tf.Tensor1D; readonly variance: tf.Tensor1D } {
  const attributes: BatchNormAttributes = { epsilon: options.epsilon, relu: options.relu };
  const [y, mean, variance] = run(BATCH_NORM, { x, gamma, beta }, attributes) as unknown as readonly [
    tf.Tensor4D,
    tf.Tensor1D,
    tf.Tensor1D,
  ];
  return { y, mean, variance };
}

/** Mean over the positions, [n, h, w, c] → [n, c]; differentiable once. */
export function globalAverageLayer(x: tf.Tensor4D): tf.Tensor2D {
  return run(GLOBAL_AVERAGE, { x }) as tf.Tensor2D;
}

/**
 * The shortcut without parameters of He et al. 2016 (section 3.3, option A): every `stride`-th row and column, and
 * channels of zeros before and after those of x.
 * @param x [n, h, w, c]
 * @returns [n, ⌈h/stride⌉, ⌈w/stride⌉, before + c + after]; differentiable once.
 */
export function shortcutLayer(x: tf.Tensor4D, options: ShortcutAttributes): tf.Tensor4D {
  const attributes: ShortcutAttributes = { stride: options.stride, before: options.before, after: options.after };
  return run(SHORTCUT, { x }, attributes) as tf.Tensor4D;
}
