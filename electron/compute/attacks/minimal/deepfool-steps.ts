import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../../engines/compile.ts';
import type { Inputs, StepDefinition } from '../../engines/step.ts';
import { networkOf, weightsFromList } from '../../models/network.ts';
import type { NetworkSpec } from '../../models/network.ts';
import { classPlanes, clearlyWrong, finiteRows, nearestPlane, perRow } from './class-planes.ts';
import type { ClassPlanes } from './class-planes.ts';
import type { DeepFoolPlan } from './deepfool-method.ts';
import { steepest } from '../base/norms.ts';
import { choose } from '../base/row-masks.ts';

export interface DeepFoolParameters {
  readonly network: NetworkSpec;
  readonly norm: DeepFoolPlan['norm'];
  readonly steps: number;
  readonly overshoot: number;
  /** Iterations of one call. */
  readonly iterations: number;
}

/** See `PoolState`; `total` [n, H, W, C]: sum of all steps, without overshoot; `index` [n]: of the iterate. */
export type DeepFoolState = readonly [
  iterate: tf.Tensor,
  first: tf.Tensor,
  nonFinite: tf.Tensor,
  total: tf.Tensor,
  index: tf.Tensor,
];

export const DEEPFOOL_WIDTH = 5;

/** State, clean images, labels [n], other classes [n, K], weights → state. */
export const DEEPFOOL: StepDefinition<DeepFoolParameters> = {
  name: 'attack-deepfool',
  build({ network: spec, iterations, ...plan }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const [iterate, first, nonFinite, total, index, clean, labels, others, ...list] = inputs as Inputs<8>;
      const planes = classPlanes(network, weightsFromList(network, list), iterate, labels, others);
      return [...deepFoolIteration([iterate, first, nonFinite, total, index], planes, clean, labels, plan)];
    }, iterations);
  },
  layout: () => ({ inputs: new Array<'rows'>(8).fill('rows'), outputs: new Array<'rows'>(5).fill('rows') }),
  describe: ({ network, norm, iterations }) => `${network.architecture} DeepFool ${norm} × ${iterations}`,
};

/** Judges an iterate, and steps from it a little beyond the nearest plane. */
export function deepFoolIteration(
  [iterate, first, nonFinite, total, index]: DeepFoolState,
  planes: ClassPlanes,
  clean: tf.Tensor,
  labels: tf.Tensor,
  { norm, steps, overshoot }: Pick<DeepFoolParameters, 'norm' | 'steps' | 'overshoot'>,
): DeepFoolState {
  const flag = (condition: tf.Tensor): tf.Tensor => tf.cast(condition, 'float32');
  const open = flag(tf.logicalAnd(tf.less(first, 0), tf.lessEqual(index, steps)));
  const broken = tf.mul(open, clearlyWrong(planes.logits, labels));
  const { gradient, distance } = nearestPlane(norm, planes);
  const length = tf.minimum(tf.add(distance, 1e-4), 1e6);
  const next = tf.add(total, tf.mul(steepest(norm, gradient), perRow(length, gradient)));
  const moves = tf.mul(tf.sub(open, broken), flag(tf.less(index, steps)));
  const moved = tf.clipByValue(tf.add(clean, tf.mul(next, 1 + overshoot)), 0, 1);
  return [
    choose(moves, moved, iterate),
    choose(broken, index, first),
    tf.add(nonFinite, tf.mul(open, tf.sub(1, finiteRows(planes)))),
    choose(moves, next, total),
    tf.add(index, 1),
  ];
}
