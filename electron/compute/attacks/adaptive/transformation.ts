import * as tf from '@tensorflow/tfjs-core';
import type { ImageShape } from '../../../../shared/domain/shape.ts';
import type { RandomStream } from '../../random/stream.ts';
import { fillResampling } from '../ascent/momentum-method.ts';
import { transformed } from '../ascent/momentum-steps.ts';
import { withSubstitute } from './substitute.ts';

/** What happens to an image before the model sees it. */
export interface Transformation {
  /** Random numbers that one image takes; 0 where nothing is random. */
  numbers(shape: ImageShape): number;
  /** Draws them; left out where nothing is random. */
  draw?(into: Float32Array, random: RandomStream, shape: ImageShape): void;
  /**
   * Differentiable, unless there is a substitute. A pure function of its arguments, for use in a step.
   * @param images [n, height, width, channels] in [0, 1]
   * @param draws [n, numbers]
   * @returns of the images' shape
   */
  readonly apply: (images: tf.Tensor4D, draws: tf.Tensor2D) => tf.Tensor4D;
  /** What stands for it in the backward pass, see {@link withSubstitute}; left out: its own gradient. */
  readonly substitute?: 'identity' | ((images: tf.Tensor4D, draws: tf.Tensor2D) => tf.Tensor4D);
}

/** Images as the model sees them, with the gradient that the transformation is given. For use in a step. */
export function seenThrough(
  { apply, substitute }: Transformation,
  images: tf.Tensor4D,
  draws: tf.Tensor2D,
): tf.Tensor4D {
  if (substitute === undefined) return apply(images, draws);
  const backward = substitute === 'identity' ? substitute : (x: tf.Tensor4D) => substitute(x, draws);
  return withSubstitute((x: tf.Tensor4D) => apply(x, draws), backward)(images);
}

/** Normal noise on every pixel. @param deviation of [0, 1] */
export function noiseOf(deviation: number): Transformation {
  return {
    numbers: ([height, width, channels]) => height * width * channels,
    draw: (into, random) => random.fillNormal(into, 0, into.length, 0, deviation),
    apply: (images, draws) => tf.add(images, tf.reshape(draws, images.shape)),
  };
}

/**
 * A shift by up to so many pixels each way, evenly; between pixels by linear interpolation, black around the image.
 * @param pixels at least 0
 */
export function shiftsOf(pixels: number): Transformation {
  return {
    numbers: () => 2,
    draw: (into, random) => random.fillUniform(into, 0, 2, -pixels, pixels),
    apply(images, draws) {
      const [rows = 0, height = 0, width = 0] = images.shape;
      const [down, right] = tf.split(draws, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
      const pair = [shiftMatrix(down, rows, height), shiftMatrix(right, rows, width)] as const;
      return transformed(images, pair, false) as tf.Tensor4D;
    },
  };
}

/** [n, side, side]: row i takes pixel i − shift. */
function shiftMatrix(shift: tf.Tensor2D, rows: number, side: number): tf.Tensor {
  const line = Array.from({ length: side }, (_, at) => at);
  const offsets = tf.sub(tf.tensor3d(line, [1, side, 1]), tf.tensor3d(line, [1, 1, side]));
  return tf.relu(tf.sub(1, tf.abs(tf.sub(offsets, tf.reshape(shift, [rows, 1, 1])))));
}

/**
 * The image made smaller, to a random share of its side, at a random place on black (Xie et al. 2018, arXiv 1711.01991,
 * section 3, who put images of 299 into 331).
 * @param smallest share of the side, in (0, 1]
 */
export function resizingOf(smallest: number): Transformation {
  return {
    numbers: ([height, width]) => height * height + width * width,
    draw(into, random, [height, width]) {
      const [share, down, across] = [random.uniform(smallest, 1), random.uniform(), random.uniform()];
      into.fill(0);
      fillResampling(into.subarray(0, height * height), height, share, down);
      fillResampling(into.subarray(height * height), width, share, across);
    },
    apply(images, draws) {
      const [rows = 0, height = 0, width = 0] = images.shape;
      const [vertical, horizontal] = tf.split(draws, [height * height, width * width], 1) as [tf.Tensor, tf.Tensor];
      const pair = [
        tf.reshape(vertical, [rows, height, height]),
        tf.reshape(horizontal, [rows, width, width]),
      ] as const;
      return transformed(images, pair, false) as tf.Tensor4D;
    },
  };
}

/** Pixels rounded to `levels` values from 0 to 1; backwards the identity, as rounding has no gradient. */
export function roundingTo(levels: number): Transformation {
  return {
    numbers: () => 0,
    apply: (images) => tf.div(tf.round(tf.mul(tf.clipByValue(images, 0, 1), levels - 1)), levels - 1),
    substitute: 'identity',
  };
}
