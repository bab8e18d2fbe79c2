import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../../shared/domain/errors.ts';
import { forward, forwardFrom } from '../../models/network.ts';
import type { Network, Weights } from '../../models/network.ts';

/** What a model makes of images. */
export interface ModelOutputs {
  /** [n, classes] */
  readonly logits: tf.Tensor2D;
  /** The layers that were asked for, each [n, height, width, channels]. */
  readonly activations: Readonly<Record<string, tf.Tensor4D>>;
}

/** The loss of each example, [n], from what a model makes of the images. Losses take logits, never probabilities. */
export type OutputLoss = (outputs: ModelOutputs) => tf.Tensor;

/** How a model is looked at. */
export interface GradientOptions {
  /** Layers whose activations the loss wants. */
  readonly layers?: readonly string[];
  /** What the images go through first; gradients come back through it. */
  readonly view?: (images: tf.Tensor4D) => tf.Tensor4D;
}

/** A model as a step sees it. All of it is for use in a step, which disposes of what is made. */
export interface StepModel {
  readonly classes: number;
  /** Layers that can be looked at. */
  readonly layers: readonly string[];
  /** @throws AppError `invalid-input` if a layer is none of `layers`. */
  outputs(images: tf.Tensor4D, layers?: readonly string[]): ModelOutputs;
  /** The logits that follow from an activation of a layer, [n, height, width, channels]. */
  logitsFrom(layer: string, activation: tf.Tensor4D): tf.Tensor2D;
  /**
   * Logits of what the model saw, and the gradient of the summed loss with respect to the images, of their shape.
   * @throws AppError `invalid-input` for a loss that is not one number for each image, and as {@link outputs}.
   */
  gradient(
    images: tf.Tensor4D,
    loss: OutputLoss,
    options?: GradientOptions,
  ): { readonly logits: tf.Tensor2D; readonly gradient: tf.Tensor4D };
}

export function stepModel(network: Network, weights: Weights): StepModel {
  const layers = network.taps.map(({ name }) => name);
  const outputs: StepModel['outputs'] = (images, wanted = []) => {
    requireLayers(wanted, layers, network.architecture);
    return forward(network, weights, images, wanted);
  };
  return {
    classes: network.classes,
    layers,
    outputs,
    logitsFrom: (layer, activation) => forwardFrom(network, weights, layer, activation),
    gradient(images, loss, { layers: wanted = [], view } = {}) {
      const kept: tf.Tensor2D[] = [];
      const failures: unknown[] = [];
      const gradientOf = tf.grad((x) => {
        try {
          const made = outputs(view ? view(x as tf.Tensor4D) : (x as tf.Tensor4D), wanted);
          kept.push(tf.keep(tf.clone(made.logits)));
          return tf.sum(checkedLoss(loss(made), images));
        } catch (error) {
          // Thrown once the tape is over: what it holds would be left behind.
          failures.push(error);
          return tf.sum(x);
        }
      });
      try {
        const gradient = gradientOf(images) as tf.Tensor4D;
        if (failures.length > 0) throw failures[0];
        return { gradient, logits: tf.clone(kept[0] as tf.Tensor2D) };
      } finally {
        tf.dispose(kept);
      }
    },
  };
}

function requireLayers(wanted: readonly string[], layers: readonly string[], architecture: string): void {
  const missing = wanted.find((name) => !layers.includes(name));
  if (missing === undefined) return;
  const known = layers.length > 0 ? `It has: ${layers.join(', ')}.` : 'It has none that can be looked at.';
  throw new AppError('invalid-input', `The attack looks at the layer "${missing}" of ${architecture}. ${known}`, {
    details: { field: 'layers', found: missing },
  });
}

/** What a module returns is what it says only if it was checked. */
function checkedLoss(loss: tf.Tensor | undefined, { shape: [rows = 0] }: tf.Tensor): tf.Tensor {
  const shape: readonly number[] | undefined = loss?.shape;
  if (loss && shape?.length === 1 && shape[0] === rows) return loss;
  const found = shape ? `[${shape.join(', ')}]` : 'no tensor';
  throw new AppError(
    'invalid-input',
    `The attack's loss must be one number for each image, a tensor of shape [${rows}]; it is ${found}. Return it before any mean or sum over images.`,
    { details: { field: 'loss', found } },
  );
}
