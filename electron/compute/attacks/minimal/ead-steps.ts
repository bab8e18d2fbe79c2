import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../../engines/compile.ts';
import type { Inputs, StepDefinition } from '../../engines/step.ts';
import { inputGradient } from '../../models/classifier.ts';
import { forward, networkOf, weightsFromList } from '../../models/network.ts';
import type { NetworkSpec } from '../../models/network.ts';
import { perRow } from './class-planes.ts';
import { hingeModel, nextOfSearch, SEARCH_STATE, searchStart } from './constant-search.ts';
import type { HingeModel, SearchRule, SearchState } from './constant-search.ts';
import { normOf } from '../base/norms.ts';
import { choose } from '../base/row-masks.ts';

/** How successes are compared: by their L1 norm, or by β ‖δ‖₁ + ‖δ‖₂². */
export type EadDecision = 'l1' | 'elastic-net';

export interface EadRule extends SearchRule {
  /** β: weight of the L1 norm in the loss. */
  readonly beta: number;
  readonly decision: EadDecision;
}

export interface EadParameters extends EadRule {
  readonly network: NetworkSpec;
  /** Whether the classes are targets, not labels. */
  readonly goal: boolean;
  /** Iterations of one call. */
  readonly iterations: number;
}

/** Beyond the search's: the iterate, and the point ahead of it that gradients are taken at, [n, H, W, C]. */
export const EAD_STATE = [...SEARCH_STATE, 'iterate', 'ahead'] as const;
export type EadState = SearchState & Readonly<Record<'iterate' | 'ahead', tf.Tensor>>;

/** State, clean images, classes [n], weights → state. */
export const EAD: StepDefinition<EadParameters> = {
  name: 'attack-ead',
  build({ network: spec, goal, iterations, ...rule }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const state = Object.fromEntries(EAD_STATE.map((name, at) => [name, inputs[at]])) as unknown as EadState;
      const [clean, classes, ...list] = inputs.slice(EAD_STATE.length) as Inputs<2>;
      const weights = weightsFromList(network, list);
      const logitsOf = (images: tf.Tensor): tf.Tensor2D => forward(network, weights, images as tf.Tensor4D).logits;
      const gradientOf = (images: tf.Tensor) =>
        inputGradient(network, weights, images as tf.Tensor4D, classes as tf.Tensor1D, 'margin');
      const model = hingeModel(gradientOf, classes, goal, rule.confidence);
      const next = eadIteration({ ...model, logits: logitsOf }, state, clean, rule);
      return EAD_STATE.map((name) => next[name]);
    }, iterations);
  },
  layout: () => ({
    inputs: new Array<'rows'>(EAD_STATE.length + 2).fill('rows'),
    outputs: new Array<'rows'>(EAD_STATE.length).fill('rows'),
  }),
  describe: ({ network, iterations }) => `${network.architecture} EAD × ${iterations}`,
};

/** The state of rows at x. Call it inside a `tidy`. */
export function eadStart(clean: tf.Tensor, initial: number): EadState {
  return { ...searchStart(clean, initial), iterate: clean, ahead: clean };
}

/**
 * One step of the accelerated iterative shrinkage-thresholding of algorithm 1 on c · f(x') + ‖x' − x‖² + β ‖x' − x‖₁,
 * its step size falling with the square root of what is left.
 */
export function eadIteration(
  model: HingeModel & { logits(images: tf.Tensor): tf.Tensor2D },
  old: EadState,
  clean: tf.Tensor,
  rule: EadRule,
): EadState {
  const { value, gradient, failed } = model.hinge(old.ahead);
  const offset = tf.sub(old.ahead, clean);
  const elastic = (change: tf.Tensor): tf.Tensor =>
    tf.add(tf.square(normOf('l2', change)), tf.mul(rule.beta, normOf('l1', change)));
  const loss = tf.add(elastic(offset), tf.mul(old.c, value));

  const slope = tf.add(tf.mul(offset, 2), tf.mul(gradient, perRow(old.c, gradient)));
  const rate = tf.mul(rule.rate, tf.sqrt(tf.relu(tf.sub(1, tf.div(old.iteration, rule.steps)))));
  const moved = tf.sub(tf.sub(old.ahead, tf.mul(slope, perRow(rate, slope))), clean);
  // Towards x by β, and to x itself where it was not farther away.
  const shrunk = tf.sub(tf.relu(tf.sub(moved, rule.beta)), tf.relu(tf.sub(tf.neg(moved), rule.beta)));
  const iterate = tf.clipByValue(tf.add(clean, shrunk), 0, 1);
  const momentum = tf.div(old.iteration, tf.add(old.iteration, 3));
  const ahead = tf.add(iterate, tf.mul(tf.sub(iterate, old.iterate), perRow(momentum, iterate)));

  const change = tf.sub(iterate, clean);
  const size = rule.decision === 'l1' ? normOf('l1', change) : elastic(change);
  const isHit = model.isHit(model.logits(iterate));
  const { state, restarts } = nextOfSearch(old, { image: iterate, size, isHit, loss, failed }, rule);
  return { ...state, iterate: choose(restarts, clean, iterate), ahead: choose(restarts, clean, ahead) };
}
