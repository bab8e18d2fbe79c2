import * as tf from '@tensorflow/tfjs-core';
import type { TensorflowBackend } from '../binding.ts';
import { padImages } from './columns.ts';
import type {
  DepthwiseAttributes,
  DepthwiseFilterGradientAttributes,
  DepthwiseInputGradientAttributes,
  KernelCall,
  Stride,
} from './names.ts';
import { forwardPadding, type ConvPadding } from './shapes.ts';
import { execute, finished, namedConvAttributes } from './tensorflow-operations.ts';

type Call<A> = KernelCall<TensorflowBackend, A>;

/** Where TensorFlow's `SAME` puts the zeros elsewhere than ours, the images get a frame. */
function frameOf(
  filter: readonly number[],
  stride: Stride,
): { readonly frame: ConvPadding; readonly padding: 'SAME' | 'VALID' } {
  return stride === 1
    ? { frame: forwardPadding(filter, 'valid'), padding: 'SAME' }
    : { frame: forwardPadding(filter, 'same'), padding: 'VALID' };
}

/** See names.ts: DEPTHWISE. */
export function depthwise({ inputs, backend, attrs }: Call<DepthwiseAttributes>): tf.TensorInfo {
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias?: tf.Tensor1D };
  const { frame, padding } = frameOf(filter.shape, attrs.stride);
  return tf.tidy(() => {
    const attributes = namedConvAttributes(backend, attrs.stride, padding);
    const product = execute(backend, 'DepthwiseConv2dNative', [padImages(x, frame), filter], attributes);
    return finished(backend, product, bias, attrs.relu);
  });
}

/** See names.ts: DEPTHWISE_INPUT_GRADIENT. */
export function depthwiseInputGradient({
  inputs,
  backend,
  attrs,
}: Call<DepthwiseInputGradientAttributes>): tf.TensorInfo {
  const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
  const [n, height, width, channels] = attrs.inputShape;
  const { frame, padding } = frameOf(filter.shape, attrs.stride);
  const { top, bottom, left, right } = frame;
  return tf.tidy(() => {
    const shape = tf.tensor1d([n, height + top + bottom, width + left + right, channels], 'int32');
    const attributes = namedConvAttributes(backend, attrs.stride, padding);
    const dx = execute(backend, 'DepthwiseConv2dNativeBackpropInput', [shape, filter, dy], attributes);
    return padding === 'SAME' ? dx : tf.slice(dx, [0, top, left, 0], [...attrs.inputShape]);
  });
}

/** See names.ts: DEPTHWISE_FILTER_GRADIENT. */
export function depthwiseFilterGradient(call: Call<DepthwiseFilterGradientAttributes>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
  const { frame, padding } = frameOf(attrs.filterShape, attrs.stride);
  return tf.tidy(() => {
    const shape = tf.tensor1d([...attrs.filterShape], 'int32');
    const attributes = namedConvAttributes(backend, attrs.stride, padding);
    return execute(backend, 'DepthwiseConv2dNativeBackpropFilter', [padImages(x, frame), shape, dy], attributes);
  });
}
