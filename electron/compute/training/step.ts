import * as tf from '@tensorflow/tfjs-core';
import type { ConfiguredDefence, Outputs } from '../defences/defence.ts';
import { compileStep } from '../engines/compile.ts';
import { forward, weightList, weightsFromList, type Network, type Weights } from '../models/network.ts';
import type { Optimizer } from './optimizer.ts';

/** Weights and optimizer state between two steps. */
export interface TrainState {
  readonly weights: Weights;
  /** In the order of `optimizer.slots`, each [parameters]. */
  readonly slots: readonly tf.Tensor[];
}

export interface StepReport {
  /** The loss's terms, already weighted, and their sum as `total`. */
  readonly terms: Readonly<Record<string, number>>;
  /** Accuracy on the minibatch, 0…1. */
  readonly cleanAccuracy: number;
  readonly adversarialAccuracy: number;
  /** Sum of squares of the gradient by all weights; not finite if any element is not. */
  readonly gradientSquares: number;
}

export interface TrainStep {
  /**
   * One update. The new state is the caller's; the old one stays as it is.
   * @param images x, float32 [batch, height, width, channels]
   * @param adversarial x', likewise; null for defences that make none
   * @param labels int32 [batch]
   * @param numbers what `optimizer.numbers` gave for this step
   */
  run(
    state: TrainState,
    images: tf.Tensor4D,
    adversarial: tf.Tensor4D | null,
    labels: tf.Tensor1D,
    numbers: readonly number[],
  ): { readonly state: TrainState; readonly report: StepReport };
  readonly note: string | null;
  dispose(): void;
}

export interface TrainStepOptions {
  readonly network: Network;
  readonly defence: ConfiguredDefence;
  readonly optimizer: Optimizer;
  readonly labelSmoothing: number;
}

/** The whole training step (both halves in one pass, loss, gradients, optimizer) as one compiled step. */
export function createTrainStep({ network, defence, optimizer, labelSmoothing }: TrainStepOptions): TrainStep {
  const taps = defence.taps(network.taps.map((tap) => tap.name));
  const halves = defence.inner ? 2 : 1;
  const parameters = network.parameters.length;
  const numberCount = optimizer.numbers(0, 0).length;
  let termNames: readonly string[] = [];

  const step = compileStep(
    (...inputs) => {
      const images = inputs.slice(0, halves) as tf.Tensor4D[];
      const labels = inputs[halves] as tf.Tensor1D;
      const numbers = inputs.slice(halves + 1, halves + 1 + numberCount);
      const state = inputs.slice(halves + 1 + numberCount);
      const weights = state.slice(0, parameters);
      const kept: tf.Tensor[] = [];

      const { grads } = tf.valueAndGrads((...list: tf.Tensor[]) => {
        const outputs = outputsOf(network, weightsFromList(network, list), defence.halves, images, taps);
        const terms = defence.loss({ ...outputs, labels, labelSmoothing });
        termNames = Object.keys(terms);
        const accuracies = [outputs.clean, outputs.adversarial].map(({ logits }) => accuracy(logits, labels));
        kept.push(...[...Object.values(terms), ...accuracies].map((tensor) => tf.keep(tf.clone(tensor))));
        return tf.addN(Object.values(terms) as tf.Scalar[]);
      })(weights);

      const gradient = tf.concat1d(grads.map((each) => tf.reshape<tf.Rank.R1>(each, [each.size])));
      const report = tf.stack([...kept, tf.sum(tf.square(gradient))]);
      tf.dispose(kept);
      const update = optimizer.update(gradient, state.slice(parameters), numbers);
      return [report, ...subtract(weights, update.delta), ...update.slots];
    },
    { name: `${network.architecture} ${defence.name} training step` },
  );

  return {
    run(state, images, adversarial, labels, numbers) {
      const scalars = numbers.map((value) => tf.scalar(value));
      const batch = adversarial ? [images, adversarial] : [images];
      const [report, ...next] = step.run(
        ...batch,
        labels,
        ...scalars,
        ...weightList(network, state.weights),
        ...state.slots,
      ) as [tf.Tensor, ...tf.Tensor[]];
      const values = Array.from(report.dataSync<'float32'>());
      tf.dispose([report, ...scalars]);
      return {
        state: { weights: weightsFromList(network, next.slice(0, parameters)), slots: next.slice(parameters) },
        report: readReport(values, termNames),
      };
    },
    get note() {
      return step.note;
    },
    dispose: () => step.dispose(),
  };
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

/** Each weight less its part of `delta` [parameters]. */
function subtract(weights: readonly tf.Tensor[], delta: tf.Tensor): tf.Tensor[] {
  const parts = tf.split(
    delta,
    weights.map((weight) => weight.size),
  );
  return weights.map((weight, index) => tf.sub(weight, tf.reshape(parts[index] as tf.Tensor, weight.shape)));
}

function readReport(values: readonly number[], names: readonly string[]): StepReport {
  const at = (index: number): number => values[index] ?? Number.NaN;
  const terms = Object.fromEntries(names.map((name, index) => [name, at(index)]));
  const next = names.length;
  return {
    terms: { ...terms, total: Object.values(terms).reduce((sum, term) => sum + term, 0) },
    cleanAccuracy: at(next),
    adversarialAccuracy: at(next + 1),
    gradientSquares: at(next + 2),
  };
}
