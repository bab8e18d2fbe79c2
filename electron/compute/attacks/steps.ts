import * as tf from '@tensorflow/tfjs-core';
import type { CompiledStep } from '../engines/compile.ts';
import { prepareStep } from '../engines/step.ts';
import type { Inputs, StepDefinition } from '../engines/step.ts';
import { inputGradient, LOGITS } from '../models/classifier.ts';
import { forward, networkOf, networkSpec, weightList, weightsFromList } from '../models/network.ts';
import type { Network, NetworkSpec, Weights } from '../models/network.ts';
import { ascentDirection } from './direction.ts';

/**
 * What a batch of trajectories carries from step to step, all of it on the engine.
 * [n, H, W, C]: the iterate, and the first misclassified iterate (before there is one, anything).
 * [n]: iteration of the first misclassified iterate or −1; number of steps whose gradient or logits were not finite.
 */
export type TrackedState = readonly [iterate: tf.Tensor, kept: tf.Tensor, first: tf.Tensor, nonFinite: tf.Tensor];

/** [n, H, W, C] twice, and labels int32 [n]. */
export type BatchConstants = readonly [lower: tf.Tensor, upper: tf.Tensor, labels: tf.Tensor];

/**
 * The steps that attacks on one network are made of, each a pure function of tensors, compiled once per batch size.
 * Weights are arguments, so that the same steps serve while the weights change. Results belong to the caller.
 */
export interface AttackSteps {
  readonly network: Network;
  /** One step of projected gradient ascent on the cross-entropy, in L∞, that also judges the iterate it starts from. */
  tracked(
    weights: Weights,
    state: TrackedState,
    constants: BatchConstants,
    iteration: number,
    stepSize: number,
  ): TrackedState;
  /**
   * Judges the last iterate. `lastWrong` [n] is 1 where it is misclassified and within its bounds. `kept` is the last
   * iterate where no iterate was misclassified, or where it is itself and `preferLast` is set; else the first that was.
   */
  judge(
    weights: Weights,
    state: TrackedState,
    constants: BatchConstants,
    iteration: number,
    preferLast: boolean,
  ): { readonly kept: tf.Tensor; readonly first: tf.Tensor; readonly lastWrong: tf.Tensor };
  /** The step alone, for transfer attacks and training: the next iterate and the new counts [n] of non-finite steps. */
  ascend(
    weights: Weights,
    iterate: tf.Tensor,
    nonFinite: tf.Tensor,
    constants: BatchConstants,
    stepSize: number,
  ): readonly [iterate: tf.Tensor, nonFinite: tf.Tensor];
  /** [n, H, W, C] → [n, classes]. */
  logits(weights: Weights, images: tf.Tensor): tf.Tensor2D;
  /** What there is to say about how the steps run, such as why one could not be compiled. */
  notes(): readonly string[];
  dispose(): void;
}

/** See {@link AttackSteps.tracked}: state, constants, iteration, step size, weights → state. */
export const TRACKED: StepDefinition<NetworkSpec> = {
  name: 'attack-tracked',
  build(spec) {
    const network = networkOf(spec);
    return (...inputs) => {
      const [iterate, kept, first, nonFinite, lower, upper, labels, iteration, stepSize, ...list] = inputs as Inputs<9>;
      const weights = weightsFromList(network, list);
      const { logits, gradient } = inputGradient(network, weights, iterate as tf.Tensor4D, labels as tf.Tensor1D);
      const newly = tf.mul(misclassified(logits, labels), tf.cast(tf.less(first, 0), 'float32'));
      return [
        move(iterate, gradient, lower, upper, stepSize),
        choose(newly, iterate, kept),
        choose(newly, iteration, first),
        tf.add(nonFinite, notFinite(logits, gradient)),
      ];
    };
  },
  layout: () => ({ inputs: rows(7), outputs: rows(4) }),
  describe: ({ architecture }) => `${architecture} attack-tracked`,
};

/** See {@link AttackSteps.judge}: iterate, kept, first, constants, iteration, preferLast, weights → its result. */
export const JUDGE: StepDefinition<NetworkSpec> = {
  name: 'attack-judge',
  build(spec) {
    const network = networkOf(spec);
    return (...inputs) => {
      const [iterate, kept, first, lower, upper, labels, iteration, preferLast, ...list] = inputs as Inputs<8>;
      const { logits } = forward(network, weightsFromList(network, list), iterate as tf.Tensor4D);
      const wrong = misclassified(logits, labels);
      const undecided = tf.cast(tf.less(first, 0), 'float32');
      const inside = tf.logicalAnd(tf.greaterEqual(iterate, lower), tf.lessEqual(iterate, upper));
      const valid = tf.cast(tf.all(tf.reshape(inside, [inside.shape[0] ?? 0, -1]), 1), 'float32');
      const lastWrong = tf.mul(wrong, valid);
      return [
        choose(tf.maximum(undecided, tf.mul(lastWrong, preferLast)), iterate, kept),
        choose(tf.mul(undecided, wrong), iteration, first),
        lastWrong,
      ];
    };
  },
  layout: () => ({ inputs: rows(6), outputs: rows(3) }),
  describe: ({ architecture }) => `${architecture} attack-judge`,
};

/** See {@link AttackSteps.ascend}: iterate, nonFinite, constants, step size, weights → iterate, nonFinite. */
export const ASCEND: StepDefinition<NetworkSpec> = {
  name: 'attack-ascend',
  build(spec) {
    const network = networkOf(spec);
    return (...inputs) => {
      const [iterate, nonFinite, lower, upper, labels, stepSize, ...list] = inputs as Inputs<6>;
      const weights = weightsFromList(network, list);
      const { logits, gradient } = inputGradient(network, weights, iterate as tf.Tensor4D, labels as tf.Tensor1D);
      return [move(iterate, gradient, lower, upper, stepSize), tf.add(nonFinite, notFinite(logits, gradient))];
    };
  },
  layout: () => ({ inputs: rows(5), outputs: rows(2) }),
  describe: ({ architecture }) => `${architecture} attack-ascend`,
};

/** The caller disposes of the steps when the attacks on this network are over. */
export function createAttackSteps(network: Network): AttackSteps {
  const spec = networkSpec(network);
  const [tracked, judge, ascend, logits] = [TRACKED, JUDGE, ASCEND, LOGITS].map((each) => prepareStep(each, spec)) as [
    CompiledStep,
    CompiledStep,
    CompiledStep,
    CompiledStep,
  ];
  const compiled = [tracked, judge, ascend, logits];

  /** Runs a step with numbers among its arguments. */
  const run = (step: CompiledStep, tensors: readonly tf.Tensor[], numbers: readonly number[], weights: Weights) => {
    const scalars = numbers.map((value) => tf.scalar(value));
    try {
      return step.run(...tensors, ...scalars, ...weightList(network, weights)) as unknown;
    } finally {
      tf.dispose(scalars);
    }
  };

  return {
    network,
    tracked: (weights, state, constants, iteration, stepSize) =>
      run(tracked, [...state, ...constants], [iteration, stepSize], weights) as TrackedState,
    judge(weights, [iterate, kept, first], constants, iteration, preferLast) {
      const numbers = [iteration, preferLast ? 1 : 0];
      const outputs = run(judge, [iterate, kept, first, ...constants], numbers, weights) as Inputs<3>;
      return { kept: outputs[0], first: outputs[1], lastWrong: outputs[2] };
    },
    ascend(weights, iterate, nonFinite, constants, stepSize) {
      const outputs = run(ascend, [iterate, nonFinite, ...constants], [stepSize], weights) as Inputs<2>;
      return [outputs[0], outputs[1]];
    },
    logits: (weights, images) => (run(logits, [images], [], weights) as [tf.Tensor2D])[0],
    notes: () => compiled.flatMap(({ note }) => (note === null ? [] : [note])),
    dispose: () => compiled.forEach((step) => step.dispose()),
  };
}

function rows(count: number): 'rows'[] {
  return new Array<'rows'>(count).fill('rows');
}

/** [n]: 1 where the prediction is not the label. Logits that are not all finite make no prediction, so no success. */
function misclassified(logits: tf.Tensor2D, labels: tf.Tensor): tf.Tensor {
  const wrong = tf.notEqual(tf.argMax(logits, 1), labels);
  return tf.cast(tf.logicalAnd(wrong, tf.all(tf.isFinite(logits), 1)), 'float32');
}

/**
 * `chosen` in the rows where `mask` [n] is 1, `otherwise` where it is 0. With masks of exactly 0 and 1 these sums are
 * exact, and cheaper than a broadcast selection.
 */
function choose(mask: tf.Tensor, chosen: tf.Tensor, otherwise: tf.Tensor): tf.Tensor {
  const rows = tf.reshape(mask, [mask.shape[0] ?? 0, ...new Array<number>(otherwise.rank - 1).fill(1)]);
  return tf.add(tf.mul(chosen, rows), tf.mul(otherwise, tf.sub(1, rows)));
}

/** x + step · sign(gradient), then into the bounds. A pixel whose gradient is NaN stays where it is. */
function move(
  iterate: tf.Tensor,
  gradient: tf.Tensor,
  lower: tf.Tensor,
  upper: tf.Tensor,
  stepSize: tf.Tensor,
): tf.Tensor {
  return tf.maximum(lower, tf.minimum(upper, tf.add(iterate, tf.mul(stepSize, ascentDirection(gradient)))));
}

/** [n]: 1 where the logits or the input gradient hold a NaN or an infinity. */
function notFinite(logits: tf.Tensor2D, gradient: tf.Tensor): tf.Tensor {
  const pixels = tf.reshape(gradient, [gradient.shape[0] ?? 0, -1]);
  const finite = tf.logicalAnd(tf.all(tf.isFinite(logits), 1), tf.all(tf.isFinite(pixels), 1));
  return tf.sub(1, tf.cast(finite, 'float32'));
}
