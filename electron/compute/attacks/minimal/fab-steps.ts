import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../../engines/compile.ts';
import type { Inputs, StepDefinition } from '../../engines/step.ts';
import { forward, networkOf, weightsFromList } from '../../models/network.ts';
import type { NetworkSpec } from '../../models/network.ts';
import type { Norm } from '../base/budget.ts';
import { classPlanes, clearlyTarget, clearlyWrong, finiteRows, nearestPlane, perRow, rivals } from './class-planes.ts';
import type { ClassPlanes } from './class-planes.ts';
import { stepOntoPlane } from './fab-projection.ts';
import { normOf } from '../base/norms.ts';
import { choose, misclassified } from '../base/row-masks.ts';

/** What an iteration needs to know, in the paper's letters. */
export interface FabRule {
  readonly norm: Norm;
  readonly steps: number;
  /** Largest weight α_max of the step from the original image. */
  readonly alphaMax: number;
  /** Extrapolation η: how far beyond the plane both steps go. */
  readonly eta: number;
  /** Backward step β: the share of a success's perturbation from which the search goes on. */
  readonly beta: number;
}

export interface FabParameters extends FabRule {
  readonly network: NetworkSpec;
  /** Whether the one class of `others` is the goal, so that nothing else is a success. */
  readonly goal: boolean;
  /** Iterations of one call. */
  readonly iterations: number;
}

/**
 * `best` [n, H, W, C]: the smallest success so far, x before there is one. [n]: `over`, −1 until the last step is done,
 * then the iteration of the first success plus 1, or 0 for none; see `PoolState`. `distance`: of the best.
 * `found`: iteration of the first success or −1. `index`: of the next step.
 */
export type FabState = readonly [
  best: tf.Tensor,
  over: tf.Tensor,
  nonFinite: tf.Tensor,
  iterate: tf.Tensor,
  distance: tf.Tensor,
  found: tf.Tensor,
  index: tf.Tensor,
];

export const FAB_WIDTH = 7;
/** Larger than any distance. */
export const NO_DISTANCE = 1e30;

/** State, clean images, labels [n], other classes [n, K], weights → state. */
export const FAB: StepDefinition<FabParameters> = {
  name: 'attack-fab',
  build({ network: spec, goal, iterations, ...rule }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const state = inputs.slice(0, FAB_WIDTH) as unknown as FabState;
      const [clean, labels, others, ...list] = inputs.slice(FAB_WIDTH) as Inputs<3>;
      const weights = weightsFromList(network, list);
      const logitsOf = (images: tf.Tensor): tf.Tensor2D => forward(network, weights, images as tf.Tensor4D).logits;
      const planesOf = (images: tf.Tensor, first: tf.Tensor): ClassPlanes =>
        classPlanes(network, weights, images, first, others);
      const target = tf.reshape(others, [-1]);
      const model: PlaneModel = goal
        ? {
            logits: logitsOf,
            planes: (images) => planesOf(images, rivals(logitsOf(images), target)),
            isHit: (logits) => tf.cast(tf.equal(tf.argMax(logits, 1), target), 'float32'),
            isClear: (logits) => clearlyTarget(logits, target),
          }
        : {
            logits: logitsOf,
            planes: (images) => planesOf(images, labels),
            isHit: (logits) => misclassified(logits, labels),
            isClear: (logits) => clearlyWrong(logits, labels),
          };
      return [...fabIteration(model, state, clean, rule)];
    }, iterations);
  },
  layout: () => ({
    inputs: new Array<'rows'>(FAB_WIDTH + 3).fill('rows'),
    outputs: new Array<'rows'>(FAB_WIDTH).fill('rows'),
  }),
  describe: ({ network, norm, iterations }) => `${network.architecture} FAB ${norm} × ${iterations}`,
};

/** How a step looks at a model. */
export interface PlaneModel {
  planes(images: tf.Tensor): ClassPlanes;
  logits(images: tf.Tensor): tf.Tensor2D;
  /** [n]: 1 where logits are a success. */
  isHit(logits: tf.Tensor2D): tf.Tensor;
  /** [n]: 1 where they are one by more than rounding. */
  isClear(logits: tf.Tensor2D): tf.Tensor;
}

/**
 * One step of algorithm 1: both the iterate and x are projected onto the nearest linearised boundary, the next iterate
 * lies between the two; a success is pulled back towards x. The pulled back image is looked at too: its logits come with
 * the next step's gradients.
 */
export function fabIteration(
  model: PlaneModel,
  [best, over, nonFinite, iterate, distance, found, index]: FabState,
  clean: tf.Tensor,
  { norm, steps, alphaMax, eta, beta }: FabRule,
): FabState {
  const flag = (condition: tf.Tensor): tf.Tensor => tf.cast(condition, 'float32');
  const open = flag(tf.less(over, 0));
  const planes = model.planes(iterate);
  const { lead, gradient } = nearestPlane(norm, planes);

  const ahead = stepOntoPlane(norm, iterate, gradient, lead);
  const between = tf.sub(iterate, clean);
  const back = stepOntoPlane(norm, clean, gradient, tf.sub(lead, rowSums(tf.mul(gradient, between))));
  const [near, far] = [ahead, back].map((change) => tf.maximum(normOf(norm, change), 1e-8)) as [tf.Tensor, tf.Tensor];
  const alpha = perRow(tf.minimum(tf.div(near, tf.add(near, far)), alphaMax), clean);
  const fromIterate = tf.mul(tf.sub(1, alpha), tf.add(iterate, tf.mul(eta, ahead)));
  const fromClean = tf.mul(alpha, tf.add(clean, tf.mul(eta, back)));
  const moved = tf.clipByValue(tf.add(fromIterate, fromClean), 0, 1);

  const logits = model.logits(moved);
  // What leads by rounding alone is pulled back like any success, but not kept: elsewhere it might be none.
  const before = { image: iterate, hit: model.isClear(planes.logits) };
  const after = { image: moved, hit: model.isClear(logits) };
  let record = { best, distance, found };
  for (const { image, hit } of [before, after]) {
    const size = normOf(norm, tf.sub(image, clean));
    const smaller = tf.mul(tf.mul(open, hit), flag(tf.less(size, record.distance)));
    const first = tf.mul(smaller, flag(tf.less(record.found, 0)));
    record = {
      best: choose(smaller, image, record.best),
      distance: choose(smaller, size, record.distance),
      found: choose(first, index, record.found),
    };
  }
  const pulled = tf.add(clean, tf.mul(beta, tf.sub(moved, clean)));
  const last = tf.mul(open, flag(tf.greaterEqual(index, steps - 1)));
  return [
    record.best,
    choose(last, tf.add(record.found, 1), over),
    tf.add(nonFinite, tf.mul(open, tf.sub(1, finiteRows(planes)))),
    choose(open, choose(model.isHit(logits), pulled, moved), iterate),
    record.distance,
    record.found,
    tf.add(index, 1),
  ];
}

/** [n, …] → [n], in two stages: one long float32 sum loses digits on some engines. */
function rowSums(values: tf.Tensor): tf.Tensor {
  const [rows = 0, second = 1] = values.shape;
  return tf.sum(tf.sum(tf.reshape(values, [rows, second, -1]), 2), 1);
}
