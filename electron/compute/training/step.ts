import * as tf from '@tensorflow/tfjs-core';
import type { ConfiguredDefence } from '../defences/defence.ts';
import { compileStep } from '../engines/compile.ts';
import { splitsBatches } from '../engines/state.ts';
import { prepareStep } from '../engines/step.ts';
import { networkSpec, weightList, weightsFromList, type Network, type Weights } from '../models/network.ts';
import {
  halvesUsed,
  TRAIN_GRADIENT,
  trainGradients,
  type Half,
  type TrainGradientParameters,
  type TrainGradients,
} from './gradient.ts';
import type { Optimizer } from './optimizer.ts';

/** Weights and optimizer state between two steps. */
export interface TrainState {
  /** With the moving statistics of batch normalisation. */
  readonly weights: Weights;
  /** In the order of `optimizer.slots`, each a tensor for each trainable parameter, of its shape. */
  readonly slots: readonly (readonly tf.Tensor[])[];
}

export interface StepReport {
  /** The loss's terms, already weighted, and their sum as `total`. */
  readonly terms: Readonly<Record<string, number>>;
  /** Accuracy on the minibatch, 0…1; null for a half that the loss does not use. */
  readonly cleanAccuracy: number | null;
  readonly adversarialAccuracy: number | null;
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
  ): {
    readonly state: TrainState;
    /** Reads the report off the engine, once; waits for what that still computes. */
    readonly report: () => StepReport;
  };
  readonly note: string | null;
  dispose(): void;
}

export interface TrainStepOptions {
  readonly network: Network;
  readonly defence: ConfiguredDefence;
  readonly optimizer: Optimizer;
  readonly labelSmoothing: number;
}

/**
 * The training step (loss, gradients, optimizer): as one compiled step where the engine takes the batch in one piece,
 * else the gradient in parts and then the update.
 */
export function createTrainStep({ network, defence, optimizer, labelSmoothing }: TrainStepOptions): TrainStep {
  const parameters = network.parameters.length;
  const trainable = network.parameters.map((parameter) => parameter.trainable);
  const moving = network.parameters.map((parameter) => parameter.moving);
  const numberCount = optimizer.numbers(0, 0).length;
  const gradientOf: TrainGradientParameters = {
    network: networkSpec(network),
    defence: defence.name,
    defenceSettings: defence.settings,
    labelSmoothing,
  };
  const trainableCount = trainable.filter(Boolean).length;
  /** Numbers, weights, slots → report with the gradient's squares, new weights, new slots. */
  const update = ({ report, gradients, statistics }: TrainGradients, rest: readonly tf.Tensor[]): tf.Tensor[] => {
    const state = rest.slice(numberCount);
    const weights = state.slice(0, parameters);
    const slots = inRows(state.slice(parameters), trainableCount);
    const changes = gradients.map((gradient, index) =>
      optimizer.update(
        gradient,
        slots.map((slot) => slot[index] as tf.Tensor),
        rest.slice(0, numberCount),
      ),
    );
    const squares = tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient))));
    const changed = weights
      .filter((_, index) => trainable[index])
      .map((weight, index) => tf.sub(weight, changes[index]?.delta ?? 0));
    const moved = moveTowards(
      weights.filter((_, index) => moving[index]),
      statistics,
    );
    const next = weights.map((weight, index) => {
      const [own] = trainable[index] ? changed.splice(0, 1) : moving[index] ? moved.splice(0, 1) : [tf.clone(weight)];
      return own as tf.Tensor;
    });
    const newSlots = slots.flatMap((_, slot) => changes.map((change) => change.slots[slot] as tf.Tensor));
    return [tf.concat([report, tf.reshape(squares, [1])]), ...next, ...newSlots];
  };

  const split = splitsBatches() ? prepareStep(TRAIN_GRADIENT, gradientOf) : null;
  const gradientsOf = trainGradients(gradientOf);
  const halves = halvesUsed(defence);
  const batchInputs = halves.length + 2;
  const whole = compileStep(
    (...inputs) => {
      const [batch, numbersAndState] = [inputs.slice(0, batchInputs), inputs.slice(batchInputs)];
      const weights = numbersAndState.slice(numberCount, numberCount + parameters);
      return update(gradientsOf(...batch, ...weights), numbersAndState);
    },
    {
      name: `${network.architecture} ${defence.name} training step`,
      // Gradients through the statistics of small batches magnify differences of rounding.
      ...(moving.includes(true) ? { tolerance: NORM_TOLERANCE } : {}),
    },
  );
  const runParts = (batch: readonly tf.Tensor[], rest: readonly tf.Tensor[]): tf.Tensor[] | null => {
    const weights = rest.slice(numberCount, numberCount + parameters);
    const parts = split?.run(...batch, ...weights);
    if (!parts) return null;
    const outputs = tf.tidy(() => {
      const [report, gradient, ...statistics] = parts as [tf.Tensor, tf.Tensor1D, ...tf.Tensor[]];
      const trained = weights.filter((_, index) => trainable[index]);
      const pieces = tf.split(
        gradient,
        trained.map((weight) => weight.size),
      );
      const gradients = pieces.map((piece, index) => tf.reshape(piece, trained[index]?.shape ?? []));
      return update({ report, gradients, statistics }, rest);
    });
    tf.dispose(parts);
    return outputs;
  };

  return {
    run(state, images, adversarial, labels, numbers) {
      const scalars = [labels.size, ...numbers].map((value) => tf.scalar(value));
      const [size, ...ownNumbers] = scalars as [tf.Scalar, ...tf.Scalar[]];
      const given = halves.flatMap((half) => (half === 'clean' ? images : (adversarial ?? [])));
      const batch = [...given, labels, size];
      const rest = [...ownNumbers, ...weightList(network, state.weights), ...state.slots.flat()];
      const [report, ...next] = (runParts(batch, rest) ?? whole.run(...batch, ...rest)) as [tf.Tensor, ...tf.Tensor[]];
      tf.dispose(scalars);
      return {
        state: {
          weights: weightsFromList(network, next.slice(0, parameters)),
          slots: inRows(next.slice(parameters), trainableCount),
        },
        report: () => {
          const values = Array.from(report.dataSync<'float32'>());
          report.dispose();
          return readReport(values, defence.terms, halves);
        },
      };
    },
    get note() {
      return split?.note ?? whole.note;
    },
    dispose: () => {
      split?.dispose();
      whole.dispose();
    },
  };
}

/** A list cut into pieces of one length. */
function inRows(list: readonly tf.Tensor[], length: number): tf.Tensor[][] {
  return Array.from({ length: list.length / length }, (_, row) => list.slice(row * length, (row + 1) * length));
}

const NORM_TOLERANCE = 1e-4;

/** As PyTorch's momentum of 0.1. */
const STATISTICS_SHARE = 0.1;

/** Moving statistics a step nearer to those of the batch. */
function moveTowards(moving: readonly tf.Tensor[], batch: readonly tf.Tensor[]): tf.Tensor[] {
  return moving.map((old, index) =>
    tf.add(tf.mul(old, 1 - STATISTICS_SHARE), tf.mul(batch[index] as tf.Tensor, STATISTICS_SHARE)),
  );
}

function readReport(values: readonly number[], names: readonly string[], halves: readonly Half[]): StepReport {
  const at = (index: number): number => values[index] ?? Number.NaN;
  const terms = Object.fromEntries(names.map((name, index) => [name, at(index)]));
  const next = names.length;
  return {
    terms: { ...terms, total: Object.values(terms).reduce((sum, term) => sum + term, 0) },
    cleanAccuracy: halves.includes('clean') ? at(next) : null,
    adversarialAccuracy: halves.includes('adversarial') ? at(next + 1) : null,
    gradientSquares: at(next + 2),
  };
}
