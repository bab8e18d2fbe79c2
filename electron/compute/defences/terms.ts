import * as tf from '@tensorflow/tfjs-core';
import { activationMap, normaliseMaps, ROOT_FLOOR } from '../attention/activation-map.ts';

/**
 * Logit pairing 1/m Σ_i R_k (f_k(x_i) − f_k(x'_i))² (Kannan et al. 2018, arXiv 1803.06373, section 4.1).
 * @param clean logits of x [batch, classes]
 * @param adversarial logits of x' [batch, classes]
 * @param reduction R_k: `mean` over the classes as in the authors' code, or `sum`, which is `classes` times as strong.
 * @returns a scalar; the caller disposes of it.
 */
export function logitPairing(clean: tf.Tensor2D, adversarial: tf.Tensor2D, reduction: 'mean' | 'sum'): tf.Scalar {
  return tf.tidy(() => {
    const squares = tf.squaredDifference(clean, adversarial);
    return tf.mean<tf.Scalar>(reduction === 'mean' ? tf.mean(squares, 1) : tf.sum(squares, 1));
  });
}

/**
 * Clean logit pairing: the mean over pairs and classes of (f(x_i) − f(x_j))², the first half of the batch paired with the
 * second in order (Kannan et al. 2018, arXiv 1803.06373, section 4.2). Of an odd batch the last example has no partner.
 * @param logits of clean images [batch, classes]
 * @returns a scalar, 0 for a batch of one; the caller disposes of it.
 */
export function cleanLogitPairing(logits: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const [batch, classes] = logits.shape;
    const pairs = Math.floor(batch / 2);
    if (pairs === 0) return tf.scalar(0);
    const one = tf.slice(logits, [0, 0], [pairs, classes]);
    const other = tf.slice(logits, [pairs, 0], [pairs, classes]);
    return tf.mean<tf.Scalar>(tf.squaredDifference(one, other));
  });
}

/**
 * Logit squeezing: mean_i ‖f(x_i)‖₂, not squared (Kannan et al. 2018, arXiv 1803.06373, section 4.2).
 * @param logits of clean images [batch, classes]
 * @returns a scalar; the caller disposes of it.
 */
export function logitSqueezing(logits: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => tf.mean<tf.Scalar>(tf.sqrt(tf.add(tf.sum(tf.square(logits), 1), ROOT_FLOOR))));
}

/** How far two normalised attention maps are apart. */
export type MapDistance = 'l2' | 'mean-square' | 'cosine';

export interface AttentionOptions {
  /** q of the map Σ_c |A_c|^q */
  readonly exponent: number;
  /** `l2` if left out: the seed paper's. */
  readonly distance?: MapDistance;
  /** Over layers; `sum` if left out: the seed paper's. */
  readonly reduction?: 'sum' | 'mean';
}

/**
 * Attention pairing 1/m Σ_i Σ_l ‖ Q(A_l(x_i))/‖·‖₂ − Q(A_l(x'_i))/‖·‖₂ ‖₂ (arXiv 1908.11435; maps after Zagoruyko &
 * Komodakis 2017). Gradients flow through both branches.
 * @param clean activations by layer, each [batch, height, width, channels]
 * @param adversarial the same layers for x'
 * @returns a scalar; the caller disposes of it.
 */
export function attentionPairing(
  clean: Readonly<Record<string, tf.Tensor4D>>,
  adversarial: Readonly<Record<string, tf.Tensor4D>>,
  { exponent, distance, reduction = 'sum' }: AttentionOptions,
): tf.Scalar {
  return tf.tidy(() => {
    const layers = Object.entries(clean).flatMap(([layer, activation]) => {
      const other = adversarial[layer];
      return other ? [tf.mean<tf.Scalar>(mapDistance(activation, other, exponent, distance))] : [];
    });
    const sum = tf.addN(layers);
    return reduction === 'sum' ? sum : tf.div<tf.Scalar>(sum, layers.length);
  });
}

/**
 * Distance of the normalised attention maps a and b, per example: ‖a − b‖₂ in [0, √2] (maps are never negative);
 * `mean-square`: the mean of (a − b)² over positions (the code of Zagoruyko & Komodakis 2017); `cosine`: 1 − a·b in
 * [0, 1], worked out as ‖a − b‖₂² / 2, which keeps its digits where maps are close.
 * @param clean [batch, height, width, channels]
 * @param adversarial [batch, height, width, channels]
 * @returns [batch]; the caller disposes of it.
 */
export function mapDistance(
  clean: tf.Tensor4D,
  adversarial: tf.Tensor4D,
  exponent: number,
  distance: MapDistance = 'l2',
): tf.Tensor1D {
  return tf.tidy(() => {
    const squares = tf.squaredDifference(
      normaliseMaps(activationMap(clean, exponent)),
      normaliseMaps(activationMap(adversarial, exponent)),
    );
    switch (distance) {
      case 'l2':
        return tf.sqrt(tf.add(tf.sum<tf.Tensor1D>(squares, 1), ROOT_FLOOR));
      case 'mean-square':
        return tf.mean<tf.Tensor1D>(squares, 1);
      case 'cosine':
        return tf.div<tf.Tensor1D>(tf.sum<tf.Tensor1D>(squares, 1), 2);
    }
  });
}
