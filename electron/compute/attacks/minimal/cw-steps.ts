import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../../engines/compile.ts';
import type { Inputs, StepDefinition } from '../../engines/step.ts';
import { inputGradient } from '../../models/classifier.ts';
import { networkOf, weightsFromList } from '../../models/network.ts';
import type { NetworkSpec } from '../../models/network.ts';
import { perRow } from './class-planes.ts';
import { hingeModel, nextOfSearch, SEARCH_STATE, searchStart } from './constant-search.ts';
import type { HingeModel, SearchRule, SearchState } from './constant-search.ts';
import { normOf } from '../base/norms.ts';
import { choose } from '../base/row-masks.ts';

export interface CwParameters extends SearchRule {
  readonly network: NetworkSpec;
  /** Whether the classes are targets, not labels. */
  readonly goal: boolean;
  /** Iterations of one call. */
  readonly iterations: number;
}

/** Beyond the search's: `point` of tanh space and Adam's two moments, [n, H, W, C]. */
export const CW_STATE = [...SEARCH_STATE, 'point', 'mean', 'square'] as const;
export type CwState = SearchState & Readonly<Record<'point' | 'mean' | 'square', tf.Tensor>>;

/** Pixels are drawn in by so much, so that tanh can reach them. */
const REACH = 0.999999;
const BETA = [0.9, 0.999] as const;
const TINY = 1e-8;

/** State, clean images, classes [n], weights → state. */
export const CW: StepDefinition<CwParameters> = {
  name: 'attack-cw',
  build({ network: spec, goal, iterations, ...rule }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const state = Object.fromEntries(CW_STATE.map((name, at) => [name, inputs[at]])) as unknown as CwState;
      const [clean, classes, ...list] = inputs.slice(CW_STATE.length) as Inputs<2>;
      const weights = weightsFromList(network, list);
      const gradientOf = (images: tf.Tensor) =>
        inputGradient(network, weights, images as tf.Tensor4D, classes as tf.Tensor1D, 'margin');
      const model = hingeModel(gradientOf, classes, goal, rule.confidence);
      const next = cwIteration(model, state, clean, rule);
      return CW_STATE.map((name) => next[name]);
    }, iterations);
  },
  layout: () => ({
    inputs: new Array<'rows'>(CW_STATE.length + 2).fill('rows'),
    outputs: new Array<'rows'>(CW_STATE.length).fill('rows'),
  }),
  describe: ({ network, iterations }) => `${network.architecture} C&W × ${iterations}`,
};

/** The state of rows at x. Call it inside a `tidy`. */
export function cwStart(clean: tf.Tensor, initial: number): CwState {
  const none = tf.zerosLike(clean);
  return { ...searchStart(clean, initial), point: originOf(clean), mean: none, square: none };
}

/** One step of Adam on ‖x' − x‖² + c · f(x') in tanh space. */
export function cwIteration(model: HingeModel, old: CwState, clean: tf.Tensor, rule: SearchRule): CwState {
  const bent = tf.tanh(old.point);
  const image = tf.mul(tf.add(bent, 1), 0.5);
  const { value, gradient, logits, failed } = model.hinge(image);
  // From what tanh makes of x, so that x itself costs nothing.
  const change = tf.sub(image, tf.mul(tf.add(tf.mul(tf.sub(tf.mul(clean, 2), 1), REACH), 1), 0.5));
  const size = normOf('l2', tf.sub(image, clean));
  const loss = tf.add(tf.square(normOf('l2', change)), tf.mul(old.c, value));

  const outer = tf.add(tf.mul(change, 2), tf.mul(gradient, perRow(old.c, gradient)));
  // 1 − tanh² as 4 e / (1 + e)², e = exp(−2 |w|): black and white pixels lie where tanh is 1 but for its last digits.
  const fall = tf.exp(tf.mul(tf.abs(old.point), -2));
  const slope = tf.mul(outer, tf.div(tf.mul(fall, 2), tf.square(tf.add(fall, 1))));
  const mean = tf.add(tf.mul(old.mean, BETA[0]), tf.mul(slope, 1 - BETA[0]));
  const square = tf.add(tf.mul(old.square, BETA[1]), tf.mul(tf.square(slope), 1 - BETA[1]));
  const time = tf.add(old.iteration, 1);
  const correction = (beta: number): tf.Tensor => perRow(tf.sub(1, tf.pow(tf.scalar(beta), time)), clean);
  const upright = tf.sqrt(tf.div(square, correction(BETA[1])));
  const step = tf.div(tf.div(mean, correction(BETA[0])), tf.add(upright, TINY));
  const point = tf.sub(old.point, tf.mul(step, rule.rate));

  const { state, restarts } = nextOfSearch(old, { image, size, isHit: model.isHit(logits), loss, failed }, rule);
  const none = tf.zerosLike(clean);
  return {
    ...state,
    point: choose(restarts, originOf(clean), point),
    mean: choose(restarts, none, mean),
    square: choose(restarts, none, square),
  };
}

/** Where x lies in tanh space. */
function originOf(clean: tf.Tensor): tf.Tensor {
  const drawn = tf.mul(tf.sub(tf.mul(clean, 2), 1), REACH);
  return tf.mul(0.5, tf.log(tf.div(tf.add(1, drawn), tf.sub(1, drawn))));
}
