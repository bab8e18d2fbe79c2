import * as tf from '@tensorflow/tfjs-core';
import { prepareStep } from '../../engines/step.ts';
import { networkSpec, weightList } from '../../models/network.ts';
import { stream } from '../../random/stream.ts';
import type { RandomStream } from '../../random/stream.ts';
import { download, imageTensor, reachOf } from '../base/batch.ts';
import { gatherRows, imageSize } from '../base/examples.ts';
import type { Subject } from '../base/examples.ts';
import type { Method } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import { createOracle } from '../base/oracle.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';
import { project } from '../base/norms.ts';
import { runPool, runTurns, strideOf } from '../base/pool.ts';
import type { PoolState, PoolTask } from '../base/pool.ts';
import { createProposals, squareStarts } from './square-proposals.ts';
import { PROPOSE, SQUARE, takeBetter } from './square-steps.ts';
import type { SquareState } from './square-steps.ts';
import type { AttackSteps } from '../ascent/steps.ts';

/** Random search with squares; sees logits only. */
export interface SquarePlan extends AttackPlan {
  /** Forward passes of one restart, the start included. */
  readonly queries: number;
  /** Share of the image's pixels that the first squares change, in (0, 1]. */
  readonly initialShare: number;
  /** Whether squares shrink over the plan's queries; else as they would over 10,000. */
  readonly stretched: boolean;
}

export const SQUARE_FAMILY = defineFamily<SquarePlan>({
  name: 'square',
  unit: 'queries',
  minimal: false,
  targeted: false,
  access: () => 'scores',
  work: ({ queries }) => queries,
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) => more.queries >= less.queries && more.stretched === less.stretched,
  create: createSquare,
});

/** Queries of one call at most: broken examples are looked for between calls. */
const LONGEST_STRIDE = 10;
/** Below any margin. */
const NO_MARGIN = -3e38;

/** Answers the next proposals of a batch. The caller disposes of old and new state. */
type Answer = (
  state: PoolState,
  proposals: tf.Tensor,
  constants: readonly tf.Tensor[],
) => PoolState | Promise<PoolState>;

/** How a model answers, `stride` queries in one call. */
interface Answerer {
  readonly stride: number;
  readonly answer: Answer;
  readonly notes: () => readonly string[];
  readonly dispose: () => void;
}

function createSquare(steps: AttackSteps, subject: Subject, options: AttackOptions<SquarePlan>): Method {
  const answerer = subject.predictor ? askPredictor(steps, subject, options) : askNetwork(subject, options.plan);
  return {
    run: (rows, restart, onWork) => runPool(squareTask(options, restart, answerer), rows, options, onWork),
    notes: answerer.notes,
    dispose: answerer.dispose,
  };
}

/** One start, as the pool takes it. */
function squareTask(
  { examples, plan, seed }: AttackOptions<SquarePlan>,
  restart: number,
  { stride, answer }: Answerer,
): PoolTask {
  const { columns, drawInto } = createProposals(plan, examples.shape);
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
      const images = gatherRows(examples.images, rows, imageSize(examples.shape));
      const [one, other] = reachOf(images, examples.shape, plan);
      const start = imageTensor(squareStarts(examples, rows, plan, streamOf), examples.shape);
      const labels = Int32Array.from(rows, (row) => examples.labels[row] ?? 0);
      return {
        state: [
          plan.norm === 'linf' ? start : project(plan.norm, one, start, other),
          fill(-1),
          fill(0),
          fill(NO_MARGIN),
        ],
        constants: [one, other, tf.tensor1d(labels, 'int32')],
      };
    },
    async advance(state, constants, slots) {
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
        return await answer(state, proposals, constants);
      } finally {
        proposals.dispose();
      }
    },
  };
}

/** A network answers several queries in one compiled call. */
function askNetwork({ network, weights }: Subject, { norm, queries }: SquarePlan): Answerer {
  const stride = strideOf(queries, LONGEST_STRIDE);
  const step = prepareStep(SQUARE, { network: networkSpec(network), norm, queries: stride });
  return {
    stride,
    answer: (state, proposals, constants) =>
      runTurns(step, state, proposals, [...constants, ...weightList(network, weights)]),
    notes: () => (step.note === null ? [] : [step.note]),
    dispose: () => step.dispose(),
  };
}

/** A model of which there is a forward pass alone answers query by query. */
function askPredictor(steps: AttackSteps, subject: Subject, options: AttackOptions<SquarePlan>): Answerer {
  const oracle = createOracle(steps, subject, options);
  const { classes } = subject.network;
  return {
    stride: 1,
    async answer(pool, proposals, [one, other, labels]) {
      if (!one || !other || !labels) return pool;
      const state = pool as unknown as SquareState;
      const tried = tf.tidy(() => PROPOSE[options.plan.norm](state[0], proposals, [one, other]));
      try {
        const rows = tried.shape[0] ?? 0;
        const logits = await oracle(await download(tried), rows);
        return tf.tidy(() => [
          ...takeBetter(state, proposals, tried, tf.tensor2d(logits, [rows, classes]), labels),
        ]) as unknown as PoolState;
      } finally {
        tried.dispose();
      }
    },
    notes: () => [],
    dispose: () => undefined,
  };
}
