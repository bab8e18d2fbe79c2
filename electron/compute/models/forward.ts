import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import {
  addLayer,
  batchNormLayer,
  convLayer,
  denseLayer,
  depthwiseLayer,
  globalAverageLayer,
  poolLayer,
  shortcutLayer,
} from '../engines/kernels/layers.ts';
import { denoise } from './denoise.ts';
import { memberWeights } from './ensemble.ts';
import { NORM_EPSILON } from './frozen.ts';
import { IMAGES, weight, type Layer, type Network, type Weights } from './layer.ts';

export interface Outputs {
  /** [n, classes] */
  readonly logits: tf.Tensor2D;
  /** [n, h, w, c] for each tap that was asked for. */
  readonly activations: Readonly<Record<string, tf.Tensor4D>>;
}

export interface TrainingOutputs extends Outputs {
  /**
   * For each moving statistic, by its parameter's name, that of this batch [c]: the mean, and the unbiased variance as
   * PyTorch keeps it. Constants: no gradient flows through them here. Empty without batch normalisation.
   */
  readonly statistics: Readonly<Record<string, tf.Tensor>>;
}

type Watch = (images: tf.Tensor4D) => void;

let watching: Watch | null = null;

/**
 * Shows `watch` the images of every evaluation pass of this thread, in their order, until the returned function is
 * called. Passes that a compiled graph or another thread makes are not seen: use the wasm engine with one thread.
 */
export function watchForward(watch: Watch): () => void {
  watching = watch;
  return () => {
    watching = null;
  };
}

/**
 * The network's outputs in evaluation: batch normalisation takes its moving statistics. Differentiable once with respect
 * to images and weights. Call inside a `tidy`. For more than one call, use the frozen network: it does less.
 * @param images float32 [n, height, width, channels] in [0, 1]
 * @param taps names of `network.taps` whose activations are wanted.
 * @throws AppError `invalid-input` if a tap is none of this network.
 */
export function forward(
  network: Network,
  weights: Weights,
  images: tf.Tensor4D,
  taps: readonly string[] = [],
): Outputs {
  watching?.(images);
  if (network.members) return ensembleOutputs(network.members, weights, images);
  return new Pass(network, weights, taps, null).run(new Map([[IMAGES, images]]), 0);
}

/**
 * The logits, whose gradients pass a ReLU only where they are positive (guided backpropagation, Springenberg et al. 2015,
 * arXiv 1412.6806, section 3.4). Values are those of {@link forward}.
 * @param images float32 [n, height, width, channels] in [0, 1]
 */
export function forwardGuided(network: Network, weights: Weights, images: tf.Tensor4D): tf.Tensor2D {
  return new Pass(network, weights, [], null, true).run(new Map([[IMAGES, images]]), 0).logits;
}

/**
 * The same in training: batch normalisation takes the statistics of the whole batch that it is given, so a concatenated
 * pass over clean and adversarial images normalises both halves with the statistics of both together. Moving statistics
 * stay as they are; the training step updates them from `statistics`. In stages that are held, it takes the moving
 * statistics as in evaluation, and has none to give.
 */
export function forwardTraining(
  network: Network,
  weights: Weights,
  images: tf.Tensor4D,
  taps: readonly string[] = [],
): TrainingOutputs {
  const statistics: Record<string, tf.Tensor> = {};
  return { ...new Pass(network, weights, taps, statistics).run(new Map([[IMAGES, images]]), 0), statistics };
}

/**
 * The logits that follow from an activation of a tapped layer: what comes after that layer. For gradients of a score
 * with respect to an activation.
 * @param activation [n, h, w, c], as {@link forward} gave it
 * @throws AppError `invalid-input` if the layer is not one of `network.taps`.
 */
export function forwardFrom(network: Network, weights: Weights, layer: string, activation: tf.Tensor4D): tf.Tensor2D {
  const tap = network.taps.find(({ name }) => name === layer);
  if (!tap) throw unknownTap(network, layer);
  const position = network.layers.findIndex(({ name }) => name === tap.layer);
  return new Pass(network, weights, [], null).run(new Map([[tap.layer, activation]]), position + 1).logits;
}

/** The mean of the members' logits. Members see the images as they are: each has its own normalisation. */
function ensembleOutputs(members: readonly Network[], weights: Weights, images: tf.Tensor4D): Outputs {
  const logits = members.map((member, position) => {
    const own = memberWeights(member, position, weights);
    return new Pass(member, own, [], null).run(new Map([[IMAGES, images]]), 0).logits;
  });
  return { logits: tf.div<tf.Tensor2D>(tf.addN(logits), members.length), activations: {} };
}

/** One pass through the layers of a network. */
class Pass {
  readonly #network: Network;
  readonly #weights: Weights;
  /** Tap by layer. */
  readonly #taps: ReadonlyMap<string, string>;
  /** Where the batch's statistics go in training; null in evaluation. */
  readonly #statistics: Record<string, tf.Tensor> | null;
  /** Layers whose ReLU's gradient the pooling behind them takes along. */
  readonly #masked: ReadonlySet<string>;
  readonly #guided: boolean;

  constructor(
    network: Network,
    weights: Weights,
    taps: readonly string[],
    statistics: Record<string, tf.Tensor> | null,
    guided = false,
  ) {
    const unknown = taps.find((name) => !network.taps.some((tap) => tap.name === name));
    if (unknown !== undefined) throw unknownTap(network, unknown);
    this.#network = network;
    this.#weights = weights;
    this.#taps = new Map(network.taps.flatMap(({ name, layer }) => (taps.includes(name) ? [[layer, name]] : [])));
    this.#statistics = statistics;
    this.#guided = guided;
    this.#masked = new Set(
      (guided ? [] : network.layers).flatMap((layer) =>
        layer.kind === 'conv' && this.#onlyPooled(layer) ? [layer.name] : [],
      ),
    );
  }

  /** @param values outputs of layers before the `start`-th one, as far as later ones need them */
  run(values: Map<string, tf.Tensor>, start: number): Outputs {
    if (this.#network.layers.length === 0) throw forwardOnly(this.#network);
    const activations: Record<string, tf.Tensor4D> = {};
    const given = new Set(values.keys());
    let last: tf.Tensor | undefined;
    for (const layer of this.#network.layers.slice(start)) {
      const inputs = layer.inputs.map((name) => values.get(name) as tf.Tensor4D);
      last = this.#layer(layer, inputs, given);
      values.set(layer.name, last);
      const tap = this.#taps.get(layer.name);
      if (tap !== undefined) activations[tap] = last as tf.Tensor4D;
    }
    return { logits: last as tf.Tensor2D, activations };
  }

  #layer(layer: Layer, inputs: readonly tf.Tensor4D[], given: ReadonlySet<string>): tf.Tensor {
    if (!this.#guided || !('relu' in layer) || !layer.relu) return this.#output(layer, inputs, given);
    return guidedRelu(this.#output({ ...layer, relu: false }, inputs, given));
  }

  #output(layer: Layer, inputs: readonly tf.Tensor4D[], given: ReadonlySet<string>): tf.Tensor {
    const [x, other] = inputs as [tf.Tensor4D, tf.Tensor4D];
    switch (layer.kind) {
      case 'conv': {
        const { pad, stride, relu } = layer;
        const bias = layer.bias ? (this.#weight(layer, 'b') as tf.Tensor1D) : null;
        const options = { pad, stride, relu, maskedBelow: this.#masked.has(layer.name) };
        return convLayer(x, this.#weight(layer, 'w') as tf.Tensor4D, bias, options);
      }
      case 'depthwise': {
        const { stride, relu } = layer;
        const bias = layer.bias ? (this.#weight(layer, 'b') as tf.Tensor1D) : null;
        return depthwiseLayer(x, this.#weight(layer, 'w') as tf.Tensor4D, bias, { stride, relu });
      }
      case 'scale': {
        const centred = tf.sub(x, this.#weight(layer, 'mean'));
        return tf.mul(centred, tf.reciprocal(this.#weight(layer, 'deviation')));
      }
      case 'norm':
        return this.#norm(layer, x);
      case 'affine': {
        const y = tf.add(tf.mul(x, this.#weight(layer, 'scale')), this.#weight(layer, 'shift'));
        return layer.relu ? tf.relu(y) : y;
      }
      case 'cap':
        return tf.minimum(x, layer.limit);
      case 'add':
        return addLayer(x, other, layer.relu);
      case 'denoise':
        return denoise(x, inputs.slice(1), layer.method);
      case 'pool': {
        const [source = ''] = layer.inputs;
        return poolLayer(x, this.#masked.has(source) && !given.has(source), layer.size);
      }
      case 'average':
        return globalAverageLayer(x);
      case 'shortcut':
        return shortcutLayer(x, layer);
      case 'dense': {
        const flat = tf.reshape<tf.Rank.R2>(x, [x.shape[0], layer.features]);
        const [matrix, bias] = [this.#weight(layer, 'w') as tf.Tensor2D, this.#weight(layer, 'b') as tf.Tensor1D];
        return denseLayer(flat, matrix, bias, layer.relu);
      }
    }
  }

  #norm(layer: Extract<Layer, { readonly kind: 'norm' }>, x: tf.Tensor4D): tf.Tensor {
    const [gamma, beta] = [this.#weight(layer, 'gamma') as tf.Tensor1D, this.#weight(layer, 'beta') as tf.Tensor1D];
    if (!this.#statistics || this.#network.held.includes(layer.stage)) {
      const deviation = tf.sqrt(tf.add(this.#weight(layer, 'variance'), NORM_EPSILON));
      const centred = tf.sub(x, this.#weight(layer, 'mean'));
      const y = tf.add(tf.mul(centred, tf.div(gamma, deviation)), beta);
      return layer.relu ? tf.relu(y) : y;
    }
    const { y, mean, variance } = batchNormLayer(x, gamma, beta, { epsilon: NORM_EPSILON, relu: layer.relu });
    const count = x.size / mean.size;
    this.#statistics[`${layer.name}_mean`] = mean;
    this.#statistics[`${layer.name}_variance`] = tf.mul(variance, count / Math.max(1, count - 1));
    return y;
  }

  #weight({ name }: Layer, suffix: string): tf.Tensor {
    return weight(this.#weights, `${name}_${suffix}`);
  }

  /** Gradients reach such a layer through the pooling alone. */
  #onlyPooled(layer: Extract<Layer, { readonly kind: 'conv' }>): boolean {
    if (!layer.relu || this.#taps.has(layer.name)) return false;
    const users = this.#network.layers.filter(({ inputs }) => inputs.includes(layer.name));
    return users.length === 1 && users[0]?.kind === 'pool';
  }
}

/** ReLU whose gradient is cut at 0 as well. */
const guidedRelu: (x: tf.Tensor) => tf.Tensor = tf.customGrad((x, save) => {
  const input = x as tf.Tensor;
  (save as tf.GradSaveFunc)([input]);
  return {
    value: tf.relu(input),
    gradFunc: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => tf.mul(tf.relu(dy), tf.step(saved[0] as tf.Tensor)),
  };
});

function forwardOnly({ architecture }: Network): AppError {
  return new AppError(
    'unsupported',
    `Of a model in the format ${architecture} there is a forward pass alone: its layers and gradients cannot be had.`,
  );
}

function unknownTap(network: Network, name: string): AppError {
  const known = network.taps.map((tap) => tap.name).join(', ');
  return new AppError('invalid-input', `${network.architecture} has no layer "${name}" to look at. It has: ${known}.`, {
    details: { field: 'layer', found: name },
  });
}
