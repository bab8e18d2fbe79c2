import * as tf from '@tensorflow/tfjs-core';
import { imageTensor } from '../attacks/base/batch.ts';
import type { PackedDataset } from '../data/packed.ts';
import { prepareStep, type Inputs, type StepDefinition } from '../engines/step.ts';
import type { InnerAttack } from '../defences/defence.ts';
import { readExamples } from '../data/examples.ts';
import type { Control } from '../jobs/control.ts';
import { frozenNetwork, frozenWeights } from '../models/frozen.ts';
import {
  forward,
  networkOf,
  networkSpec,
  weightList,
  weightsFromList,
  type Network,
  type NetworkSpec,
  type Weights,
} from '../models/network.ts';
import { createInnerAttacker } from './inner-attack.ts';

export interface Validation {
  readonly cleanAccuracy: number;
  /** On the last iterate of one PGD run. */
  readonly adversarialAccuracy: number;
  readonly examples: number;
}

export interface Validator {
  /** Accuracies on the held-out part; null if the data set has none. @throws AppError `cancelled`. */
  run(weights: Weights, control: Pick<Control, 'checkpoint'>): Promise<Validation | null>;
  /** Why one of its steps runs operation by operation where it could be a graph; null if there is nothing to say. */
  readonly note: string | null;
  dispose(): void;
}

/** Images [n, h, w, c], labels [n], weights → number of examples that are classified rightly. */
export const COUNT_RIGHT: StepDefinition<NetworkSpec> = {
  name: 'count-right',
  build(spec) {
    const network = networkOf(spec);
    const frozen = frozenNetwork(network);
    return (...inputs) => {
      const [images, labels, ...list] = inputs as Inputs<2>;
      const weights = frozenWeights(network, weightsFromList(network, list));
      const { logits } = forward(frozen, weights, images as tf.Tensor4D);
      return [tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'))];
    };
  },
  layout: () => ({ inputs: ['rows', 'rows'], outputs: ['sum'] }),
  describe: ({ architecture }) => `${architecture} accuracy`,
};

const LARGEST_BATCH = 125;
const LIMIT = 500;

/**
 * Measures on the first 500 images of the validation split, with PGD from one random start of its own stream.
 * @param attack ε, steps and step size
 * @param atOnce images that there is memory for; they decide nothing but the time it takes
 */
export function createValidator(
  network: Network,
  dataset: PackedDataset,
  attack: InnerAttack,
  seed: number,
  atOnce = LARGEST_BATCH,
): Validator {
  const batch = Math.min(LARGEST_BATCH, atOnce);
  const positions = dataset.positions('validation').subarray(0, LIMIT);
  const attacker = createInnerAttacker(network, attack, seed);
  const rightly = prepareStep(COUNT_RIGHT, networkSpec(network));
  const countRight = (weights: Weights, images: tf.Tensor4D, labels: tf.Tensor1D): number => {
    const [count] = rightly.run(images, labels, ...weightList(network, weights)) as [tf.Tensor];
    const [right] = count.dataSync<'float32'>();
    count.dispose();
    return right ?? 0;
  };

  return {
    async run(weights, control) {
      if (positions.length === 0) return null;
      let clean = 0;
      let adversarial = 0;
      for (let start = 0; start < positions.length; start += batch) {
        const examples = readExamples(dataset, positions.slice(start, start + batch));
        const images = imageTensor(examples.images, examples.shape);
        const labels = tf.tensor1d(examples.labels, 'int32');
        try {
          clean += countRight(weights, images, labels);
          const attacked = await attacker.run(weights, examples, 1, 0, () => control.checkpoint());
          adversarial += countRight(weights, attacked, labels);
          attacked.dispose();
        } finally {
          tf.dispose([images, labels]);
        }
        await control.checkpoint();
      }
      const count = positions.length;
      return { cleanAccuracy: clean / count, adversarialAccuracy: adversarial / count, examples: count };
    },
    get note() {
      return attacker.note ?? rightly.note;
    },
    dispose() {
      attacker.dispose();
      rightly.dispose();
    },
  };
}

/** Share of the images of a batch that the network classifies rightly, as it is in evaluation. */
export function accuracyOf(
  network: Network,
  weights: Weights,
  parts: readonly { readonly images: tf.Tensor4D; readonly labels: tf.Tensor1D }[],
): number {
  let right = 0;
  for (const { images, labels } of parts) {
    const count = tf.tidy(() => {
      const { logits } = forward(frozenNetwork(network), frozenWeights(network, weights), images);
      return tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'));
    });
    right += count.dataSync<'float32'>()[0] ?? 0;
    count.dispose();
  }
  return right / parts.reduce((sum, { labels }) => sum + labels.size, 0);
}
