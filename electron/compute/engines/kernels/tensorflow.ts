import * as tf from '@tensorflow/tfjs-core';
import type { OpAttribute, TensorflowBackend } from '../binding.ts';
import { blockConvolution } from './blocked.ts';
import { addWindows, padImages, windowsOf } from './columns.ts';
import { flipFilter } from './composed.ts';
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
  type ConvAttributes,
  type ConvFilterGradientAttributes,
  type ConvInputGradientAttributes,
  type DenseAttributes,
  type KernelCall,
  type MatrixProductAttributes,
  type Padding,
  type Stride,
} from './names.ts';
import type { KernelTable } from './register.ts';
import { backwardPadding, convExtent, forwardPadding, type ConvPadding } from './shapes.ts';
import { depthwise, depthwiseFilterGradient, depthwiseInputGradient } from './tensorflow-depthwise.ts';
import {
  add,
  batchNorm,
  batchNormGradient,
  globalAverage,
  globalAverageGradient,
  pool,
  poolGradient,
  reluGradient,
  shortcut,
  shortcutGradient,
} from './tensorflow-layers.ts';
import {
  conv2d,
  convAttributes,
  execute,
  finished,
  integer,
  matrixProduct,
  namedConvAttributes,
  text,
} from './tensorflow-operations.ts';

type Call<A = undefined> = KernelCall<TensorflowBackend, A>;
type Shape4 = readonly [number, number, number, number];

/** Layer kernels of the tensorflow engine, each of them TensorFlow's own operations. */
export const TENSORFLOW_KERNELS: KernelTable = {
  [CONV]: convolution,
  [CONV_INPUT_GRADIENT]: convolutionInputGradient,
  [CONV_FILTER_GRADIENT]: convolutionFilterGradient,
  [DEPTHWISE]: depthwise,
  [DEPTHWISE_INPUT_GRADIENT]: depthwiseInputGradient,
  [DEPTHWISE_FILTER_GRADIENT]: depthwiseFilterGradient,
  [RELU_GRADIENT]: reluGradient,
  [POOL]: pool,
  [POOL_GRADIENT]: poolGradient,
  [DENSE]: dense,
  [MATRIX_PRODUCT]: ({ inputs, backend, attrs }: Call<MatrixProductAttributes>) =>
    matrixProduct(backend, inputs['a'] as tf.Tensor, inputs['b'] as tf.Tensor, attrs.transposeA, attrs.transposeB),
  [COLUMN_SUMS]: columnSums,
  [ADD]: add,
  [BATCH_NORM]: batchNorm,
  [BATCH_NORM_GRADIENT]: batchNormGradient,
  [GLOBAL_AVERAGE]: globalAverage,
  [GLOBAL_AVERAGE_GRADIENT]: globalAverageGradient,
  [SHORTCUT]: shortcut,
  [SHORTCUT_GRADIENT]: shortcutGradient,
};

/** Up to this many input channels, dx is computed in blocks; see {@link blockConvolution}. */
const FEW_CHANNELS = 4;
/** About as many outputs as the libraries compute at once. */
const BLOCK_OUTPUTS = 16;
/** From this many channels on, a convolution with few positions is mostly its filter, which libraries then read slowly. */
const MANY_CHANNELS = 128;

/** Positions up to which such a convolution is faster as a product: forward and dx, and the filter's gradient. */
const FEW_POSITIONS = 8;
const FEW_POSITIONS_FILTER = 16;

/**
 * How a convolution is computed: as a product of matrices where its windows are single positions, or where there are
 * few of them of many channels (at 2×2 positions and 512 channels 2.8 times as fast forward, 1.7 times for dx, 3 times
 * for the filter); else by the libraries' convolution.
 */
function asProduct([kernelHeight, kernelWidth, inputs]: Shape4, positions: number, most: number): boolean {
  return (kernelHeight === 1 && kernelWidth === 1) || (inputs >= MANY_CHANNELS && positions <= most);
}

function convolution({ inputs, backend, attrs }: Call<ConvAttributes>): tf.TensorInfo {
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias?: tf.Tensor1D };
  const { stride, pad, relu } = attrs;
  const [n, height, width] = x.shape;
  const [kernelHeight, kernelWidth, , outputs] = filter.shape;
  const output = [convExtent(height, kernelHeight, stride, pad), convExtent(width, kernelWidth, stride, pad)] as const;
  return tf.tidy(() => {
    if (asProduct(filter.shape, output[0] * output[1], FEW_POSITIONS)) {
      const windows = windowsOf(x, filter.shape, output, stride, pad);
      const product = matrixProduct(backend, windows, tf.reshape(filter, [-1, outputs]));
      return tf.reshape(finished(backend, product, bias, relu), [n, ...output, outputs]);
    }
    return finished(backend, conv2d(backend, x, filter, stride, forwardPadding(filter.shape, pad)), bias, relu);
  });
}

function convolutionInputGradient({ inputs, backend, attrs }: Call<ConvInputGradientAttributes>): tf.TensorInfo {
  const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
  const { stride, pad, inputShape } = attrs;
  const [, height, width, outputs] = dy.shape;
  return tf.tidy(() => {
    if (asProduct(filter.shape, height * width, FEW_POSITIONS)) {
      const rows = tf.reshape(dy, [-1, outputs]);
      const windows = matrixProduct(backend, rows, tf.reshape(filter, [-1, outputs]), false, true);
      return addWindows(windows as tf.Tensor2D, filter.shape, inputShape, [height, width], stride, pad);
    }
    const few = inputShape[3] <= FEW_CHANNELS;
    if (few && stride > 1) {
      const shape = tf.tensor1d([...inputShape], 'int32');
      const attributes = convAttributes(backend, stride, forwardPadding(filter.shape, pad));
      return execute(backend, 'Conv2DBackpropInput', [shape, filter, dy], attributes);
    }
    if (!few) {
      const { frame, attributes } = backwardWindow(backend, attrs, filter.shape);
      const [n, inputHeight, inputWidth, channels] = inputShape;
      const { top, bottom, left, right } = frame;
      const shape = [n, inputHeight + top + bottom, inputWidth + left + right, channels];
      const dx = execute(backend, 'Conv2DBackpropInput', [tf.tensor1d(shape, 'int32'), filter, dy], attributes);
      return top + bottom + left + right === 0 ? dx : tf.slice(dx, [0, top, left, 0], [...inputShape]);
    }
    const padding = backwardPadding(filter.shape, pad);
    const flipped = flipFilter(filter);
    const block = Math.floor(Math.sqrt(BLOCK_OUTPUTS / inputShape[3]));
    const plan = blockConvolution(flipped.shape, [height, width], padding, block);
    const values = tf.concat([tf.reshape(flipped, [-1]), tf.zeros([1])]);
    const large = tf.reshape(tf.gather(values, tf.tensor1d(plan.sources, 'int32')), [...plan.filterShape]);
    const blocks = conv2d(backend, dy, large as tf.Tensor4D, block, plan.padding);
    const image = execute(
      backend,
      'DepthToSpace',
      [blocks],
      [integer(backend, 'block_size', block), text(backend, 'data_format', 'NHWC')],
    );
    return tf.slice(image, [0, 0, 0, 0], [...inputShape]);
  });
}

function convolutionFilterGradient({ inputs, backend, attrs }: Call<ConvFilterGradientAttributes>): tf.TensorInfo {
  const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
  const { stride, pad, filterShape } = attrs;
  const [, height, width, outputs] = dy.shape;
  return tf.tidy(() => {
    if (asProduct(filterShape, height * width, FEW_POSITIONS_FILTER)) {
      const windows = windowsOf(x, filterShape, [height, width], stride, pad);
      const product = matrixProduct(backend, windows, tf.reshape(dy, [-1, outputs]), true, false);
      return tf.reshape(product, [...filterShape]);
    }
    const { frame, attributes } = backwardWindow(backend, attrs, filterShape);
    const shape = tf.tensor1d([...filterShape], 'int32');
    return execute(backend, 'Conv2DBackpropFilter', [padImages(x, frame), shape, dy], attributes);
  });
}

/**
 * How the gradients of a convolution are asked for: TensorFlow's kernels for explicit padding are up to 3.5 times as slow
 * as oneDNN's, which know `SAME` and `VALID` alone. So where the padding is not one of these, the images get a frame.
 */
function backwardWindow(
  backend: TensorflowBackend,
  { stride, pad }: { readonly stride: Stride; readonly pad: Padding },
  filter: Shape4,
): { readonly frame: ConvPadding; readonly attributes: OpAttribute[] } {
  const none = forwardPadding(filter, 'valid');
  if (stride === 1 && pad === 'same') return { frame: none, attributes: namedConvAttributes(backend, 1, 'SAME') };
  return { frame: forwardPadding(filter, pad), attributes: namedConvAttributes(backend, stride, 'VALID') };
}

function dense({ inputs: { x, weights, bias }, backend, attrs }: Call<DenseAttributes>): tf.TensorInfo {
  return tf.tidy(() =>
    finished(backend, matrixProduct(backend, x as tf.Tensor, weights as tf.Tensor), bias, attrs.relu),
  );
}

function columnSums({ inputs: { x }, backend }: Call): tf.TensorInfo {
  return execute(backend, 'BiasAddGrad', [x], [text(backend, 'data_format', 'NHWC')]);
}
