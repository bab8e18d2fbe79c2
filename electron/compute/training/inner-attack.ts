import * as tf from '@tensorflow/tfjs-core';
import { batchConstants, imageTensor, startingPoints } from '../attacks/batch.ts';
import { ascentDirection } from '../attacks/direction.ts';
import type { Examples } from '../attacks/examples.ts';
import type { InnerAttack } from '../defences/defence.ts';
import { compileStep } from '../engines/compile.ts';
import { inputGradient } from '../models/classifier.ts';
import { weightList, weightsFromList, type Network, type Weights } from '../models/network.ts';

/** Makes the adversarial examples of a training: PGD in L∞, all iterations as one step, no success tracking. */
export interface InnerAttacker {
  /**
   * @param epsilonShare warm-up: scales ε and step size, in (0, 1].
   * @param round distinguishes the start noise from that of other passes over the same examples.
   * @returns x' [batch, height, width, channels]; the caller disposes of it.
   */
  run(weights: Weights, examples: Examples, epsilonShare: number, round: number): tf.Tensor4D;
  readonly note: string | null;
  dispose(): void;
}

/** @param seed of the start noise: stream (seed, 'start', example, round). */
export function createInnerAttacker(network: Network, attack: InnerAttack, seed: number): InnerAttacker {
  const step = compileStep(
    (start, lower, upper, labels, stepSize, ...list) => {
      const weights = weightsFromList(network, list);
      let iterate = start;
      for (let iteration = 0; iteration < attack.steps; iteration += 1) {
        const previous = iterate;
        iterate = tf.tidy(() => {
          const { gradient } = inputGradient(network, weights, previous as tf.Tensor4D, labels as tf.Tensor1D);
          const moved = tf.add(previous, tf.mul(stepSize, ascentDirection(gradient)));
          return tf.maximum(lower, tf.minimum(upper, moved));
        });
        if (previous !== start) previous.dispose();
      }
      return [iterate];
    },
    { name: `${network.architecture} inner PGD-${attack.steps}` },
  );
  return {
    run(weights, examples, epsilonShare, round) {
      const rows = Array.from(examples.labels, (_, row) => row);
      const epsilon = attack.epsilon * epsilonShare;
      const points = startingPoints(examples, rows, { epsilon, randomStart: attack.randomStart }, seed, round);
      const inputs = [
        imageTensor(points, examples.shape),
        ...batchConstants(examples, rows, epsilon),
        tf.scalar(attack.stepSize * epsilonShare),
      ];
      const [adversarial] = step.run(...inputs, ...weightList(network, weights));
      tf.dispose(inputs);
      return adversarial as tf.Tensor4D;
    },
    get note() {
      return step.note;
    },
    dispose: () => step.dispose(),
  };
}
