import * as tf from '@tensorflow/tfjs-core';
import { repeatStep, type CompiledStep } from '../../engines/compile.ts';
import { prepareStep } from '../../engines/step.ts';
import type { Inputs, StepDefinition } from '../../engines/step.ts';
import { LOGITS } from '../../models/classifier.ts';
import { networkOf, networkSpec, weightList, weightsFromList } from '../../models/network.ts';
import type { Network, NetworkSpec, Weights } from '../../models/network.ts';
import { IN_LINF, lookFrom } from './climb.ts';
import type { ClimbRule } from './climb.ts';
import { moveInReach } from '../base/norms.ts';
import { choose } from '../base/row-masks.ts';

/**
 * What a batch of trajectories carries from call to call, all of it on the engine, each tensor with a row per example.
 * [n, H, W, C]: the iterate. [n]: iteration of the first misclassified iterate or −1; number of steps whose gradient or
 * logits were not finite.
 */
export type PursuitState = readonly [iterate: tf.Tensor, first: tf.Tensor, nonFinite: tf.Tensor];

/** Likewise; `kept` [n, H, W, C]: the first misclassified iterate (before there is one, anything). */
export type TrackedState = readonly [iterate: tf.Tensor, first: tf.Tensor, nonFinite: tf.Tensor, kept: tf.Tensor];

/**
 * What keeps iterates near their images, see `Reach`: in L∞ lower and upper bounds, [n, H, W, C] each. Labels int32 [n]:
 * the classes to leave, or those to reach where a target was chosen.
 */
export type BatchConstants = readonly [one: tf.Tensor, other: tf.Tensor, labels: tf.Tensor];

/**
 * The steps that attacks on one network are made of: projected gradient ascent on the cross-entropy, so many iterations
 * in one call, each rule, number of iterations and batch size compiled once. Without a rule it is L∞'s. Weights are
 * arguments, so that the same steps serve while the weights change. Results belong to the caller.
 */
export interface AttackSteps {
  readonly network: Network;
  /** Iterations that judge the iterate that they start from, and go on whatever it is. `iteration`: the first one's. */
  tracked(
    weights: Weights,
    state: TrackedState,
    constants: BatchConstants,
    iteration: number,
    stepSize: number,
    iterations: number,
    rule?: ClimbRule,
  ): TrackedState;
  /**
   * Likewise, but nothing changes any more in a row whose iterate is misclassified or that has made all its steps.
   * @param done steps that each row has made, beyond its rows 0.
   * @param steps of a trajectory.
   */
  pursue(
    weights: Weights,
    state: PursuitState,
    constants: BatchConstants,
    done: readonly number[],
    steps: number,
    stepSize: number,
    iterations: number,
    rule?: ClimbRule,
  ): PursuitState;
  /** Iterations without a judgement, for transfer attacks: the next iterate and the new counts [n] of non-finite steps. */
  ascend(
    weights: Weights,
    iterate: tf.Tensor,
    nonFinite: tf.Tensor,
    constants: BatchConstants,
    stepSize: number,
    iterations: number,
    rule?: ClimbRule,
  ): readonly [iterate: tf.Tensor, nonFinite: tf.Tensor];
  /** [n, H, W, C] → [n, classes]. */
  logits(weights: Weights, images: tf.Tensor): tf.Tensor2D;
  /** What there is to say about how the steps run, such as why one could not be compiled. */
  notes(): readonly string[];
  dispose(): void;
}

interface IterationsParameters {
  readonly network: NetworkSpec;
  readonly iterations: number;
  readonly rule: ClimbRule;
}

/** See {@link AttackSteps.tracked}: state, iteration [n], constants, step size, weights → state, iteration. */
export const TRACKED: StepDefinition<IterationsParameters> = {
  name: 'attack-tracked',
  build({ network: spec, iterations, rule }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const [iterate, first, nonFinite, kept, index, ...rest] = inputs as Inputs<5>;
      const [one, other, labels, stepSize, ...list] = rest as Inputs<4>;
      const weights = weightsFromList(network, list);
      const look = lookFrom(network, weights, iterate, labels, rule);
      const newly = tf.mul(look.hit, tf.cast(tf.less(first, 0), 'float32'));
      return [
        moveInReach(rule.norm, iterate, tf.mul(stepSize, look.direction), [one, other]),
        choose(newly, index, first),
        tf.add(nonFinite, look.notFinite),
        choose(newly, iterate, kept),
        tf.add(index, 1),
      ];
    }, iterations);
  },
  layout: () => ({ inputs: rows(8), outputs: rows(5) }),
  describe: ({ network, iterations, rule }) => `${network.architecture} tracked PGD-${iterations}${inNorm(rule)}`,
};

/** See {@link AttackSteps.pursue}: state, iteration [n], constants, steps, step size, weights → state, iteration. */
export const PURSUE: StepDefinition<IterationsParameters> = {
  name: 'attack-pursue',
  build({ network: spec, iterations, rule }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const [iterate, first, nonFinite, index, one, other, labels, ...rest] = inputs as Inputs<7>;
      const [steps, stepSize, ...list] = rest as Inputs<2>;
      const weights = weightsFromList(network, list);
      const look = lookFrom(network, weights, iterate, labels, rule);
      const running = tf.cast(tf.logicalAnd(tf.less(first, 0), tf.less(index, steps)), 'float32');
      const newly = tf.mul(look.hit, running);
      const moves = tf.sub(running, newly);
      const moving = tf.reshape(tf.mul(stepSize, moves), [-1, 1, 1, 1]);
      const moved = moveInReach(rule.norm, iterate, tf.mul(look.direction, moving), [one, other]);
      return [
        // Within bounds, no step is no change; a projection onto another ball may round.
        rule.norm === 'linf' ? moved : choose(moves, moved, iterate),
        choose(newly, index, first),
        tf.add(nonFinite, tf.mul(running, look.notFinite)),
        tf.add(index, 1),
      ];
    }, iterations);
  },
  layout: () => ({ inputs: rows(7), outputs: rows(4) }),
  describe: ({ network, iterations, rule }) => `${network.architecture} pursuing PGD-${iterations}${inNorm(rule)}`,
};

/** See {@link AttackSteps.ascend}: iterate, nonFinite, constants, step size, weights → iterate, nonFinite. */
export const ASCEND: StepDefinition<IterationsParameters> = {
  name: 'attack-ascend',
  build({ network: spec, iterations, rule }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const [iterate, nonFinite, one, other, labels, stepSize, ...list] = inputs as Inputs<6>;
      const weights = weightsFromList(network, list);
      const look = lookFrom(network, weights, iterate, labels, rule);
      return [
        moveInReach(rule.norm, iterate, tf.mul(stepSize, look.direction), [one, other]),
        tf.add(nonFinite, look.notFinite),
      ];
    }, iterations);
  },
  layout: () => ({ inputs: rows(5), outputs: rows(2) }),
  describe: ({ network, iterations, rule }) => `${network.architecture} PGD-${iterations}${inNorm(rule)}`,
};

/** The caller disposes of the steps when the attacks on this network are over. */
export function createAttackSteps(network: Network): AttackSteps {
  const spec = networkSpec(network);
  const compiled = new Map<string, CompiledStep>();
  const logitsStep = prepareStep(LOGITS, spec);
  compiled.set('', logitsStep);

  /** Runs a step with numbers among its arguments. */
  const run = (
    definition: StepDefinition<IterationsParameters>,
    iterations: number,
    rule: ClimbRule,
    tensors: readonly tf.Tensor[],
    numbers: readonly number[],
    weights: Weights,
  ): unknown => {
    const key = `${definition.name} ${iterations} ${JSON.stringify(rule)}`;
    const step = compiled.get(key) ?? prepareStep(definition, { network: spec, iterations, rule });
    compiled.set(key, step);
    const scalars = numbers.map((value) => tf.scalar(value));
    try {
      return step.run(...tensors, ...scalars, ...weightList(network, weights));
    } finally {
      tf.dispose(scalars);
    }
  };

  return {
    network,
    tracked(weights, state, constants, iteration, stepSize, iterations, rule = IN_LINF) {
      const index = tf.fill([state[1].size], iteration);
      const outputs = run(TRACKED, iterations, rule, [...state, index, ...constants], [stepSize], weights) as Inputs<5>;
      tf.dispose([index, outputs[4]]);
      return [outputs[0], outputs[1], outputs[2], outputs[3]];
    },
    pursue(weights, state, constants, done, steps, stepSize, iterations, rule = IN_LINF) {
      const iterationsOf = Array.from({ length: state[1].size }, (_, row) => done[row] ?? steps);
      const index = tf.tensor1d(iterationsOf, 'float32');
      const numbers = [steps, stepSize];
      const outputs = run(PURSUE, iterations, rule, [...state, index, ...constants], numbers, weights) as Inputs<4>;
      tf.dispose([index, outputs[3]]);
      return [outputs[0], outputs[1], outputs[2]];
    },
    ascend(weights, iterate, nonFinite, constants, stepSize, iterations, rule = IN_LINF) {
      const outputs = run(
        ASCEND,
        iterations,
        rule,
        [iterate, nonFinite, ...constants],
        [stepSize],
        weights,
      ) as Inputs<2>;
      return [outputs[0], outputs[1]];
    },
    logits: (weights, images) => logitsStep.run(images, ...weightList(network, weights))[0] as tf.Tensor2D,
    notes: () => [...compiled.values()].flatMap(({ note }) => (note === null ? [] : [note])),
    dispose: () => compiled.forEach((step) => step.dispose()),
  };
}

function rows(count: number): 'rows'[] {
  return new Array<'rows'>(count).fill('rows');
}

function inNorm({ norm, targeted }: ClimbRule): string {
  return `${norm === 'linf' ? '' : ` ${norm}`}${targeted ? ' targeted' : ''}`;
}
