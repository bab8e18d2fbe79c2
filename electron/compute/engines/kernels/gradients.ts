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
  type ConvAttributes,
  type DenseAttributes,
  type DepthwiseAttributes,
} from './names.ts';

function run(kernel: string, inputs: Record<string, tf.Tensor>, attributes: object = {}): tf.Tensor {
  return tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap);
}

/** Registers the gradients of the layers. They are the same on every engine. */
export function registerLayerGradients(): void {
  tf.registerGradient({
    kernelName: CONV,
    inputsToSave: ['x', 'filter'],
    outputsToSave: [true],
    gradFunc: (dys, saved, attrs) => {
      const [x, filter, y] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
      const { stride, pad, relu, maskedBelow } = attrs as unknown as ConvAttributes;
      const dy = relu && !maskedBelow ? run(RELU_GRADIENT, { dy: dys as tf.Tensor, y }) : (dys as tf.Tensor);
      return {
        x: () => run(CONV_INPUT_GRADIENT, { dy, filter }, { inputShape: x.shape, stride, pad }),
        filter: () => run(CONV_FILTER_GRADIENT, { x, dy }, { filterShape: filter.shape, stride, pad }),
        bias: () => run(COLUMN_SUMS, { x: dy }),
      };
    },
  });
  tf.registerGradient({
    kernelName: DEPTHWISE,
    inputsToSave: ['x', 'filter'],
    outputsToSave: [true],
    gradFunc: (dys, saved, attrs) => {
      const [x, filter, y] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
      const { stride, relu } = attrs as unknown as DepthwiseAttributes;
      const dy = relu ? run(RELU_GRADIENT, { dy: dys as tf.Tensor, y }) : (dys as tf.Tensor);
      return {
        x: () => run(DEPTHWISE_INPUT_GRADIENT, { dy, filter }, { inputShape: x.shape, stride }),
        filter: () => run(DEPTHWISE_FILTER_GRADIENT, { x, dy }, { filterShape: filter.shape, stride }),
        bias: () => run(COLUMN_SUMS, { x: dy }),
      };
    },
  });
  tf.registerGradient({
    kernelName: POOL,
    inputsToSave: ['x'],
    outputsToSave: [true],
    gradFunc: (dy, saved, attrs) => {
      const [x, y] = saved as [tf.Tensor4D, tf.Tensor4D];
      return { x: () => run(POOL_GRADIENT, { x, y, dy: dy as tf.Tensor }, attrs) };
    },
  });
  tf.registerGradient({
    kernelName: DENSE,
    inputsToSave: ['x', 'weights'],
    outputsToSave: [true],
    gradFunc: (dys, saved, attrs) => {
      const [x, weights, y] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
      const { relu } = attrs as unknown as DenseAttributes;
      const dy = (relu ? run(RELU_GRADIENT, { dy: dys as tf.Tensor, y }) : dys) as tf.Tensor2D;
      return {
        x: () => run(MATRIX_PRODUCT, { a: dy, b: weights }, { transposeA: false, transposeB: true }),
        weights: () => run(MATRIX_PRODUCT, { a: x, b: dy }, { transposeA: true, transposeB: false }),
        bias: () => run(COLUMN_SUMS, { x: dy }),
      };
    },
  });
  tf.registerGradient({
    kernelName: ADD,
    outputsToSave: [true],
    gradFunc: (dys, saved, attrs) => {
      const { relu } = attrs as unknown as AddAttributes;
      const [y] = saved as [tf.Tensor];
      const dy = relu ? run(RELU_GRADIENT, { dy: dys as tf.Tensor, y }) : (dys as tf.Tensor);
      return { a: () => tf.clone(dy), b: () => tf.clone(dy) };
    },
  });
  tf.registerGradient({
    kernelName: BATCH_NORM,
    inputsToSave: ['x', 'gamma'],
    outputsToSave: [true, true, true],
    gradFunc: (dys, saved, attrs) => {
      const [x, gamma, y, mean, variance] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const { epsilon, relu } = attrs as unknown as BatchNormAttributes;
      const [above] = dys as [tf.Tensor];
      const dy = relu ? run(RELU_GRADIENT, { dy: above, y }) : above;
      const inputs = { dy, x, gamma, mean, variance };
      const [dx, dGamma, dBeta] = run(BATCH_NORM_GRADIENT, inputs, { epsilon }) as unknown as readonly [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      return { x: () => dx, gamma: () => dGamma, beta: () => dBeta };
    },
  });
  tf.registerGradient({
    kernelName: GLOBAL_AVERAGE,
    inputsToSave: ['x'],
    gradFunc: (dy, saved) => {
      const [x] = saved as [tf.Tensor4D];
      return { x: () => run(GLOBAL_AVERAGE_GRADIENT, { dy: dy as tf.Tensor }, { inputShape: x.shape }) };
    },
  });
  tf.registerGradient({
    kernelName: SHORTCUT,
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attrs) => {
      const [x] = saved as [tf.Tensor4D];
      return { x: () => run(SHORTCUT_GRADIENT, { dy: dy as tf.Tensor }, { ...attrs, inputShape: x.shape }) };
    },
  });
}
