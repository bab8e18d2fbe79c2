import * as tf from '@tensorflow/tfjs-core';
import type { OpAttribute, TensorflowBackend } from '../binding.ts';
import { blockConvolution } from './blocked.ts';
import { flipFilter } from './composed.ts';
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
import type { KernelTable } from './register.ts';
import { backwardPadding, forwardPadding, type ConvPadding } from './shapes.ts';

type Call<A = undefined> = KernelCall<TensorflowBackend, A>;

/** Layer kernels of the tensorflow engine, each of them TensorFlow's own operations. */
export const TENSORFLOW_KERNELS: KernelTable = {
  [CONV]: convolution,
  [CONV_INPUT_GRADIENT]: convolutionInputGradient,
  [CONV_FILTER_GRADIENT]: convolutionFilterGradient,
  [RELU_GRADIENT]: reluGradient,
  [POOL]: pool,
  [POOL_GRADIENT]: poolGradient,
  [DENSE]: dense,
  [MATRIX_PRODUCT]: matrixProduct,
  [COLUMN_SUMS]: columnSums,
};

/** Up to this many input channels, dx is computed in blocks; see {@link blockConvolution}. */
const FEW_CHANNELS = 4;
const BLOCK = 4;

function convolution({ inputs, backend, attrs }: Call<ConvAttributes>): tf.TensorInfo {
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias: tf.Tensor1D };
  return tf.tidy(() => {
    const sum = conv2d(backend, x, filter, 1, forwardPadding(filter.shape, attrs.pad));
    const biased = execute(backend, 'BiasAdd', [sum, bias], [text(backend, 'data_format', 'NHWC')]);
    return attrs.relu ? execute(backend, 'Relu', [biased]) : biased;
  });
}

function convolutionInputGradient({ inputs, backend, attrs }: Call<ConvInputGradientAttributes>): tf.TensorInfo {
  const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
  const padding = backwardPadding(filter.shape, attrs.pad);
  return tf.tidy(() => {
    const flipped = flipFilter(filter);
    const [, height, width, channels] = attrs.inputShape;
    if (channels > FEW_CHANNELS) return conv2d(backend, dy, flipped, 1, padding);
    const plan = blockConvolution(flipped.shape, [dy.shape[1], dy.shape[2]], padding, BLOCK);
    const values = tf.concat([tf.reshape(flipped, [-1]), tf.zeros([1])]);
    const large = tf.reshape(tf.gather(values, tf.tensor1d(plan.sources, 'int32')), [...plan.filterShape]);
    const blocks = conv2d(backend, dy, large as tf.Tensor4D, BLOCK, plan.padding);
    const image = execute(
      backend,
      'DepthToSpace',
      [blocks],
      [integer(backend, 'block_size', BLOCK), text(backend, 'data_format', 'NHWC')],
    );
    return tf.slice(image, [0, 0, 0, 0], [dy.shape[0], height, width, channels]);
  });
}

function convolutionFilterGradient({ inputs, backend, attrs }: Call<ConvFilterGradientAttributes>): tf.TensorInfo {
  const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
  return tf.tidy(() => {
    const shape = tf.tensor1d([...attrs.filterShape], 'int32');
    const attributes = convAttributes(backend, 1, forwardPadding(attrs.filterShape, attrs.pad));
    return execute(backend, 'Conv2DBackpropFilter', [x, shape, dy], attributes);
  });
}

function reluGradient({ inputs: { dy, y }, backend }: Call): tf.TensorInfo {
  return execute(backend, 'ReluGrad', [dy, y]);
}

function pool({ inputs: { x }, backend }: Call<PoolAttributes>): tf.TensorInfo {
  return execute(backend, 'MaxPool', [x], poolAttributes(backend));
}

function poolGradient({ inputs: { x, y, dy }, backend, attrs }: Call<PoolAttributes>): tf.TensorInfo {
  return tf.tidy(() => {
    const masked = attrs.masked ? execute(backend, 'ReluGrad', [dy, y]) : dy;
    return execute(backend, 'MaxPoolGrad', [x, y, masked], poolAttributes(backend));
  });
}

function dense({ inputs: { x, weights, bias }, backend, attrs }: Call<DenseAttributes>): tf.TensorInfo {
  return tf.tidy(() => {
    const product = execute(backend, 'MatMul', [x, weights], transposes(backend, false, false));
    const biased = execute(backend, 'BiasAdd', [product, bias], [text(backend, 'data_format', 'NHWC')]);
    return attrs.relu ? execute(backend, 'Relu', [biased]) : biased;
  });
}

function matrixProduct({ inputs: { a, b }, backend, attrs }: Call<MatrixProductAttributes>): tf.TensorInfo {
  return execute(backend, 'MatMul', [a, b], transposes(backend, attrs.transposeA, attrs.transposeB));
}

function columnSums({ inputs: { x }, backend }: Call): tf.TensorInfo {
  return execute(backend, 'BiasAddGrad', [x], [text(backend, 'data_format', 'NHWC')]);
}

/** Runs a float32 operation with one output. */
function execute(
  backend: TensorflowBackend,
  operation: string,
  inputs: readonly (tf.Tensor | undefined)[],
  attributes: readonly OpAttribute[] = [],
): tf.Tensor {
  const type = { name: 'T', type: backend.binding.TF_ATTR_TYPE, value: backend.binding.TF_FLOAT };
  return backend.executeSingleOutput(operation, [type, ...attributes], inputs as tf.Tensor[]);
}

function conv2d(
  backend: TensorflowBackend,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  stride: number,
  padding: ConvPadding,
): tf.Tensor4D {
  return execute(backend, 'Conv2D', [x, filter], convAttributes(backend, stride, padding)) as tf.Tensor4D;
}

function convAttributes(
  backend: TensorflowBackend,
  stride: number,
  { top, bottom, left, right }: ConvPadding,
): OpAttribute[] {
  const explicit = top + bottom + left + right > 0;
  return [
    integers(backend, 'strides', [1, stride, stride, 1]),
    text(backend, 'padding', explicit ? 'EXPLICIT' : 'VALID'),
    ...(explicit ? [integers(backend, 'explicit_paddings', [0, 0, top, bottom, left, right, 0, 0])] : []),
    text(backend, 'data_format', 'NHWC'),
    integers(backend, 'dilations', [1, 1, 1, 1]),
  ];
}

function poolAttributes(backend: TensorflowBackend): OpAttribute[] {
  return [
    integers(backend, 'ksize', [1, 2, 2, 1]),
    integers(backend, 'strides', [1, 2, 2, 1]),
    text(backend, 'padding', 'VALID'),
    text(backend, 'data_format', 'NHWC'),
  ];
}

function transposes({ binding }: TensorflowBackend, first: boolean, second: boolean): OpAttribute[] {
  return [
    { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: first },
    { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: second },
  ];
}

function text({ binding }: TensorflowBackend, name: string, value: string): OpAttribute {
  return { name, type: binding.TF_ATTR_STRING, value };
}

function integer({ binding }: TensorflowBackend, name: string, value: number): OpAttribute {
  return { name, type: binding.TF_ATTR_INT, value };
}

function integers({ binding }: TensorflowBackend, name: string, value: readonly number[]): OpAttribute {
  return { name, type: binding.TF_ATTR_INT, value };
}
