import * as tf from '@tensorflow/tfjs-core';
import { padImages, spread } from './columns.ts';
import type {
  DepthwiseAttributes,
  DepthwiseFilterGradientAttributes,
  DepthwiseInputGradientAttributes,
  KernelCall,
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
  const [kernelHeight, kernelWidth, channels] = filterShape;
  const [n, height, width] = dy.shape;
  return tf.tidy(() => {
    const padded = padImages(x, forwardPadding(filterShape, 'same'));
    const taps: tf.Tensor[] = [];
    for (let row = 0; row < kernelHeight; row++) {
      for (let column = 0; column < kernelWidth; column++) {
        const end = [n, row + (height - 1) * stride + 1, column + (width - 1) * stride + 1, channels];
        const seen =
          stride === 1
            ? tf.slice(padded, [0, row, column, 0], dy.shape)
            : tf.stridedSlice(padded, [0, row, column, 0], end, [1, stride, stride, 1]);
        taps.push(tf.sum(tf.mul(seen, dy), [0, 1, 2]));
      }
    }
    return tf.reshape(tf.stack(taps), [...filterShape]);
  });
}
