import type * as tf from '@tensorflow/tfjs-core';

/**
 * Kernels of our own, one set per engine: whole layers and their gradients, so that each engine can compute them in as
 * few passes over memory as it knows how. Images are NHWC, filters HWIO. Every kernel is pure; inputs marked `?` may be
 * missing.
 */
export const CONV = 'PairlightConv';
export const CONV_INPUT_GRADIENT = 'PairlightConvInputGradient';
export const CONV_FILTER_GRADIENT = 'PairlightConvFilterGradient';
export const DEPTHWISE = 'PairlightDepthwise';
export const DEPTHWISE_INPUT_GRADIENT = 'PairlightDepthwiseInputGradient';
export const DEPTHWISE_FILTER_GRADIENT = 'PairlightDepthwiseFilterGradient';
export const RELU_GRADIENT = 'PairlightReluGradient';
export const POOL = 'PairlightPool';
export const POOL_GRADIENT = 'PairlightPoolGradient';
export const DENSE = 'PairlightDense';
export const MATRIX_PRODUCT = 'PairlightMatrixProduct';
export const COLUMN_SUMS = 'PairlightColumnSums';
export const ADD = 'PairlightAdd';
export const BATCH_NORM = 'PairlightBatchNorm';
export const BATCH_NORM_GRADIENT = 'PairlightBatchNormGradient';
export const GLOBAL_AVERAGE = 'PairlightGlobalAverage';
export const GLOBAL_AVERAGE_GRADIENT = 'PairlightGlobalAverageGradient';
export const SHORTCUT = 'PairlightShortcut';
export const SHORTCUT_GRADIENT = 'PairlightShortcutGradient';

/**
 * Zeros around the input: (k − 1) of them in each direction for `same`, half on each side (for odd k PyTorch's
 * `padding = k // 2`; for even k the odd one at the end), none for `valid`. Strides do not change them.
 */
export type Padding = 'same' | 'valid';

/** Step of a window in both directions. Output extents are ⌊(extent + zeros − k) / stride⌋ + 1. */
export type Stride = 1 | 2;

/** {@link CONV}: x [n, h, w, in], filter [kh, kw, in, out], bias? [out] → x ∗ filter + bias, or its ReLU. */
export interface ConvAttributes {
  readonly stride: Stride;
  readonly pad: Padding;
  readonly relu: boolean;
  /** True where the gradient that arrives is known to be 0 wherever the ReLU is off. */
  readonly maskedBelow: boolean;
}

/** {@link CONV_INPUT_GRADIENT}: dy [n, h', w', out], filter → dx of the given shape. */
export interface ConvInputGradientAttributes {
  readonly inputShape: readonly [number, number, number, number];
  readonly stride: Stride;
  readonly pad: Padding;
}

/** {@link CONV_FILTER_GRADIENT}: x, dy → gradient of the given filter shape. */
export interface ConvFilterGradientAttributes {
  readonly filterShape: readonly [number, number, number, number];
  readonly stride: Stride;
  readonly pad: Padding;
}

/**
 * {@link DEPTHWISE}: x [n, h, w, c], filter [k, k, c, 1], bias? [c] → each channel by itself ∗ its filter, zeros around as
 * for {@link Padding} `same`, + bias, or its ReLU.
 */
export interface DepthwiseAttributes {
  readonly stride: Stride;
  readonly relu: boolean;
}

/** {@link DEPTHWISE_INPUT_GRADIENT}: dy [n, h', w', c], filter → dx of the given shape. */
export interface DepthwiseInputGradientAttributes {
  readonly inputShape: readonly [number, number, number, number];
  readonly stride: Stride;
}

/** {@link DEPTHWISE_FILTER_GRADIENT}: x, dy → gradient of the given filter shape. */
export interface DepthwiseFilterGradientAttributes {
  readonly filterShape: readonly [number, number, number, number];
  readonly stride: Stride;
}

/**
 * {@link POOL}: maximum over windows with stride 2: 2×2, an odd last row or column left out, or 3×3 with one row and
 * column around that never hold the maximum (PyTorch's padding 1). Outputs: [n, ⌊h/2⌋, ⌊w/2⌋, c] or [n, ⌈h/2⌉, ⌈w/2⌉, c].
 * {@link POOL_GRADIENT}: x, y, dy → dx, to the first maximum of each window in row-major order; where windows of 3×3
 * overlap, the sum.
 */
export interface PoolAttributes {
  readonly size: 2 | 3;
  /** The gradient is also 0 where the maximum is not positive: the ReLU before the pooling is taken along. */
  readonly masked: boolean;
}

/** {@link ADD}: a, b of one shape → a + b, or its ReLU. {@link RELU_GRADIENT}: dy, y → dy where y > 0, else 0. */
export interface AddAttributes {
  readonly relu: boolean;
}

/**
 * {@link BATCH_NORM}: x [n, h, w, c], gamma [c], beta [c] → three outputs: y = (x − mean) / √(variance + ε) · gamma +
 * beta, or its ReLU; mean [c] and biased variance [c] of x over n, h and w (Ioffe & Szegedy 2015, algorithm 1).
 */
export interface BatchNormAttributes {
  readonly epsilon: number;
  readonly relu: boolean;
}

/**
 * {@link BATCH_NORM_GRADIENT}: dy (of y before its ReLU), x, gamma, and mean and variance as the forward kernel gave
 * them → dx, dGamma [c], dBeta [c].
 */
export interface BatchNormGradientAttributes {
  readonly epsilon: number;
}

/** {@link GLOBAL_AVERAGE}: x [n, h, w, c] → means [n, c], no attributes; {@link GLOBAL_AVERAGE_GRADIENT}: dy → dx. */
export interface GlobalAverageGradientAttributes {
  readonly inputShape: readonly [number, number, number, number];
}

/**
 * {@link SHORTCUT}: x [n, h, w, c] → every second row and column from the first one (stride 2) or all of them, with
 * `before` channels of zeros before those of x and `after` behind them (option A of He et al. 2016, section 3.3).
 */
export interface ShortcutAttributes {
  readonly stride: Stride;
  readonly before: number;
  readonly after: number;
}

/** {@link SHORTCUT_GRADIENT}: dy → dx of the given shape, 0 at the rows and columns that were left out. */
export interface ShortcutGradientAttributes extends ShortcutAttributes {
  readonly inputShape: readonly [number, number, number, number];
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
