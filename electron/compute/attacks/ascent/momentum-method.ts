import * as tf from '@tensorflow/tfjs-core';
import type { CompiledStep } from '../../engines/compile.ts';
import { prepareStep } from '../../engines/step.ts';
import { networkSpec, weightList } from '../../models/network.ts';
import { stream } from '../../random/stream.ts';
import type { RandomStream } from '../../random/stream.ts';
import { madeOf, startedBatch } from '../base/batch.ts';
import { batchesOf, padRows } from '../base/examples.ts';
import type { Subject } from '../base/examples.ts';
import type { Method } from '../method.ts';
import { MOMENTUM } from './momentum-steps.ts';
import type { MomentumRule } from './momentum-steps.ts';
import type { AttackOptions } from '../options.ts';
import { defineFamily, workOf } from '../plan.ts';
import type { AttackPlan, Made } from '../plan.ts';
import { strideOf } from '../base/pool.ts';
import type { AttackSteps, BatchConstants, TrackedState } from './steps.ts';
import { judgedEnds, LONGEST_STRIDE } from './trajectories.ts';

/** Gradient steps that keep some of the direction of the last ones, from the image itself. */
export interface MomentumPlan extends AttackPlan {
  readonly steps: number;
  readonly stepSize: number;
  /** μ, the share of the last direction that is kept. */
  readonly decay: number;
  /** See {@link MomentumRule}. */
  readonly nesterov: boolean;
  readonly scales: number;
  readonly kernel: number;
  /** Probability that a step sees the image resized and shifted; 0 for never. */
  readonly diversity: number;
  /** Smallest share of the image's side that it is resized to. */
  readonly smallest: number;
}

export const MOMENTUM_FAMILY = defineFamily<MomentumPlan>({
  name: 'momentum',
  unit: 'gradients',
  minimal: false,
  targeted: true,
  access: () => 'gradients',
  work: ({ steps, scales }) => steps * scales,
  stopsAtSuccess: () => false,
  isAtLeast: (more, less) =>
    more.steps >= less.steps &&
    more.decay === less.decay &&
    more.nesterov === less.nesterov &&
    more.scales === less.scales &&
    more.kernel === less.kernel &&
    more.diversity === less.diversity &&
    more.smallest === less.smallest,
  create: (steps, subject, options) => createMomentum(steps, subject, options),
  make: (_, source, rows, restart, options, onWork) => makeWithMomentum(source, rows, restart, options, onWork),
});

function createMomentum(steps: AttackSteps, subject: Subject, options: AttackOptions<MomentumPlan>): Method {
  const climber = createClimber(subject, options, true);
  return {
    async *run(rows, restart, onWork) {
      let waiting = rows.length;
      for (const batch of batchesOf(rows, options.batchSize)) {
        waiting -= batch.length;
        const later = waiting * workOf(options.plan);
        const end = await climber.climb(batch, restart, (done, left) => onWork(done, left + later));
        try {
          yield await judgedEnds(steps.logits(subject.weights, end[0]), end, batch, options);
        } finally {
          tf.dispose([...end]);
        }
      }
    },
    notes: () => climber.notes(),
    dispose: () => climber.dispose(),
  };
}

/** The last iterates of one batch, on a source that nobody judges. */
async function makeWithMomentum(
  source: Subject,
  rows: readonly number[],
  restart: number,
  options: AttackOptions<MomentumPlan>,
  onWork: (done: number, left: number) => void,
): Promise<Made> {
  const climber = createClimber(source, options, false);
  try {
    const end = await climber.climb(rows, restart, onWork);
    try {
      return await madeOf(rows, end[0], end[2]);
    } finally {
      tf.dispose([...end]);
    }
  } finally {
    climber.dispose();
  }
}

interface Climber {
  /** One batch through all steps. The caller disposes of the state. */
  climb(rows: readonly number[], restart: number, onWork: (done: number, left: number) => void): Promise<TrackedState>;
  notes(): readonly string[];
  dispose(): void;
}

function createClimber({ network, weights }: Subject, options: AttackOptions<MomentumPlan>, judged: boolean): Climber {
  const { examples, plan, seed, batchSize, control, targets } = options;
  const { norm, nesterov, scales, kernel, steps: total } = plan;
  const diverse = plan.diversity > 0;
  const rule: MomentumRule = { norm, targeted: targets !== undefined, nesterov, scales, kernel, diverse, judged };
  // Each step has a transformation of its own.
  const stride = diverse ? 1 : strideOf(total, LONGEST_STRIDE);
  const compiled = new Map<number, CompiledStep>();
  const stepOf = (iterations: number): CompiledStep => {
    const step = compiled.get(iterations) ?? prepareStep(MOMENTUM, { network: networkSpec(network), rule, iterations });
    compiled.set(iterations, step);
    return step;
  };

  type State = readonly [...TrackedState, velocity: tf.Tensor];
  const advance = (
    state: State,
    constants: BatchConstants,
    streams: readonly RandomStream[],
    done: number,
    iterations: number,
  ): State => {
    const index = tf.fill([streams.length], done);
    const matrices = diverse ? drawMatrices(streams, examples.shape, plan) : [index, index];
    const numbers = [tf.scalar(plan.decay), tf.scalar(plan.stepSize)];
    const inputs = [...state, index, ...constants, ...matrices, ...numbers, ...weightList(network, weights)];
    try {
      const [iterate, first, nonFinite, kept, velocity, ended] = stepOf(iterations).run(...inputs) as [
        ...State,
        tf.Tensor,
      ];
      ended.dispose();
      return [iterate, first, nonFinite, kept, velocity];
    } finally {
      tf.dispose([index, ...matrices, ...numbers]);
    }
  };

  return {
    async climb(rows, restart, onWork) {
      const padded = padRows(rows, batchSize);
      // Rows that fill the batch up have streams of their own, so that the first one's is drawn from once.
      const streams = padded.map((row) => stream(seed, 'momentum', examples.indices[row] ?? 0, restart));
      const { iterate, constants } = startedBatch(
        examples,
        padded,
        { ...plan, randomStart: false },
        seed,
        restart,
        targets,
      );
      let state: State = [
        iterate,
        tf.fill([padded.length], -1),
        tf.zeros([padded.length]),
        tf.zerosLike(iterate),
        tf.zerosLike(iterate),
      ];
      try {
        for (let done = 0; done < total;) {
          const iterations = Math.min(stride, total - done);
          const next = advance(state, constants, streams, done, iterations);
          tf.dispose([...state]);
          state = next;
          done += iterations;
          onWork(rows.length * iterations * scales, rows.length * (total - done) * scales);
          await control.checkpoint();
        }
      } catch (error) {
        tf.dispose([...state]);
        throw error;
      } finally {
        tf.dispose([...constants]);
      }
      const [end, first, nonFinite, kept, velocity] = state;
      velocity.dispose();
      return [end, first, nonFinite, kept];
    },
    notes: () => [...compiled.values()].flatMap(({ note }) => (note === null ? [] : [note])),
    dispose: () => compiled.forEach((step) => step.dispose()),
  };
}

/**
 * For each row, with the plan's probability: the image resized to a random size between the smallest share and the whole,
 * and put at a random place of an empty one (Xie et al. 2019, arXiv 1803.06978, section 3.2). As matrices A [n, H, H] and
 * B [n, W, W] of A x Bᵀ; otherwise the identity. The caller disposes of them.
 */
function drawMatrices(
  streams: readonly RandomStream[],
  [height, width]: AttackOptions['examples']['shape'],
  { diversity, smallest }: MomentumPlan,
): tf.Tensor[] {
  const vertical = new Float32Array(streams.length * height * height);
  const horizontal = new Float32Array(streams.length * width * width);
  streams.forEach((random, at) => {
    const [chance, size, down, across] = [random.uniform(), random.uniform(), random.uniform(), random.uniform()];
    const share = chance < diversity ? smallest + size * (1 - smallest) : 1;
    fillResampling(vertical.subarray(at * height * height, (at + 1) * height * height), height, share, down);
    fillResampling(horizontal.subarray(at * width * width, (at + 1) * width * width), width, share, across);
  });
  return [
    tf.tensor3d(vertical, [streams.length, height, height]),
    tf.tensor3d(horizontal, [streams.length, width, width]),
  ];
}

/**
 * Writes the matrix [side, side] that resizes a line of pixels to round(share · side) of them by linear interpolation
 * (pixel centres at ½) and puts them behind `place` of the pixels that are left over, zeros elsewhere.
 * @param matrix zeros, overwritten.
 * @param place in [0, 1).
 */
export function fillResampling(matrix: Float32Array, side: number, share: number, place: number): void {
  const length = Math.max(1, Math.min(side, Math.round(share * side)));
  const offset = Math.floor(place * (side - length + 1));
  for (let i = 0; i < length; i += 1) {
    const centre = Math.min(side - 1, Math.max(0, ((i + 0.5) * side) / length - 0.5));
    const below = Math.floor(centre);
    const above = Math.min(side - 1, below + 1);
    const row = (offset + i) * side;
    matrix[row + below] = (matrix[row + below] ?? 0) + 1 - (centre - below);
    matrix[row + above] = (matrix[row + above] ?? 0) + (centre - below);
  }
}
