import * as tf from '@tensorflow/tfjs-core';
import type { LossInputs } from './defence.ts';
import { attentionPairing, type MapDistance } from './terms.ts';

/** What `attentionShape` describes. */
interface AttentionSettings {
  readonly beta: number;
  readonly exponent: number;
  readonly distance: MapDistance;
  readonly layerReduction: 'sum' | 'mean';
}

/** β times the attention pairing of the layers that were tapped. @returns a scalar of the caller. */
export function attentionTerm(
  { clean, adversarial }: LossInputs,
  { beta, exponent, distance, layerReduction }: AttentionSettings,
): tf.Tensor {
  const pairing = attentionPairing(clean.activations, adversarial.activations, {
    exponent,
    distance,
    reduction: layerReduction,
  });
  return tf.mul(beta, pairing);
}
