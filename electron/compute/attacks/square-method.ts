import * as tf from '@tensorflow/tfjs-core';
import { prepareStep } from '../engines/step.ts';
import { networkSpec, weightList } from '../models/network.ts';
import { stream } from '../random/stream.ts';
import type { RandomStream } from '../random/stream.ts';
import { batchConstants, imageTensor } from './batch.ts';
import { boundsOf } from './budget.ts';
import { gatherRows, imageSize } from './examples.ts';
import type { Examples, Subject } from './examples.ts';
import type { Method } from './method.ts';
import type { AttackOptions } from './options.ts';
import { defineFamily } from './plan.ts';
import type { AttackPlan } from './plan.ts';
import { runPool, runTurns, strideOf } from './pool.ts';
import type { PoolTask } from './pool.ts';
import { PROPOSAL_COLUMNS, SQUARE } from './square-steps.ts';

/** Random search with squares; sees logits only. */
export interface SquarePlan extends AttackPlan {
  /** Forward passes of one restart, the start included. */
  readonly queries: number;
  /** Share of the image's pixels that the first squares change, in (0, 1]. */
  readonly initialShare: number;
}

export const SQUARE_FAMILY = defineFamily<SquarePlan>({
  name: 'square',
  unit: 'queries',
  minimal: false,
  targeted: false,
  access: () => 'scores',
  work: ({ queries }) => queries,
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) => more.queries >= less.queries,
  create: (_, subject, options) => createSquare(subject, options),
});

/** Queries of one call at most: broken examples are looked for between calls. */
const LONGEST_STRIDE = 10;
/** Below any margin. */
const NO_MARGIN = -3e38;

/** Queries of 10,000 after which the share of the squares is halved. */
const HALVINGS = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/**
 * Side of the square of a query: √(p · h · w), p halved after 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 of
 * 10,000 queries, a schedule that is stretched to the number of queries (the paper's section 5, its implementation in
 * AutoAttack).
 */
export function squareSide(query: number, plan: SquarePlan, height: number, width: number): number {
  const scaled = Math.floor((query / plan.queries) * 10_000);
  const halvings = HALVINGS.filter((limit) => scaled > limit).length;
  const side = Math.round(Math.sqrt((plan.initialShare / 2 ** halvings) * height * width));
  return Math.min(Math.max(side, 1), height, width);
}

export function createSquare(subject: Subject, options: AttackOptions<SquarePlan>): Method {
  const { network, weights } = subject;
  const { examples, plan, seed } = options;
  const [height, width, channels] = examples.shape;
  const stride = strideOf(plan.queries, LONGEST_STRIDE);
  const step = prepareStep(SQUARE, { network: networkSpec(network), queries: stride });
  const sides = Array.from({ length: plan.queries }, (_, query) => squareSide(query, plan, height, width));
  const columns = PROPOSAL_COLUMNS + channels;

  /** Query 0 judges the stripes themselves: a square without a side. */
  const drawInto = (proposals: Float32Array, offset: number, query: number, random: RandomStream): void => {
    const side = query === 0 ? 0 : (sides[query] ?? 1);
    proposals[offset] = query;
    if (side === 0) return;
    proposals[offset + 1] = random.integer(height - side + 1);
    proposals[offset + 2] = random.integer(width - side + 1);
    proposals[offset + 3] = side;
    for (let channel = 0; channel < channels; channel += 1) {
      proposals[offset + PROPOSAL_COLUMNS + channel] = random.integer(2);
    }
  };

  const taskOf = (restart: number): PoolTask => {
    const streams = new Map<number, RandomStream>();
    const streamOf = (row: number): RandomStream => {
      const found = streams.get(row) ?? stream(seed, 'square', examples.indices[row] ?? 0, restart);
      streams.set(row, found);
      return found;
    };
    return {
      length: plan.queries,
      stride,
      width: 4,
      open(rows) {
        const fill = (value: number): tf.Tensor => tf.fill([rows.length], value);
        const stripes = verticalStripes(examples, rows, plan.epsilon, streamOf);
        return {
          state: [imageTensor(stripes, examples.shape), fill(-1), fill(0), fill(NO_MARGIN)],
          constants: batchConstants(examples, rows, plan.epsilon),
        };
      },
      advance(state, constants, slots) {
        const size = state[1].shape[0] ?? 0;
        const values = new Float32Array(size * stride * columns);
        for (let at = 0; at < size; at += 1) {
          const slot = slots[at];
          for (let turn = 0; turn < stride; turn += 1) {
            const offset = (at * stride + turn) * columns;
            const query = slot ? slot.done + turn : plan.queries;
            if (!slot || query >= plan.queries) values[offset] = -1;
            else drawInto(values, offset, query, streamOf(slot.row));
          }
        }
        const proposals = tf.tensor3d(values, [size, stride, columns]);
        try {
          return runTurns(step, state, proposals, [...constants, ...weightList(network, weights)]);
        } finally {
          proposals.dispose();
        }
      },
    };
  };
  return {
    run: (rows, restart, onWork) => runPool(taskOf(restart), rows, options, onWork),
    notes: () => (step.note === null ? [] : [step.note]),
    dispose: () => step.dispose(),
  };
}

/** x ± ε with one sign for each column and channel, in [0, 1]; section 3.3 of the paper. */
function verticalStripes(
  examples: Examples,
  rows: readonly number[],
  epsilon: number,
  streamOf: (row: number) => RandomStream,
): Float32Array {
  const [height, width, channels] = examples.shape;
  const size = imageSize(examples.shape);
  const line = width * channels;
  const images = gatherRows(examples.images, rows, size);
  const { lower, upper } = boundsOf(images, epsilon);
  const stripes = new Float32Array(images.length);
  rows.forEach((row, at) => {
    const random = streamOf(row);
    const up = Array.from({ length: line }, () => random.integer(2) === 1);
    for (let position = 0; position < height * line; position += 1) {
      const place = at * size + position;
      stripes[place] = (up[position % line] ? upper[place] : lower[place]) ?? 0;
    }
  });
  return stripes;
}
