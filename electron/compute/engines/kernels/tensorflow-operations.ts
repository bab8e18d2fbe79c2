import type * as tf from '@tensorflow/tfjs-core';
import type { OpAttribute, TensorflowBackend } from '../binding.ts';
import type { ConvPadding } from './shapes.ts';

/** Runs a float32 operation with one output. */
export function execute(
  backend: TensorflowBackend,
  operation: string,
  inputs: readonly (tf.Tensor | undefined)[],
  attributes: readonly OpAttribute[] = [],
): tf.Tensor {
  return backend.executeSingleOutput(operation, [typed(backend, 'T'), ...attributes], inputs as tf.Tensor[]);
}

export function conv2d(
  backend: TensorflowBackend,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  stride: number,
  padding: ConvPadding,
): tf.Tensor4D {
  return execute(backend, 'Conv2D', [x, filter], convAttributes(backend, stride, padding)) as tf.Tensor4D;
}

export function convAttributes(
  backend: TensorflowBackend,
  stride: number,
  { top, bottom, left, right }: ConvPadding,
): OpAttribute[] {
  if (top + bottom + left + right === 0) return namedConvAttributes(backend, stride, 'VALID');
  return [
    ...namedConvAttributes(backend, stride, 'EXPLICIT'),
    integers(backend, 'explicit_paddings', [0, 0, top, bottom, left, right, 0, 0]),
  ];
}

export function namedConvAttributes(
  backend: TensorflowBackend,
  stride: number,
  padding: 'EXPLICIT' | 'SAME' | 'VALID',
): OpAttribute[] {
  return [
    integers(backend, 'strides', [1, stride, stride, 1]),
    text(backend, 'padding', padding),
    text(backend, 'data_format', 'NHWC'),
    integers(backend, 'dilations', [1, 1, 1, 1]),
  ];
}

export function matrixProduct(
  backend: TensorflowBackend,
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA = false,
  transposeB = false,
): tf.Tensor {
  return execute(
    backend,
    'MatMul',
    [a, b],
    [truth(backend, 'transpose_a', transposeA), truth(backend, 'transpose_b', transposeB)],
  );
}

/** Bias, if there is one, and ReLU, if asked: in this order, TensorFlow's graph optimiser makes them part of a product. */
export function finished(
  backend: TensorflowBackend,
  x: tf.Tensor,
  bias: tf.Tensor | undefined,
  relu: boolean,
): tf.Tensor {
  const biased = bias ? execute(backend, 'BiasAdd', [x, bias], [text(backend, 'data_format', 'NHWC')]) : x;
  return relu ? execute(backend, 'Relu', [biased]) : biased;
}

export function typed({ binding }: TensorflowBackend, name: string): OpAttribute {
  return { name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
}

export function text({ binding }: TensorflowBackend, name: string, value: string): OpAttribute {
  return { name, type: binding.TF_ATTR_STRING, value };
}

export function truth({ binding }: TensorflowBackend, name: string, value: boolean): OpAttribute {
  return { name, type: binding.TF_ATTR_BOOL, value };
}

export function decimal({ binding }: TensorflowBackend, name: string, value: number): OpAttribute {
  return { name, type: binding.TF_ATTR_FLOAT, value };
}

export function integer({ binding }: TensorflowBackend, name: string, value: number): OpAttribute {
  return { name, type: binding.TF_ATTR_INT, value };
}

export function integers({ binding }: TensorflowBackend, name: string, value: readonly number[]): OpAttribute {
  return { name, type: binding.TF_ATTR_INT, value };
}
