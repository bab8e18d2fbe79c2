import * as tf from '@tensorflow/tfjs-core';
import type { CompiledStep } from '../engines/compile.ts';
import { prepareStep, type Inputs, type StepDefinition } from '../engines/step.ts';
import { lossFromLogits, type LossName } from '../losses.ts';
import { freeze } from './frozen.ts';
import {
  forward,
  networkOf,
  networkSpec,
  weightList,
  weightsFromList,
  type Network,
  type NetworkSpec,
  type Weights,
} from './network.ts';

/** A loss of each example by its name, or worked out from logits [n, classes] → [n]. */
export type InputLoss = LossName | ((logits: tf.Tensor2D) => tf.Tensor1D);

/**
 * Logits, and the gradient of the summed loss with respect to the images alone. A pure function on tensors, for use
 * inside a compiled step; call it inside a `tidy`.
 * @param images float32 [n, h, w, c] in [0, 1]
 * @param labels int32 [n]
 * @returns logits [n, classes]; gradient, of the images' shape
 */
export function inputGradient(
  network: Network,
  weights: Weights,
  images: tf.Tensor4D,
  labels: tf.Tensor1D,
  loss: InputLoss = 'cross-entropy',
): { readonly logits: tf.Tensor2D; readonly gradient: tf.Tensor4D } {
  const kept: tf.Tensor2D[] = [];
  const gradientOf = tf.grad((x) => {
    const { logits } = forward(network, weights, x as tf.Tensor4D);
    kept.push(tf.keep(tf.clone(logits)));
    return tf.sum(typeof loss === 'function' ? loss(logits) : lossFromLogits(loss, logits, labels));
  });
  const gradient = gradientOf(images) as tf.Tensor4D;
  const [held] = kept as [tf.Tensor2D];
  const logits = tf.clone(held);
  held.dispose();
  return { logits, gradient };
}

/** Images [n, h, w, c], weights → logits [n, classes]. */
export const LOGITS: StepDefinition<NetworkSpec> = {
  name: 'logits',
  build(spec) {
    const network = networkOf(spec);
    return (...inputs) => {
      const [images, ...weights] = inputs as Inputs<1>;
      return [forward(network, weightsFromList(network, weights), images as tf.Tensor4D).logits];
    };
  },
  layout: () => ({ inputs: ['rows'], outputs: ['rows'] }),
  describe: ({ architecture }) => `${architecture} logits`,
};

interface LossGradientParameters {
  readonly network: NetworkSpec;
  readonly loss: LossName;
}

/** Images [n, h, w, c], labels [n], weights → logits and gradient as {@link inputGradient}. */
export const LOSS_GRADIENT: StepDefinition<LossGradientParameters> = {
  name: 'loss-gradient',
  build({ network: spec, loss }) {
    const network = networkOf(spec);
    return (...inputs) => {
      const [images, labels, ...list] = inputs as Inputs<2>;
      const weights = weightsFromList(network, list);
      const { logits, gradient } = inputGradient(network, weights, images as tf.Tensor4D, labels as tf.Tensor1D, loss);
      return [logits, gradient];
    };
  },
  layout: () => ({ inputs: ['rows', 'rows'], outputs: ['rows', 'rows'] }),
  describe: ({ network, loss }) => `${network.architecture} ${loss} gradient`,
};

/** A network with frozen weights: what attacks and maps look at. Owns its weights. */
export class Classifier {
  readonly network: Network;
  readonly weights: Weights;
  readonly #logits: CompiledStep;
  readonly #gradients = new Map<LossName, CompiledStep>();

  /** Takes the weights over: `dispose` disposes of them. Batch normalisation is folded away. */
  constructor(trained: Network, trainedWeights: Weights) {
    const { network, weights } = freeze(trained, trainedWeights);
    this.network = network;
    this.weights = weights;
    this.#logits = prepareStep(LOGITS, networkSpec(network));
  }

  /** The weights in the order of `network.parameters`, to pass to a compiled step. Not the caller's to dispose of. */
  get weightList(): readonly tf.Tensor[] {
    return weightList(this.network, this.weights);
  }

  /** Logits [n, classes] of float32 images [n, h, w, c] in [0, 1]. The caller disposes of the result. */
  logits(images: tf.Tensor4D): tf.Tensor2D {
    const [logits] = this.#logits.run(images, ...this.weightList);
    return logits as tf.Tensor2D;
  }

  /**
   * Logits, and the gradient of the **summed** loss with respect to the images. The caller disposes of both.
   * @param images float32 [n, h, w, c] in [0, 1]
   * @param labels int32 [n]
   */
  lossGradient(
    images: tf.Tensor4D,
    labels: tf.Tensor1D,
    loss: LossName = 'cross-entropy',
  ): { readonly logits: tf.Tensor2D; readonly gradient: tf.Tensor4D } {
    const [logits, gradient] = this.#gradientStep(loss).run(images, labels, ...this.weightList);
    return { logits: logits as tf.Tensor2D, gradient: gradient as tf.Tensor4D };
  }

  dispose(): void {
    this.#logits.dispose();
    for (const step of this.#gradients.values()) step.dispose();
    this.#gradients.clear();
    tf.dispose(this.weightList as tf.Tensor[]);
  }

  #gradientStep(loss: LossName): CompiledStep {
    const found = this.#gradients.get(loss);
    if (found) return found;
    const step = prepareStep(LOSS_GRADIENT, { network: networkSpec(this.network), loss });
    this.#gradients.set(loss, step);
    return step;
  }
}
