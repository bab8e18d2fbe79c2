import * as tf from '@tensorflow/tfjs-core';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import { ascentDirection } from '../attacks/base/direction.ts';
import type { ConfiguredDefence, Outputs } from '../defences/defence.ts';
import { findDefence } from '../defences/registry.ts';
import type { StepDefinition } from '../engines/step.ts';
import { forwardTraining, type TrainingOutputs } from '../models/forward.ts';
import { weight, type Network, type NetworkSpec, type Weights } from '../models/layer.ts';
import { networkOf, weightsFromList } from '../models/network.ts';

export interface TrainGradientParameters {
  readonly network: NetworkSpec;
  readonly defence: string;
  readonly defenceSettings: SettingValues;
  readonly labelSmoothing: number;
}

/**
 * The loss of a training step and its gradient: the halves of the batch that the loss uses (x, x' or both) [n, h, w, c],
 * labels [n], the number of examples of the whole batch, the terms' weights [terms] where one of them is warmed up,
 * weights → report [terms + 2] and gradient [trainable parameters]. Networks with batch normalisation give the batch's
 * statistics too, in the order of `movingStatistics`; defences that replay their batches the direction of the gradient by
 * x' at the end, its sign, of the shape of x'. The report has
 * the loss's terms in the order of `defence.terms`, then the clean and the adversarial accuracy. Terms and statistics
 * are means over examples: those of a part of the batch are weighted with its share, so that the parts' sums are right.
 * Where a batch is computed in parts, each part is normalised by its own statistics (ghost batch normalisation, Hoffer
 * et al. 2017, arXiv:1705.08741, algorithm 1), and the moving ones follow the parts' weighted mean.
 */
export const TRAIN_GRADIENT: StepDefinition<TrainGradientParameters> = {
  name: 'train-gradient',
  build(parameters) {
    const gradientsOf = trainGradients(parameters);
    return (...inputs) => {
      const { report, gradients, statistics, ascent } = gradientsOf(...inputs);
      const gradient = tf.concat1d(gradients.map((each) => tf.reshape<tf.Rank.R1>(each, [each.size])));
      return [report, gradient, ...statistics, ...(ascent ? [ascent] : [])];
    };
  },
  layout({ network, defence, defenceSettings }) {
    const configured = findDefence(defence).configure(defenceSettings);
    const sums = new Array<'sum'>(2 + movingStatistics(networkOf(network)).length).fill('sum');
    return {
      inputs: new Array<'rows'>(halvesUsed(configured).length + 1).fill('rows'),
      outputs: configured.replay ? [...sums, 'rows'] : sums,
    };
  },
  describe: ({ network, defence }) => `${network.architecture} ${defence} gradient`,
};

/** What {@link TRAIN_GRADIENT} gives, with a gradient for each trainable parameter, of its shape. */
export interface TrainGradients {
  readonly report: tf.Tensor;
  readonly gradients: readonly tf.Tensor[];
  readonly statistics: readonly tf.Tensor[];
  /** Sign of the gradient by x', for defences that replay their batches; null for others. */
  readonly ascent: tf.Tensor | null;
}

/** The same step with the gradients one by one: all of a large network's laid end to end are copied for nothing. */
export function trainGradients({
  network: spec,
  defence: name,
  defenceSettings,
  labelSmoothing,
}: TrainGradientParameters): (...inputs: tf.Tensor[]) => TrainGradients {
  const network = networkOf(spec);
  const defence = findDefence(name).configure(defenceSettings);
  const taps = defence.taps(network.taps.map((tap) => tap.name));
  const halves = halvesUsed(defence).length;
  const warmed = isWarmed(defence);
  const trainable = network.parameters.map((parameter) => parameter.trainable);
  const moving = movingStatistics(network);
  return (...inputs) => {
    const images = inputs.slice(0, halves) as tf.Tensor4D[];
    const [labels, batch, ...others] = inputs.slice(halves) as [tf.Tensor1D, tf.Scalar, ...tf.Tensor[]];
    const scales = warmed ? tf.unstack(others[0] as tf.Tensor1D) : [];
    const weights = warmed ? others.slice(1) : others;
    const trained = weights.filter((_, index) => trainable[index]);
    const kept: tf.Tensor[] = [];
    const statistics: tf.Tensor[] = [];
    const share = tf.div(labels.size, batch);
    const { grads } = tf.valueAndGrads((...list: tf.Tensor[]) => {
      let next = 0;
      const all = weights.map((tensor, index) => (trainable[index] ? (list[next++] ?? tensor) : tensor));
      const seen = defence.replay ? [list[next] as tf.Tensor4D] : images;
      const outputs = outputsOf(network, weightsFromList(network, all), seen, taps);
      statistics.push(...moving.map((name) => tf.keep(tf.mul(share, weight(outputs.statistics, name)))));
      const losses = defence.loss({ ...outputs, labels, labelSmoothing });
      const terms = defence.terms.map((term, index) => {
        const scale = scales[index];
        return tf.mul(scale ? tf.mul(share, scale) : share, losses[term] as tf.Tensor);
      });
      const accuracies = [outputs.clean, outputs.adversarial].map(({ logits }) =>
        tf.mul(share, accuracy(logits, labels)),
      );
      kept.push(...[...terms, ...accuracies].map((tensor) => tf.keep(tf.clone(tensor))));
      return tf.addN(terms as tf.Scalar[]);
    })(defence.replay ? [...trained, ...images] : trained);
    const gradients = grads.slice(0, trained.length);
    const byImages = grads[trained.length];
    const report = tf.stack(kept);
    const batchStatistics = statistics.map((tensor) => tf.clone(tensor));
    tf.dispose([...kept, ...statistics]);
    return {
      report,
      gradients,
      statistics: batchStatistics,
      ascent: byImages ? ascentDirection(byImages) : null,
    };
  };
}

export type Half = 'clean' | 'adversarial';

/** The image batches that a step takes, in their order: those that the loss uses. */
export function halvesUsed({ inner, replay, halves }: ConfiguredDefence): readonly Half[] {
  if (replay) return ['adversarial'];
  if (!inner) return ['clean'];
  return halves === 'both' ? ['clean', 'adversarial'] : [halves];
}

/** Whether a term's weight changes from step to step, so that the weights are arguments of the step. */
export function isWarmed({ warmups }: ConfiguredDefence): boolean {
  return Object.values(warmups ?? {}).some((share) => share > 0);
}

/** Names of the parameters that follow the batches without a gradient, in the order of `network.parameters`. */
export function movingStatistics(network: Network): readonly string[] {
  return network.parameters.flatMap(({ name, moving }) => (moving ? [name] : []));
}

interface BothOutputs {
  readonly clean: Outputs;
  readonly adversarial: Outputs;
  readonly statistics: TrainingOutputs['statistics'];
}

/**
 * The halves that the loss uses through the network in one concatenated pass, in training mode, so with one set of batch
 * statistics. Where it uses one, its outputs stand for both.
 */
function outputsOf(
  network: Network,
  weights: Weights,
  images: readonly tf.Tensor4D[],
  taps: readonly string[],
): BothOutputs {
  const [one, other] = images as [tf.Tensor4D, tf.Tensor4D?];
  if (!other) {
    const { statistics, ...outputs } = forwardTraining(network, weights, one, taps);
    return { clean: outputs, adversarial: outputs, statistics };
  }
  const both = forwardTraining(network, weights, tf.concat([one, other], 0), taps);
  const [cleanLogits, adversarialLogits] = tf.split(both.logits, 2) as [tf.Tensor2D, tf.Tensor2D];
  const split = Object.entries(both.activations).map(([name, activation]) => [name, tf.split(activation, 2)] as const);
  const half = (index: 0 | 1): Outputs['activations'] =>
    Object.fromEntries(split.map(([name, pair]) => [name, pair[index] as tf.Tensor4D]));
  return {
    clean: { logits: cleanLogits, activations: half(0) },
    adversarial: { logits: adversarialLogits, activations: half(1) },
    statistics: both.statistics,
  };
}

function accuracy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor {
  return tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'));
}
