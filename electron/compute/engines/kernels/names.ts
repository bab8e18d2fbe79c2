import type * as tf from '@tensorflow/tfjs-core';

/**
 * Kernels of our own, one set per engine: whole layers and their gradients, so that each engine can compute them in as
 * few passes over memory as it knows how. Images are NHWC, filters HWIO, strides 1.
 */
export const CONV = 'PairlightConv';
export const CONV_INPUT_GRADIENT = 'PairlightConvInputGradient';
export const CONV_FILTER_GRADIENT = 'PairlightConvFilterGradient';
export const RELU_GRADIENT = 'PairlightReluGradient';
export const POOL = 'PairlightPool';
export const POOL_GRADIENT = 'PairlightPoolGradient';
export const DENSE = 'PairlightDense';
export const MATRIX_PRODUCT = 'PairlightMatrixProduct';
export const COLUMN_SUMS = 'PairlightColumnSums';

export type Padding = 'same' | 'valid';

/** {@link CONV}: x [n, h, w, in], filter [kh, kw, in, out], bias [out] → ReLU(x ∗ filter + bias) or without ReLU. */
export interface ConvAttributes {
  readonly pad: Padding;
  readonly relu: boolean;
  /** True where the gradient that arrives is known to be 0 wherever the ReLU is off. */
  readonly maskedBelow: boolean;
}

/** {@link CONV_INPUT_GRADIENT}: dy [n, h', w', out], filter → dx of the given shape. */
export interface ConvInputGradientAttributes {
  readonly inputShape: readonly [number, number, number, number];
  readonly pad: Padding;
}

/** {@link CONV_FILTER_GRADIENT}: x, dy → gradient of the given filter shape. */
export interface ConvFilterGradientAttributes {
  readonly filterShape: readonly [number, number, number, number];
  readonly pad: Padding;
}

/**
 * {@link POOL}: maximum over 2×2 windows with stride 2, an odd last row or column left out;
 * {@link POOL_GRADIENT}: x, y, dy → dx, to the first maximum of each window in row-major order.
 */
export interface PoolAttributes {
  /** The gradient is also 0 where the maximum is not positive: the ReLU before the pooling is taken along. */
  readonly masked: boolean;
}

/** {@link DENSE}: x [n, in], weights [in, out], bias [out] → x · weights + bias, or its ReLU. */
export interface DenseAttributes {
  readonly relu: boolean;
}

/** {@link MATRIX_PRODUCT}: a · b of two matrices, either of them transposed if asked. */
export interface MatrixProductAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** What a kernel gets from tfjs-core's engine, with the attributes of its own. */
export interface KernelCall<B, A = undefined> {
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly backend: B;
  readonly attrs: A;
}
