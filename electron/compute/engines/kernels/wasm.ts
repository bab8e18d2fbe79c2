import * as tf from '@tensorflow/tfjs-core';
import {
  ADD,
  BATCH_NORM,
  BATCH_NORM_GRADIENT,
  COLUMN_SUMS,
  CONV,
  CONV_FILTER_GRADIENT,
  CONV_INPUT_GRADIENT,
  DENSE,
  GLOBAL_AVERAGE,
  GLOBAL_AVERAGE_GRADIENT,
  MATRIX_PRODUCT,
  POOL,
  POOL_GRADIENT,
  RELU_GRADIENT,
  SHORTCUT,
  SHORTCUT_GRADIENT,
} from './names.ts';
import type { KernelTable } from './register.ts';
import {
  convolution,
  convolutionFilterGradient,
  convolutionInputGradient,
  dense,
  matrixProduct,
} from './wasm/convolution.ts';
import { add, identity, pool, poolGradient, reluGradient, shortcut, shortcutGradient } from './wasm/elementwise.ts';
import { slice, split } from './wasm/slices.ts';
import { batchNorm, batchNormGradient, columnSums, globalAverage, globalAverageGradient } from './wasm/sums.ts';

/**
 * Layer kernels of the wasm engine: functions made for the layer's shape (see simd/), composed ones where its channels
 * do not fit vectors.
 */
export const WASM_KERNELS: KernelTable = {
  [CONV]: convolution,
  [CONV_INPUT_GRADIENT]: convolutionInputGradient,
  [CONV_FILTER_GRADIENT]: convolutionFilterGradient,
  [DENSE]: dense,
  [MATRIX_PRODUCT]: matrixProduct,
  [RELU_GRADIENT]: reluGradient,
  [ADD]: add,
  [POOL]: pool,
  [POOL_GRADIENT]: poolGradient,
  [COLUMN_SUMS]: columnSums,
  [BATCH_NORM]: batchNorm,
  [BATCH_NORM_GRADIENT]: batchNormGradient,
  [GLOBAL_AVERAGE]: globalAverage,
  [GLOBAL_AVERAGE_GRADIENT]: globalAverageGradient,
  [SHORTCUT]: shortcut,
  [SHORTCUT_GRADIENT]: shortcutGradient,
  [tf.Identity]: identity,
  [tf.Slice]: slice,
  [tf.SplitV]: split,
};
