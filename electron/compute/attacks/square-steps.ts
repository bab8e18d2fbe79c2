import * as tf from '@tensorflow/tfjs-core';
import { repeatStep } from '../engines/compile.ts';
import type { Inputs, StepDefinition } from '../engines/step.ts';
import { marginFromLogits } from '../losses.ts';
import { forward, networkOf, weightsFromList } from '../models/network.ts';
import type { NetworkSpec } from '../models/network.ts';
import { nextTurn } from './pool-steps.ts';
import { choose, misclassified } from './row-masks.ts';

export interface SquareParameters {
  readonly network: NetworkSpec;
  /** Queries of one call. */
  readonly queries: number;
}

/** Columns of a proposal: number of the query or −1 for none; the square's first row and column, its side; then a 1 for each channel that goes up, a 0 for each that goes down. */
export const PROPOSAL_COLUMNS = 4;

/** best [n, H, W, C]; first, nonFinite, margin [n]. The margin is max_{k ≠ y} z_k − z_y of the best image. */
type State = readonly [best: tf.Tensor, first: tf.Tensor, nonFinite: tf.Tensor, margin: tf.Tensor];

interface Constants {
  readonly lower: tf.Tensor;
  readonly upper: tf.Tensor;
  readonly labels: tf.Tensor;
}

/** State, proposals [n, queries, PROPOSAL_COLUMNS + C], lower, upper, labels, weights → state, proposals. */
export const SQUARE: StepDefinition<SquareParameters> = {
  name: 'attack-square',
  build({ network: spec, queries }) {
    const network = networkOf(spec);
    return repeatStep((...inputs) => {
      const [best, first, nonFinite, margin, proposals, lower, upper, labels, ...list] = inputs as Inputs<8>;
      const logitsOf = (images: tf.Tensor): tf.Tensor2D =>
        forward(network, weightsFromList(network, list), images as tf.Tensor4D).logits;
      const next = squareQuery(logitsOf, [best, first, nonFinite, margin], proposals, { lower, upper, labels });
      return [...next, nextTurn(proposals)];
    }, queries);
  },
  layout: () => ({ inputs: new Array<'rows'>(8).fill('rows'), outputs: new Array<'rows'>(5).fill('rows') }),
  describe: ({ network, queries }) => `${network.architecture} Square × ${queries}`,
};

/** One query: a square of x − ε or x + ε is tried on the best image, and stays where it raises the margin or breaks it. */
export function squareQuery(
  logitsOf: (images: tf.Tensor) => tf.Tensor2D,
  [best, first, nonFinite, margin]: State,
  proposals: tf.Tensor,
  { lower, upper, labels }: Constants,
): State {
  const flag = (condition: tf.Tensor): tf.Tensor => tf.cast(condition, 'float32');
  const rows = best.shape[0] ?? 0;
  const channels = best.shape[3] ?? 0;
  const column = (from: number, count = 1): tf.Tensor =>
    tf.reshape(tf.slice(proposals, [0, 0, from], [rows, 1, count]), [rows, 1, 1, count]);
  const number = tf.reshape(column(0), [rows]);
  const side = column(3);
  /** 1 at positions start … start + side − 1 along an axis. */
  const along = (axis: 1 | 2, start: tf.Tensor): tf.Tensor => {
    const extent = best.shape[axis] ?? 0;
    const positions = tf.reshape(tf.range(0, extent), axis === 1 ? [1, extent, 1, 1] : [1, 1, extent, 1]);
    const offset = tf.sub(positions, start);
    return tf.mul(flag(tf.greaterEqual(offset, 0)), flag(tf.less(offset, side)));
  };
  const square = tf.mul(along(1, column(1)), along(2, column(2)));
  const towards = (up: tf.Tensor): tf.Tensor => tf.add(tf.mul(upper, up), tf.mul(lower, tf.sub(1, up)));

  // A square that is there already would waste a query: its colours are turned round.
  const drawn = column(PROPOSAL_COLUMNS, channels);
  const change = tf.max(tf.mul(square, tf.abs(tf.sub(towards(drawn), best))), [1, 2, 3]);
  const up = choose(flag(tf.greater(change, 0)), drawn, tf.sub(1, drawn));
  const target = towards(up);
  const place = (where: tf.Tensor): tf.Tensor => tf.add(tf.mul(target, where), tf.mul(best, tf.sub(1, where)));

  const logits = logitsOf(place(square));
  const raw = marginFromLogits(logits, labels as tf.Tensor1D);
  const finite = tf.logicalAnd(tf.all(tf.isFinite(logits), 1), tf.isFinite(raw));
  const found = tf.where(finite, raw, tf.fill(raw.shape, -3e38));
  const open = flag(tf.logicalAnd(tf.less(first, 0), tf.greaterEqual(number, 0)));
  const broken = tf.mul(open, misclassified(logits, labels));
  const taken = tf.maximum(broken, tf.mul(open, flag(tf.greater(found, margin))));
  return [
    place(tf.mul(square, tf.reshape(taken, [rows, 1, 1, 1]))),
    choose(broken, number, first),
    tf.add(nonFinite, tf.mul(open, tf.sub(1, flag(finite)))),
    choose(taken, found, margin),
  ];
}
