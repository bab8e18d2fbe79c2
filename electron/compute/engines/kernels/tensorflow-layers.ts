import * as tf from '@tensorflow/tfjs-core';
import type { OpAttribute, TensorflowBackend } from '../binding.ts';
import { windowsOf, addWindows } from './columns.ts';
import type {
  AddAttributes,
  BatchNormAttributes,
  BatchNormGradientAttributes,
  GlobalAverageGradientAttributes,
  KernelCall,
  PoolAttributes,
  ShortcutAttributes,
  ShortcutGradientAttributes,
} from './names.ts';
import { convExtent } from './shapes.ts';
import { decimal, execute, finished, integers, text, truth, typed } from './tensorflow-operations.ts';

type Call<A = undefined> = KernelCall<TensorflowBackend, A>;

export function reluGradient({ inputs: { dy, y }, backend }: Call): tf.TensorInfo {
  return execute(backend, 'ReluGrad', [dy, y]);
}

export function pool({ inputs: { x }, backend, attrs }: Call<PoolAttributes>): tf.TensorInfo {
  return execute(backend, 'MaxPool', [x], poolAttributes(backend, attrs.size));
}

export function poolGradient({ inputs: { x, y, dy }, backend, attrs }: Call<PoolAttributes>): tf.TensorInfo {
  return tf.tidy(() => {
    const masked = attrs.masked ? execute(backend, 'ReluGrad', [dy, y]) : dy;
    return execute(backend, 'MaxPoolGrad', [x, y, masked], poolAttributes(backend, attrs.size));
  });
}

function poolAttributes(backend: TensorflowBackend, size: PoolAttributes['size']): OpAttribute[] {
  return [
    integers(backend, 'ksize', [1, size, size, 1]),
    integers(backend, 'strides', [1, 2, 2, 1]),
    ...(size === 2
      ? [text(backend, 'padding', 'VALID')]
      : [text(backend, 'padding', 'EXPLICIT'), integers(backend, 'explicit_paddings', [0, 0, 1, 1, 1, 1, 0, 0])]),
    text(backend, 'data_format', 'NHWC'),
  ];
}

export function add({ inputs: { a, b }, backend, attrs }: Call<AddAttributes>): tf.TensorInfo {
  return tf.tidy(() => finished(backend, execute(backend, 'AddV2', [a, b]), undefined, attrs.relu));
}

export function batchNorm({ inputs, backend, attrs }: Call<BatchNormAttributes>): tf.TensorInfo[] {
  const { x, gamma, beta } = inputs as { x: tf.Tensor4D; gamma: tf.Tensor1D; beta: tf.Tensor1D };
  return tf.tidy(() => {
    const none = tf.tensor1d([]);
    const attributes = [...normAttributes(backend, attrs.epsilon), decimal(backend, 'exponential_avg_factor', 1)];
    const outputs = backend.executeMultipleOutputs('FusedBatchNormV3', attributes, [x, gamma, beta, none, none], 6);
    const [y, mean, unbiased] = outputs as [tf.Tensor, tf.Tensor, tf.Tensor];
    const count = x.size / gamma.size;
    return [attrs.relu ? execute(backend, 'Relu', [y]) : y, mean, tf.mul(unbiased, (count - 1) / count)];
  });
}

export function batchNormGradient({ inputs, backend, attrs }: Call<BatchNormGradientAttributes>): tf.TensorInfo[] {
  const { dy, x, gamma, mean, variance } = inputs as Record<'dy' | 'x' | 'gamma' | 'mean' | 'variance', tf.Tensor>;
  return tf.tidy(() => {
    // On graphics cards the operation wants what cuDNN saves: the inverse of the deviation.
    const spread = backend.binding.isUsingGpuDevice() ? tf.rsqrt(tf.add(variance, attrs.epsilon)) : variance;
    const list = [dy, x, gamma, mean, spread];
    return backend
      .executeMultipleOutputs('FusedBatchNormGradV2', normAttributes(backend, attrs.epsilon), list, 5)
      .slice(0, 3);
  });
}

function normAttributes(backend: TensorflowBackend, epsilon: number): OpAttribute[] {
  return [
    typed(backend, 'T'),
    typed(backend, 'U'),
    decimal(backend, 'epsilon', epsilon),
    text(backend, 'data_format', 'NHWC'),
    truth(backend, 'is_training', true),
  ];
}

export function globalAverage({ inputs: { x } }: Call): tf.TensorInfo {
  return tf.mean(x as tf.Tensor, [1, 2]);
}

export function globalAverageGradient({ inputs: { dy }, attrs }: Call<GlobalAverageGradientAttributes>): tf.TensorInfo {
  const [n, height, width, channels] = attrs.inputShape;
  return tf.tidy(() => {
    const share = tf.reshape(tf.div(dy as tf.Tensor, height * width), [n, 1, 1, channels]);
    return tf.tile(share, [1, height, width, 1]);
  });
}

export function shortcut({ inputs, attrs }: Call<ShortcutAttributes>): tf.TensorInfo {
  const { x } = inputs as { x: tf.Tensor4D };
  const { stride, before, after } = attrs;
  const [n, height, width, channels] = x.shape;
  const output = [convExtent(height, 1, stride, 'valid'), convExtent(width, 1, stride, 'valid')] as const;
  return tf.tidy(() => {
    const chosen = windowsOf(x, [1, 1, channels, channels], output, stride, 'valid');
    const wide = tf.pad(chosen, [
      [0, 0],
      [before, after],
    ]);
    return tf.reshape(wide, [n, ...output, before + channels + after]);
  });
}

export function shortcutGradient({ inputs, attrs }: Call<ShortcutGradientAttributes>): tf.TensorInfo {
  const { dy } = inputs as { dy: tf.Tensor4D };
  const { stride, before, inputShape } = attrs;
  const [n, height, width] = dy.shape;
  const channels = inputShape[3];
  return tf.tidy(() => {
    const own = tf.slice(tf.reshape(dy, [n * height * width, -1]), [0, before], [-1, channels]);
    return addWindows(own as tf.Tensor2D, [1, 1, channels, channels], inputShape, [height, width], stride, 'valid');
  });
}
