import * as tf from '@tensorflow/tfjs-core';
import { imageTensor } from '../attacks/base/batch.ts';
import { ascentDirection, moveWithin } from '../attacks/base/direction.ts';
import type { Examples } from '../attacks/base/examples.ts';
import { startPoints, type StartPoints } from '../attacks/base/start.ts';
import type { InnerAttack } from '../defences/defence.ts';
import { divergence } from '../defences/divergence.ts';
import { repeatStep, type CompiledStep } from '../engines/compile.ts';
import { prepareStep, type Inputs, type StepDefinition } from '../engines/step.ts';
import { inputGradient, LOGITS, type InputLoss } from '../models/classifier.ts';
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
  const { objective = 'cross-entropy', startNoise } = attack;
  const steps = new Map<number, CompiledStep>();
  const logits = objective === 'divergence' ? prepareStep(LOGITS, networkSpec(network)) : null;
  const stepOf = (iterations: number): CompiledStep => {
    const parameters = { network: networkSpec(network), iterations, objective };
    const step = steps.get(iterations) ?? prepareStep(INNER_ATTACK, parameters);
    steps.set(iterations, step);
    return step;
  };
  return {
    async run(weights, examples, epsilonShare, round, rest, prepared) {
      const { images, indices, shape } = examples;
      const plan = {
        epsilon: attack.epsilon * epsilonShare,
        randomStart: attack.randomStart,
        ...(startNoise !== undefined && { startNoise }),
      };
      const points = prepared ?? startPoints(images, indices, plan, seed, round);
      const frozen = tf.tidy(() => frozenWeights(trained, weights));
      const own = Object.values(frozen).filter((tensor) => !Object.values(weights).includes(tensor));
      const constants = [
        imageTensor(points.lower, shape),
        imageTensor(points.upper, shape),
        logits ? logitsOf(logits, examples, weightList(network, frozen)) : tf.tensor1d(examples.labels, 'int32'),
        tf.scalar(attack.stepSize * epsilonShare),
      ];
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
      logits?.dispose();
    },
  };
}

/** Of the images as they are, [n, classes]. The caller disposes of it. */
function logitsOf(step: CompiledStep, { images, shape }: Examples, weights: readonly tf.Tensor[]): tf.Tensor {
  const x = imageTensor(images, shape);
  const [logits] = step.run(x, ...weights);
  x.dispose();
  return logits as tf.Tensor;
}

interface InnerAttackParameters {
  readonly network: NetworkSpec;
  readonly iterations: number;
  readonly objective: NonNullable<InnerAttack['objective']>;
}

/**
 * So many iterations of x ← clip(x + step size · direction of the objective's gradient) as one step: iterate, lower and
 * upper bounds [n, h, w, c], labels [n] (for the divergence the logits of x [n, classes]), step size, weights → iterate.
 */
export const INNER_ATTACK: StepDefinition<InnerAttackParameters> = {
  name: 'inner-attack',
  build({ network: spec, iterations, objective }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const [iterate, lower, upper, towards, stepSize, ...list] = inputs as Inputs<5>;
      const weights = weightsFromList(network, list);
      const loss: InputLoss =
        objective === 'divergence' ? (logits) => divergence(towards as tf.Tensor2D, logits) : objective;
      const { gradient } = inputGradient(network, weights, iterate as tf.Tensor4D, towards as tf.Tensor1D, loss);
      return [moveWithin(iterate, tf.mul(stepSize, ascentDirection(gradient)), lower, upper)];
    }, iterations);
  },
  layout: () => ({ inputs: ['rows', 'rows', 'rows', 'rows'], outputs: ['rows'] }),
  describe: ({ network, iterations }) => `${network.architecture} inner PGD-${iterations}`,
};
