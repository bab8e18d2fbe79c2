import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../../engines/compile.ts';
import type { Inputs, StepDefinition } from '../../engines/step.ts';
import { inputGradient } from '../../models/classifier.ts';
import { forward, networkOf, weightsFromList } from '../../models/network.ts';
import type { Network, NetworkSpec, Weights } from '../../models/network.ts';
import type { Norm } from '../base/budget.ts';
import { moveInReach, steepest } from '../base/norms.ts';
import { choose, hits, notFinite } from '../base/row-masks.ts';

/** How a step with momentum is made. Plain data: every thread builds the same steps from it. */
export interface MomentumRule {
  readonly norm: Norm;
  readonly targeted: boolean;
  /** Look ahead along the momentum before the gradient is taken (NI). */
  readonly nesterov: boolean;
  /** Copies of the image, each half as bright as the one before, whose gradients are averaged (SI). */
  readonly scales: number;
  /** The model sees the image through a transformation of each row (DI). */
  readonly diverse: boolean;
  /** Width of the kernel that smooths the gradient (TI), odd; 1 for none. */
  readonly kernel: number;
  /** Whether iterates are judged; source models of transfers need no judgement. */
  readonly judged: boolean;
}

interface MomentumParameters {
  readonly network: NetworkSpec;
  readonly rule: MomentumRule;
  readonly iterations: number;
}

/**
 * State (iterate, first, nonFinite, kept, velocity), iteration [n], reach and labels, a transformation's two matrices
 * [n, height, height] and [n, width, width] (without one: anything of n rows), decay, step size, weights → state,
 * iteration. A transformation serves one call.
 *
 * g ← μ g + ∇ / mean |∇|, x ← x + α · direction of g in the norm (Dong et al. 2018, arXiv 1710.06081, algorithm 1; the mean
 * in place of the sum as in its authors' code, which matters to the look ahead alone).
 */
export const MOMENTUM: StepDefinition<MomentumParameters> = {
  name: 'attack-momentum',
  build({ network: spec, rule, iterations }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const [iterate, first, nonFinite, kept, velocity, index, ...more] = inputs as Inputs<6>;
      const [one, other, labels, vertical, horizontal, ...rest] = more as Inputs<5>;
      const [decay, stepSize, ...list] = rest as Inputs<2>;
      const weights = weightsFromList(network, list);
      const ahead = rule.nesterov ? tf.add(iterate, tf.mul(tf.mul(decay, stepSize), velocity)) : iterate;
      const matrices = rule.diverse ? ([vertical, horizontal] as const) : null;
      const { logits, gradient: seen } = gradientThrough(network, weights, ahead, labels, matrices, rule.scales);
      const gradient = smoothed(rule.targeted ? tf.neg(seen) : seen, rule.kernel);
      const next = tf.add(tf.mul(decay, velocity), meanOne(gradient));
      const moved = moveInReach(rule.norm, iterate, tf.mul(stepSize, steepest(rule.norm, next)), [one, other]);
      const failed = tf.add(nonFinite, notFinite(logits, gradient));
      if (!rule.judged) return [moved, first, failed, kept, next, tf.add(index, 1)];
      const atIterate = rule.nesterov || matrices || rule.scales > 1;
      const own = atIterate ? forward(network, weights, iterate as tf.Tensor4D).logits : logits;
      const newly = tf.mul(hits(own, labels, rule.targeted), tf.cast(tf.less(first, 0), 'float32'));
      return [moved, choose(newly, index, first), failed, choose(newly, iterate, kept), next, tf.add(index, 1)];
    }, iterations);
  },
  layout: () => ({ inputs: new Array<'rows'>(11).fill('rows'), outputs: new Array<'rows'>(6).fill('rows') }),
  describe: ({ network, iterations }) => `${network.architecture} momentum ${iterations}`,
};

/**
 * The gradient of the cross-entropy, averaged over copies of 1, ½, ¼ … of the brightness, each seen through the
 * transformation A x Bᵀ of its row, whose adjoint Aᵀ g B takes the gradient back.
 * @returns logits of the first copy.
 */
function gradientThrough(
  network: Network,
  weights: Weights,
  images: tf.Tensor,
  labels: tf.Tensor,
  matrices: readonly [tf.Tensor, tf.Tensor] | null,
  scales: number,
): { readonly logits: tf.Tensor2D; readonly gradient: tf.Tensor } {
  const look = (scale: number): { readonly logits: tf.Tensor2D; readonly gradient: tf.Tensor } => {
    const scaled = scale === 1 ? images : tf.mul(images, scale);
    const seen = matrices ? transformed(scaled, matrices, false) : scaled;
    const { logits, gradient } = inputGradient(network, weights, seen as tf.Tensor4D, labels as tf.Tensor1D);
    const back = matrices ? transformed(gradient, matrices, true) : gradient;
    return { logits, gradient: scale === 1 ? back : tf.mul(back, scale) };
  };
  const { logits, gradient: whole } = look(1);
  let gradient = whole;
  for (let copy = 1; copy < scales; copy += 1) gradient = tf.add(gradient, look(2 ** -copy).gradient);
  return { logits, gradient };
}

/**
 * A x Bᵀ of each row and channel, or its adjoint Aᵀ x B.
 * @param images [n, H, W, C]
 * @param matrices [n, H, H] and [n, W, W]
 */
export function transformed(
  images: tf.Tensor,
  [vertical, horizontal]: readonly [tf.Tensor, tf.Tensor],
  adjoint: boolean,
): tf.Tensor {
  const [rows = 0, height = 0, width = 0, channels = 0] = images.shape;
  const down = tf.matMul(vertical, tf.reshape(images, [rows, height, width * channels]), adjoint, false);
  const turned = tf.transpose(tf.reshape(down, [rows, height, width, channels]), [0, 2, 1, 3]);
  const across = tf.matMul(horizontal, tf.reshape(turned, [rows, width, height * channels]), adjoint, false);
  return tf.transpose(tf.reshape(across, [rows, width, height, channels]), [0, 2, 1, 3]);
}

/** The gradient of translated images, as one convolution with a Gaussian kernel (Dong et al. 2019, arXiv 1904.02884, eq. 7). */
function smoothed(gradient: tf.Tensor, width: number): tf.Tensor {
  if (width === 1) return gradient;
  const channels = gradient.shape[3] ?? 1;
  const line = gaussianKernel(width);
  const kernel = line.flatMap((down) => line.flatMap((across) => new Array<number>(channels).fill(down * across)));
  const filter = tf.tensor4d(kernel, [width, width, channels, 1]);
  return tf.depthwiseConv2d(gradient as tf.Tensor4D, filter, 1, 'same');
}

/** Weights of sum 1 at `width` points from −3 to 3 standard deviations, as in the authors' code. */
export function gaussianKernel(width: number): number[] {
  const at = Array.from({ length: width }, (_, i) => Math.exp(-0.5 * ((6 * i) / (width - 1) - 3) ** 2));
  const sum = at.reduce((total, value) => total + value, 0);
  return at.map((value) => value / sum);
}

/** The gradient of each row by its mean size; 0 where there is none, or where it is not finite. */
function meanOne(gradient: tf.Tensor): tf.Tensor {
  const pixels = gradient.size / (gradient.shape[0] ?? 1);
  return tf.mul(steepest('l1', gradient), pixels);
}
