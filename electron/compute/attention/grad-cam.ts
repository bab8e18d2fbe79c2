import * as tf from '@tensorflow/tfjs-core';
import { forward, forwardFrom, type Network, type Weights } from '../models/network.ts';

/**
 * Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391, eq. 1 and 2): ReLU(Σ_c w_c A_c), where w_c is the mean over all
 * positions of the gradient of the target's logit with respect to A_c.
 * @param layer a tap of the network
 * @param images [batch, height, width, channels] in [0, 1]
 * @param targets int32 [batch], the class whose logit is explained
 * @returns [batch, h, w] at the layer's resolution, raw (≥ 0); the caller disposes of it.
 */
export function gradCam(
  network: Network,
  weights: Weights,
  layer: string,
  images: tf.Tensor4D,
  targets: tf.Tensor1D,
): tf.Tensor3D {
  return tf.tidy(() => {
    const activation = forward(network, weights, images, [layer]).activations[layer] as tf.Tensor4D;
    const slope = scoreGradient(network, weights, layer, activation, targets);
    const importance = tf.mean(slope, [1, 2], true);
    return tf.relu(tf.sum<tf.Tensor3D>(tf.mul(importance, activation), 3));
  });
}

/**
 * Gradient of each example's target logit with respect to the layer's activation.
 * @param activation [batch, h, w, c], as the network gave it
 * @returns [batch, h, w, c]; the caller disposes of it.
 */
export function scoreGradient(
  network: Network,
  weights: Weights,
  layer: string,
  activation: tf.Tensor4D,
  targets: tf.Tensor1D,
): tf.Tensor4D {
  const score = (tensor: tf.Tensor): tf.Tensor => {
    const logits = forwardFrom(network, weights, layer, tensor as tf.Tensor4D);
    return tf.sum(tf.mul(logits, tf.cast(tf.oneHot(targets, network.classes), 'float32')));
  };
  return tf.tidy(() => tf.grad(score)(activation) as tf.Tensor4D);
}
