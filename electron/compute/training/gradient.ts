import * as tf from '@tensorflow/tfjs-core';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import type { ConfiguredDefence, Outputs } from '../defences/defence.ts';
import { findDefence } from '../defences/registry.ts';
import type { StepDefinition } from '../engines/step.ts';
import {
  forward,
  networkOf,
  weightsFromList,
  type Network,
  type NetworkSpec,
  type Weights,
} from '../models/network.ts';

export interface TrainGradientParameters {
  readonly network: NetworkSpec;
  readonly defence: string;
  readonly defenceSettings: SettingValues;
  readonly labelSmoothing: number;
}

/**
 * The loss of a training step and its gradient: x and, for defences that make them, x' [n, h, w, c], labels [n], the
 * number of examples of the whole batch, weights → report [terms + 2] and gradient [parameters].
 * The report has the loss's terms in the order of `defence.terms`, then the clean and the adversarial accuracy. Terms
 * are means over examples: those of a part of the batch are weighted with its share, so that the parts' sums are right.
 */
export const TRAIN_GRADIENT: StepDefinition<TrainGradientParameters> = {
  name: 'train-gradient',
  build({ network: spec, defence: name, defenceSettings, labelSmoothing }) {
    const network = networkOf(spec);
    const defence = findDefence(name).configure(defenceSettings);
    const taps = defence.taps(network.taps.map((tap) => tap.name));
    const halves = halvesOf(defence);
    return (...inputs) => {
      const images = inputs.slice(0, halves) as tf.Tensor4D[];
      const [labels, batch, ...weights] = inputs.slice(halves) as [tf.Tensor1D, tf.Scalar, ...tf.Tensor[]];
      const kept: tf.Tensor[] = [];
      const { grads } = tf.valueAndGrads((...list: tf.Tensor[]) => {
        const outputs = outputsOf(network, weightsFromList(network, list), defence.halves, images, taps);
        const share = tf.div(labels.size, batch);
        const losses = defence.loss({ ...outputs, labels, labelSmoothing });
        const terms = defence.terms.map((term) => tf.mul(share, losses[term] as tf.Tensor));
        const accuracies = [outputs.clean, outputs.adversarial].map(({ logits }) =>
          tf.mul(share, accuracy(logits, labels)),
        );
        kept.push(...[...terms, ...accuracies].map((tensor) => tf.keep(tf.clone(tensor))));
        return tf.addN(terms as tf.Scalar[]);
      })(weights);
      const gradient = tf.concat1d(grads.map((each) => tf.reshape<tf.Rank.R1>(each, [each.size])));
      const report = tf.stack(kept);
      tf.dispose(kept);
      return [report, gradient];
    };
  },
  layout: ({ defence, defenceSettings }) => ({
    inputs: new Array<'rows'>(halvesOf(findDefence(defence).configure(defenceSettings)) + 1).fill('rows'),
    outputs: ['sum', 'sum'],
  }),
  describe: ({ network, defence }) => `${network.architecture} ${defence} gradient`,
};

/** Image batches that a step takes: x, and x' where the defence makes it. */
function halvesOf(defence: ConfiguredDefence): 1 | 2 {
  return defence.inner ? 2 : 1;
}

/** Both halves through the network: those that the loss uses in one concatenated pass. */
function outputsOf(
  network: Network,
  weights: Weights,
  halves: ConfiguredDefence['halves'],
  images: readonly tf.Tensor4D[],
  taps: readonly string[],
): { readonly clean: Outputs; readonly adversarial: Outputs } {
  const [clean, adversarial] = images as [tf.Tensor4D, tf.Tensor4D?];
  if (!adversarial) {
    const outputs = forward(network, weights, clean, taps);
    return { clean: outputs, adversarial: outputs };
  }
  if (halves !== 'both') {
    return { clean: forward(network, weights, clean, taps), adversarial: forward(network, weights, adversarial, taps) };
  }
  const both = forward(network, weights, tf.concat([clean, adversarial], 0), taps);
  const [cleanLogits, adversarialLogits] = tf.split(both.logits, 2) as [tf.Tensor2D, tf.Tensor2D];
  const split = Object.entries(both.activations).map(([name, activation]) => [name, tf.split(activation, 2)] as const);
  const half = (index: 0 | 1): Outputs['activations'] =>
    Object.fromEntries(split.map(([name, pair]) => [name, pair[index] as tf.Tensor4D]));
  return {
    clean: { logits: cleanLogits, activations: half(0) },
    adversarial: { logits: adversarialLogits, activations: half(1) },
  };
}

function accuracy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor {
  return tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'));
}
