import * as tf from '@tensorflow/tfjs-core';
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
  type DenseAttributes,
  type Padding,
  type PoolAttributes,
} from './names.ts';

/** tfjs-core's engine takes attributes of any shape; ours are typed. */
function run(kernel: string, inputs: Record<string, tf.Tensor>, attributes: object = {}): tf.Tensor {
  return tf.engine().runKernel(kernel, inputs, attributes as tf.NamedAttrMap);
}

/**
 * Convolution of stride 1 with bias and, if asked, ReLU.
 * @param x [n, h, w, in]
 * @param filter [kh, kw, in, out]
 * @param bias [out]
 * @param options `maskedBelow`: the caller promises that gradients that arrive here are 0 wherever the ReLU is off.
 * @returns [n, h', w', out]; differentiable once with respect to all three.
 */
export function convLayer(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D,
  options: { readonly pad: Padding; readonly relu: boolean; readonly maskedBelow?: boolean },
): tf.Tensor4D {
  const attributes: ConvAttributes = {
    pad: options.pad,
    relu: options.relu,
    maskedBelow: options.maskedBelow ?? false,
  };
  return run(CONV, { x, filter, bias }, attributes) as tf.Tensor4D;
}

/**
 * Maximum over 2×2 windows with stride 2; an odd last row or column is left out. Gradients go to the first maximum.
 * @param x [n, h, w, c], h and w at least 2
 * @param masked treats x as the output of a ReLU whose gradient is taken along (0 where the maximum is not positive).
 * @returns [n, ⌊h/2⌋, ⌊w/2⌋, c]; differentiable once.
 */
export function poolLayer(x: tf.Tensor4D, masked = false): tf.Tensor4D {
  const attributes: PoolAttributes = { masked };
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

/** Registers the gradients of the layers above. They are the same on every engine. */
export function registerLayerGradients(): void {
  tf.registerGradient({
    kernelName: CONV,
    inputsToSave: ['x', 'filter'],
    outputsToSave: [true],
    gradFunc: (dys, saved, attrs) => {
      const [x, filter, y] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
      const { pad, relu, maskedBelow } = attrs as unknown as ConvAttributes;
      const dy = relu && !maskedBelow ? run(RELU_GRADIENT, { dy: dys as tf.Tensor, y }) : (dys as tf.Tensor);
      return {
        x: () => run(CONV_INPUT_GRADIENT, { dy, filter }, { inputShape: x.shape, pad }),
        filter: () => run(CONV_FILTER_GRADIENT, { x, dy }, { filterShape: filter.shape, pad }),
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
}
