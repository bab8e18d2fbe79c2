import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../../engines/compile.ts';
import type { Inputs, StepDefinition } from '../../engines/step.ts';
import { marginFromLogits } from '../../losses.ts';
import { forward, networkOf, weightsFromList } from '../../models/network.ts';
import type { NetworkSpec } from '../../models/network.ts';
import type { Norm } from '../base/budget.ts';
import type { Reach } from '../base/norms.ts';
import { nextTurn } from '../base/pool-steps.ts';
import { choose, misclassified } from '../base/row-masks.ts';
import { columnOf, flag, insideOf } from './square-regions.ts';
import { proposeWindow } from './square-windows.ts';

export interface SquareParameters {
  readonly network: NetworkSpec;
  readonly norm: Norm;
  /** Queries of one call. */
  readonly queries: number;
}

/**
 * Columns of an L∞ proposal: number of the query or −1 for none; the square's first row and column, its side; then a 1
 * for each channel that goes up, a 0 for each that goes down.
 */
export const PROPOSAL_COLUMNS = 4;

/** best [n, H, W, C]; first, nonFinite, margin [n]. The margin is max_{k ≠ y} z_k − z_y of the best image. */
export type SquareState = readonly [best: tf.Tensor, first: tf.Tensor, nonFinite: tf.Tensor, margin: tf.Tensor];

/** Proposals [n, queries, columns], the first of which is meant; what keeps images near theirs → [n, H, W, C]. */
type Propose = (best: tf.Tensor, proposals: tf.Tensor, reach: Reach) => tf.Tensor;

/** How the next image to try is made, in each norm. */
export const PROPOSE: Readonly<Record<Norm, Propose>> = {
  linf: proposeSquare,
  l2: (best, proposals, reach) => proposeWindow('l2', best, proposals, reach),
  l1: (best, proposals, reach) => proposeWindow('l1', best, proposals, reach),
};

/** State, proposals [n, queries, columns], reach (two tensors), labels, weights → state, proposals. */
export const SQUARE: StepDefinition<SquareParameters> = {
  name: 'attack-square',
  build({ network: spec, norm, queries }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const [best, first, nonFinite, margin, proposals, one, other, labels, ...list] = inputs as Inputs<8>;
      const logitsOf = (images: tf.Tensor): tf.Tensor2D =>
        forward(network, weightsFromList(network, list), images as tf.Tensor4D).logits;
      const state: SquareState = [best, first, nonFinite, margin];
      return [...squareQuery(logitsOf, state, proposals, [one, other], labels, norm), nextTurn(proposals)];
    }, queries);
  },
  layout: () => ({ inputs: new Array<'rows'>(8).fill('rows'), outputs: new Array<'rows'>(5).fill('rows') }),
  describe: ({ network, norm, queries }) => `${network.architecture} Square ${norm} × ${queries}`,
};

/** One query: an image is tried, and taken where it raises the margin or is misclassified. */
export function squareQuery(
  logitsOf: (images: tf.Tensor) => tf.Tensor2D,
  state: SquareState,
  proposals: tf.Tensor,
  reach: Reach,
  labels: tf.Tensor,
  norm: Norm,
): SquareState {
  const tried = PROPOSE[norm](state[0], proposals, reach);
  return takeBetter(state, proposals, tried, logitsOf(tried), labels);
}

/** What the logits of the images that were tried make of the state. */
export function takeBetter(
  [best, first, nonFinite, margin]: SquareState,
  proposals: tf.Tensor,
  tried: tf.Tensor,
  logits: tf.Tensor2D,
  labels: tf.Tensor,
): SquareState {
  const rows = best.shape[0] ?? 0;
  const number = tf.reshape(columnOf(proposals, 0), [rows]);
  const raw = marginFromLogits(logits, labels as tf.Tensor1D);
  const finite = tf.logicalAnd(tf.all(tf.isFinite(logits), 1), tf.isFinite(raw));
  const found = tf.where(finite, raw, tf.fill(raw.shape, -3e38));
  const open = flag(tf.logicalAnd(tf.less(first, 0), tf.greaterEqual(number, 0)));
  const broken = tf.mul(open, misclassified(logits, labels));
  const taken = tf.maximum(broken, tf.mul(open, flag(tf.greater(found, margin))));
  return [
    choose(taken, tried, best),
    choose(broken, number, first),
    tf.add(nonFinite, tf.mul(open, tf.sub(1, flag(finite)))),
    choose(taken, found, margin),
  ];
}

/** A square of x − ε or x + ε on the best image. */
function proposeSquare(best: tf.Tensor, proposals: tf.Tensor, [lower, upper]: Reach): tf.Tensor {
  const square = insideOf(best, columnOf(proposals, 1), columnOf(proposals, 2), columnOf(proposals, 3));
  const towards = (up: tf.Tensor): tf.Tensor => tf.add(tf.mul(upper, up), tf.mul(lower, tf.sub(1, up)));
  // A square that is there already would waste a query: its colours are turned round.
  const drawn = columnOf(proposals, PROPOSAL_COLUMNS, best.shape[3] ?? 0);
  const change = tf.max(tf.mul(square, tf.abs(tf.sub(towards(drawn), best))), [1, 2, 3]);
  const target = towards(choose(flag(tf.greater(change, 0)), drawn, tf.sub(1, drawn)));
  return tf.add(tf.mul(target, square), tf.mul(best, tf.sub(1, square)));
}
