import * as tf from '@tensorflow/tfjs-core';
import { padImages, spread } from './columns.ts';
import {
  COLUMN_SUMS,
  type DepthwiseAttributes,
  type DepthwiseFilterGradientAttributes,
  type DepthwiseInputGradientAttributes,
  type KernelCall,
} from './names.ts';
import { backwardPadding, forwardPadding } from './shapes.ts';

type Call<A> = KernelCall<unknown, A>;

/** See names.ts: DEPTHWISE. */
export function depthwise({ inputs, attrs }: Call<DepthwiseAttributes>): tf.Tensor {
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias?: tf.Tensor1D };
  return tf.tidy(() => {
    const padded = padImages(x, forwardPadding(filter.shape, 'same'));
    const product = tf.depthwiseConv2d(padded, filter, attrs.stride, 'valid');
    const biased = bias ? tf.add(product, bias) : product;
    return attrs.relu ? tf.relu(biased) : biased;
  });
}

/** dx = dy, its elements `stride` apart, ∗ the filter turned by 180°. */
export function depthwiseInputGradient({ inputs, attrs }: Call<DepthwiseInputGradientAttributes>): tf.Tensor {
  const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
  return tf.tidy(() => {
    const [, height, width] = attrs.inputShape;
    const { top, left } = backwardPadding(filter.shape, 'same');
    const apart = spread(dy, attrs.stride);
    const padded = padImages(apart, {
      top,
      left,
      // What a stride leaves over at the end belongs to no window.
      bottom: height + filter.shape[0] - 1 - top - apart.shape[1],
      right: width + filter.shape[1] - 1 - left - apart.shape[2],
    });
    return tf.depthwiseConv2d(padded, tf.reverse(filter, [0, 1]), 1, 'valid');
  });
}

/** For each tap the sum over images and positions of dy times what of x lay under the tap. */
export function depthwiseFilterGradient({ inputs, attrs }: Call<DepthwiseFilterGradientAttributes>): tf.Tensor {
  const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
  const { filterShape, stride } = attrs;
  const [kernelHeight, kernelWidth] = filterShape;
  return tf.tidy(() => {
    const phases = phasesOf(padImages(x, forwardPadding(filterShape, 'same')), stride);
    const taps: tf.Tensor[] = [];
    for (let row = 0; row < kernelHeight; row++) {
      for (let column = 0; column < kernelWidth; column++) {
        const phase = phases[(row % stride) * stride + (column % stride)] as tf.Tensor;
        const from = [Math.floor(row / stride), Math.floor(column / stride)] as const;
        const seen = tf.slice(phase, [0, ...from, 0], dy.shape);
        taps.push(tf.engine().runKernel(COLUMN_SUMS, { x: tf.mul(seen, dy) }));
      }
    }
    return tf.reshape(tf.stack(taps), [...filterShape]);
  });
}

/**
 * Each `stride`-th row and column of images, from every row and column that they can begin at, in row-major order. Made of
 * slices: the wasm engine takes strided ones element by element.
 */
function phasesOf(images: tf.Tensor4D, stride: number): tf.Tensor4D[] {
  if (stride === 1) return [images];
  const [n, height, width, channels] = images.shape;
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const whole = padImages(images, {
    top: 0,
    left: 0,
    bottom: rows * stride - height,
    right: columns * stride - width,
  });
  const apart = tf.reshape(whole, [n * rows, stride, columns, stride * channels]);
  return Array.from({ length: stride ** 2 }, (_, at) => {
    const [row, column] = [Math.floor(at / stride), at % stride];
    const phase = tf.slice(apart, [0, row, 0, column * channels], [n * rows, 1, columns, channels]);
    return tf.reshape(phase, [n, rows, columns, channels]);
  });
}
