import * as tf from '@tensorflow/tfjs-core';
import type { ConfiguredDefence } from '../defences/defence.ts';
import { perturbedWeights } from '../defences/weight-perturbation.ts';
import { compileStep } from '../engines/compile.ts';
import { splitsBatches } from '../engines/state.ts';
import { prepareStep } from '../engines/step.ts';
import { networkSpec, weightList, weightsFromList, type Network, type Weights } from '../models/network.ts';
import {
  halvesUsed,
  isWarmed,
  TRAIN_GRADIENT,
  trainGradients,
  type Half,
  type TrainGradientParameters,
  type TrainGradients,
} from './gradient.ts';
import type { Optimizer } from './optimizer.ts';
import { createUpdate, inRows, type UpdateOptions } from './update.ts';

/** Weights and optimizer state between two steps. */
export interface TrainState {
  /** With the moving statistics of batch normalisation. */
  readonly weights: Weights;
  /** In the order of `optimizer.slots`, each a tensor for each trainable parameter, of its shape. */
  readonly slots: readonly (readonly tf.Tensor[])[];
  /** The moving average of the weights, with the moving statistics; null where none is kept. */
  readonly average: Weights | null;
}

/** A batch, or a part of one. */
export interface BatchPart {
  /** x, float32 [batch, height, width, channels] */
  readonly images: tf.Tensor4D;
  /** x', likewise; null for defences that make none */
  readonly adversarial: tf.Tensor4D | null;
  /** int32 [batch] */
  readonly labels: tf.Tensor1D;
}

/** What changes from step to step. */
interface StepNumbers {
  /** What `optimizer.numbers` gave. */
  readonly optimizer: readonly number[];
  /** Share of the run that is done with this step, in (0, 1], 1 if left out: what is warmed up depends on it. */
  readonly progress?: number;
  /** How far the averaged weights move to the new ones, see `averageShare`. */
  readonly averageShare?: number;
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
   * @param parts the batch in one piece, or in parts whose gradients are added up: the same update, within rounding,
   *   but that batch normalisation, and a loss that pairs images with each other, see each part by itself.
   */
  run(
    state: TrainState,
    parts: readonly BatchPart[],
    numbers: StepNumbers,
  ): {
    readonly state: TrainState;
    /** Sign of the loss's gradient by x', for defences that replay their batches; the caller's. */
    readonly ascent: tf.Tensor4D | null;
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
  readonly clipNorm?: UpdateOptions['clipNorm'];
  readonly averaged?: boolean;
}

/**
 * The training step (loss, gradients, optimizer): as one compiled step where the engine takes the batch in one piece,
 * else the gradient in parts and then the update.
 */
export function createTrainStep({
  network,
  defence,
  optimizer,
  labelSmoothing,
  clipNorm = null,
  averaged = false,
}: TrainStepOptions): TrainStep {
  const parameters = network.parameters.length;
  const trainable = network.parameters.map((parameter) => parameter.trainable);
  const movingCount = network.parameters.filter((parameter) => parameter.moving).length;
  const applied = createUpdate({ network, optimizer, clipNorm, averaged });
  const gradientOf: TrainGradientParameters = {
    network: networkSpec(network),
    defence: defence.name,
    defenceSettings: defence.settings,
    labelSmoothing,
  };
  const trainableCount = trainable.filter(Boolean).length;
  const { weightPerturbation } = defence;
  const terms = reportedTerms(defence);
  /** Numbers, weights, slots, average → report with the gradient's squares, new state, direction of x'. */
  const update = ({ ascent, ...gradients }: TrainGradients, rest: readonly tf.Tensor[]): tf.Tensor[] => [
    ...applied.run(gradients, rest),
    ...(ascent ? [ascent] : []),
  ];
  /** The trainable ones at the places that the gradients send them to; the others as they are. */
  const perturb = (weights: readonly tf.Tensor[], gradients: readonly tf.Tensor[], gamma: tf.Tensor): tf.Tensor[] => {
    const trained = weights.filter((_, index) => trainable[index]);
    const moved = perturbedWeights(trained, gradients, gamma as tf.Scalar);
    return weights.map((weight, index) => (trainable[index] ? (moved.shift() ?? weight) : weight));
  };

  const split = splitsBatches() ? prepareStep(TRAIN_GRADIENT, gradientOf) : null;
  const gradientsOf = trainGradients(gradientOf);
  // Gradients through the statistics of small batches magnify differences of rounding.
  const tolerance = movingCount > 0 ? { tolerance: NORM_TOLERANCE } : {};
  const halves = halvesUsed(defence);
  const warmed = isWarmed(defence);
  const batchInputs = halves.length + 2 + (warmed ? 1 : 0);
  const gammas = weightPerturbation ? 1 : 0;
  const whole = compileStep(
    (...inputs) => {
      const [batch, own] = [inputs.slice(0, batchInputs), inputs.slice(batchInputs)];
      const numbersAndState = own.slice(gammas);
      const weights = numbersAndState.slice(applied.numbers, applied.numbers + parameters);
      const here = gradientsOf(...batch, ...weights);
      const [gamma] = own;
      if (!weightPerturbation || !gamma) return update(here, numbersAndState);
      const there = gradientsOf(...batch, ...perturb(weights, here.gradients, gamma));
      return update({ ...there, report: withRise(here.report, there.report) }, numbersAndState);
    },
    { name: `${network.architecture} ${defence.name} training step`, ...tolerance },
  );
  /** The two halves of a step that is made in parts: the gradient of one, and the update by the sum of them all. */
  const partial = compileStep((...inputs) => listOf(gradientsOf(...inputs)), {
    name: `${network.architecture} ${defence.name} gradient`,
    ...tolerance,
  });
  const finish = compileStep(
    (...inputs) => {
      const [summed, rest] = [inputs.slice(0, listed), inputs.slice(listed)];
      return update(fromList(summed), rest);
    },
    { name: `${network.architecture} update`, ...tolerance },
  );
  /** What the threads' outputs are, the gradient cut into pieces of the parameters' shapes. */
  const gradientsIn = (parts: readonly tf.Tensor[], weights: readonly tf.Tensor[]): TrainGradients => {
    const [report, gradient, ...others] = parts as [tf.Tensor, tf.Tensor1D, ...tf.Tensor[]];
    const trained = weights.filter((_, index) => trainable[index]);
    const pieces = tf.split(
      gradient,
      trained.map((weight) => weight.size),
    );
    return {
      report,
      gradients: pieces.map((piece, index) => tf.reshape(piece, trained[index]?.shape ?? [])),
      statistics: defence.replay ? others.slice(0, -1) : others,
      ascent: defence.replay ? tf.clone(others.at(-1) as tf.Tensor) : null,
    };
  };
  const listOf = ({ report, gradients, statistics, ascent }: TrainGradients): tf.Tensor[] => [
    report,
    ...gradients,
    ...statistics,
    ...(ascent ? [ascent] : []),
  ];
  const listed = 1 + trainableCount + movingCount + (defence.replay ? 1 : 0);
  const fromList = (list: readonly tf.Tensor[]): TrainGradients => ({
    report: list[0] as tf.Tensor,
    gradients: list.slice(1, 1 + trainableCount),
    statistics: list.slice(1 + trainableCount, 1 + trainableCount + movingCount),
    ascent: list[1 + trainableCount + movingCount] ?? null,
  });
  /** The gradient of the whole batch as the list of {@link listOf}, part by part. The caller disposes of it. */
  const gradientInParts = (batches: readonly (readonly tf.Tensor[])[], weights: readonly tf.Tensor[]): tf.Tensor[] => {
    const sums: tf.Tensor[] = [];
    const ascents: tf.Tensor[] = [];
    for (const batch of batches) {
      const found = (split ?? partial).run(...batch, ...weights);
      const part = split ? tf.tidy(() => listOf(gradientsIn(found, weights)).map((each) => tf.clone(each))) : found;
      if (split) tf.dispose(found);
      if (defence.replay) ascents.push(part.pop() as tf.Tensor);
      if (sums.length === 0) {
        sums.push(...part);
        continue;
      }
      const old = sums.splice(0);
      sums.push(...tf.tidy(() => part.map((each, index) => tf.add(each, old[index] as tf.Tensor))));
      tf.dispose([...part, ...old]);
    }
    if (ascents.length < 2) return [...sums, ...ascents];
    const ascent = tf.concat(ascents, 0);
    tf.dispose(ascents);
    return [...sums, ascent];
  };
  const runParts = (batches: readonly (readonly tf.Tensor[])[], own: readonly tf.Tensor[]): tf.Tensor[] => {
    const rest = own.slice(gammas);
    const weights = rest.slice(applied.numbers, applied.numbers + parameters);
    const [gamma] = own;
    let summed = gradientInParts(batches, weights);
    if (weightPerturbation && gamma) {
      const here = summed;
      const moved = tf.tidy(() => perturb(weights, fromList(here).gradients, gamma));
      const [report, ...there] = gradientInParts(batches, moved) as [tf.Tensor, ...tf.Tensor[]];
      summed = [tf.tidy(() => withRise(here[0] as tf.Tensor, report)), ...there];
      tf.dispose([report, ...here, ...moved.filter((tensor) => !weights.includes(tensor))]);
    }
    const outputs = split
      ? tf.tidy(() => update(fromList(summed), rest).map((each) => tf.clone(each)))
      : finish.run(...summed, ...rest);
    tf.dispose(summed);
    return outputs;
  };
  /** Report of the weights as they are, and by how much the perturbation raises the whole loss: their sum is minimised. */
  const withRise = (here: tf.Tensor, there: tf.Tensor): tf.Tensor => {
    const count = defence.terms.length;
    const rise = tf.sum(tf.sub(tf.slice(there, 0, count), tf.slice(here, 0, count)));
    return tf.concat([tf.slice(here, 0, count), tf.reshape(rise, [1]), tf.slice(here, count)]);
  };

  return {
    run(state, parts, { optimizer: numbers, progress = 1, averageShare = 0 }) {
      const gamma = weightPerturbation
        ? [weightPerturbation.gamma * warmedUp(weightPerturbation.warmup, progress)]
        : [];
      const examples = parts.reduce((sum, { labels }) => sum + labels.size, 0);
      const scalars = [examples, ...gamma, ...numbers, ...(averaged ? [averageShare] : [])].map((value) =>
        tf.scalar(value),
      );
      const [size, ...ownNumbers] = scalars as [tf.Scalar, ...tf.Scalar[]];
      const shares = defence.terms.map((term) => warmedUp(defence.warmups?.[term] ?? 0, progress));
      const termWeights = warmed ? [tf.tensor1d(shares)] : [];
      const batches = parts.map(({ images, adversarial, labels }) => [
        ...halves.flatMap((half) => (half === 'clean' ? images : (adversarial ?? []))),
        labels,
        size,
        ...termWeights,
      ]);
      const rest = [
        ...ownNumbers,
        ...weightList(network, state.weights),
        ...state.slots.flat(),
        ...(state.average ? weightList(network, state.average) : []),
      ];
      const [only, ...others] = batches;
      const inOnePiece = only && others.length === 0 && !split;
      const [report, ...next] = (inOnePiece ? whole.run(...only, ...rest) : runParts(batches, rest)) as [
        tf.Tensor,
        ...tf.Tensor[],
      ];
      tf.dispose([...scalars, ...termWeights]);
      const ascent = defence.replay ? (next.pop() as tf.Tensor4D) : null;
      const slotEnd = parameters + optimizer.slots.length * trainableCount;
      return {
        state: {
          weights: weightsFromList(network, next.slice(0, parameters)),
          slots: inRows(next.slice(parameters, slotEnd), trainableCount),
          average: averaged ? weightsFromList(network, next.slice(slotEnd)) : null,
        },
        ascent,
        report: () => {
          const values = Array.from(report.dataSync<'float32'>());
          report.dispose();
          return readReport(values, terms, halves);
        },
      };
    },
    get note() {
      return split?.note ?? whole.note ?? partial.note ?? finish.note;
    },
    dispose: () => {
      for (const step of [split, whole, partial, finish]) step?.dispose();
    },
  };
}

/** The term of a perturbation of the weights: by how much it raises the loss. */
const RISE = 'awp';

/** Names of the terms in a step's report. */
function reportedTerms({ terms, weightPerturbation }: ConfiguredDefence): readonly string[] {
  return weightPerturbation ? [...terms, RISE] : terms;
}

/** What a weight has of its full size when it rises linearly over a share of the run. @returns in (0, 1] */
function warmedUp(share: number, progress: number): number {
  return share > 0 ? Math.min(1, progress / share) : 1;
}

const NORM_TOLERANCE = 1e-4;

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
