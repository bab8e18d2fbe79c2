import * as tf from '@tensorflow/tfjs-core';
import { imageTensor } from '../attacks/base/batch.ts';
import { ascentDirection, moveWithin } from '../attacks/base/direction.ts';
import type { Examples } from '../attacks/base/examples.ts';
import { startPoints, type StartPoints } from '../attacks/base/start.ts';
import type { InnerAttack } from '../defences/defence.ts';
import { repeatStep, type CompiledStep } from '../engines/compile.ts';
import { prepareStep, type Inputs, type StepDefinition } from '../engines/step.ts';
import { inputGradient } from '../models/classifier.ts';
import { frozenNetwork, frozenWeights } from '../models/frozen.ts';
import {
  networkOf,
  networkSpec,
  weightList,
  weightsFromList,
  type Network,
  type NetworkSpec,
  type Weights,
} from '../models/network.ts';

/** So many iterations run as one step, so that a long attack can be paused and cancelled. Never dependent on time. */
const ITERATIONS_AT_ONCE = 10;

/** Makes the adversarial examples of a training: PGD in L∞, iterations ten at a time as one step, no success tracking. */
export interface InnerAttacker {
  /**
   * @param epsilonShare warm-up: scales ε and step size, in (0, 1].
   * @param round distinguishes the start noise from that of other passes over the same examples.
   * @param rest awaited after each ten iterations but the last; what it throws ends the attack.
   * @param prepared start and bounds of just these examples, ε and round, if they were made before.
   * @returns x' [batch, height, width, channels]; the caller disposes of it.
   */
  run(
    weights: Weights,
    examples: Examples,
    epsilonShare: number,
    round: number,
    rest: () => Promise<void>,
    prepared?: StartPoints,
  ): Promise<tf.Tensor4D>;
  readonly note: string | null;
  dispose(): void;
}

/**
 * The attack looks at the network as it is in evaluation: batch normalisation is folded away, once for each batch.
 * @param seed of the start noise: stream (seed, 'start', example, round).
 */
export function createInnerAttacker(trained: Network, attack: InnerAttack, seed: number): InnerAttacker {
  const network = frozenNetwork(trained);
  const steps = new Map<number, CompiledStep>();
  const stepOf = (iterations: number): CompiledStep => {
    const step = steps.get(iterations) ?? prepareStep(INNER_ATTACK, { network: networkSpec(network), iterations });
    steps.set(iterations, step);
    return step;
  };
  return {
    async run(weights, examples, epsilonShare, round, rest, prepared) {
      const { images, indices, shape } = examples;
      const plan = { epsilon: attack.epsilon * epsilonShare, randomStart: attack.randomStart };
      const points = prepared ?? startPoints(images, indices, plan, seed, round);
      const constants = [
        imageTensor(points.lower, shape),
        imageTensor(points.upper, shape),
        tf.tensor1d(examples.labels, 'int32'),
        tf.scalar(attack.stepSize * epsilonShare),
      ];
      const frozen = tf.tidy(() => frozenWeights(trained, weights));
      const own = Object.values(frozen).filter((tensor) => !Object.values(weights).includes(tensor));
      let iterate: tf.Tensor = imageTensor(points.start, shape);
      try {
        for (let done = 0; done < attack.steps;) {
          if (done > 0) await rest();
          const iterations = Math.min(ITERATIONS_AT_ONCE, attack.steps - done);
          const [next] = stepOf(iterations).run(iterate, ...constants, ...weightList(network, frozen));
          iterate.dispose();
          iterate = next as tf.Tensor;
          done += iterations;
        }
        return iterate as tf.Tensor4D;
      } catch (error) {
        iterate.dispose();
        throw error;
      } finally {
        tf.dispose([...constants, ...own]);
      }
    },
    get note() {
      return [...steps.values()].find((step) => step.note !== null)?.note ?? null;
    },
    dispose: () => {
      for (const step of steps.values()) step.dispose();
    },
  };
}

interface InnerAttackParameters {
  readonly network: NetworkSpec;
  readonly iterations: number;
}

/**
 * So many iterations of x ← clip(x + step size · direction of the loss's gradient) as one step: iterate, lower and upper
 * bounds [n, h, w, c], labels [n], step size, weights → iterate.
 */
export const INNER_ATTACK: StepDefinition<InnerAttackParameters> = {
  name: 'inner-attack',
  build({ network: spec, iterations }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const [iterate, lower, upper, labels, stepSize, ...list] = inputs as Inputs<5>;
      const weights = weightsFromList(network, list);
      const { gradient } = inputGradient(network, weights, iterate as tf.Tensor4D, labels as tf.Tensor1D);
      return [moveWithin(iterate, tf.mul(stepSize, ascentDirection(gradient)), lower, upper)];
    }, iterations);
  },
  layout: () => ({ inputs: ['rows', 'rows', 'rows', 'rows'], outputs: ['rows'] }),
  describe: ({ network, iterations }) => `${network.architecture} inner PGD-${iterations}`,
};
