import type * as tf from '@tensorflow/tfjs-core';
import type { ImageShape } from '../../../../shared/domain/shape.ts';
import type { RandomStream } from '../../random/stream.ts';
import type { AttackPlan } from '../plan.ts';
import type { StepModel } from './step-model.ts';

/** The plan of an attack that goes from a start in so many steps. */
export interface AscentStepsPlan extends AttackPlan {
  readonly steps: number;
  /** Start at x plus noise in the ball; otherwise at x. */
  readonly randomStart: boolean;
  /** Give an example up at its first success instead of running its trajectory to the end. */
  readonly stopAtSuccess: boolean;
}

/** Where a batch of trajectories is. Row i of every tensor belongs to the same example. */
export interface Point {
  /** The iterates, [n, height, width, channels]. */
  readonly images: tf.Tensor4D;
  /** The images that they started from. */
  readonly originals: tf.Tensor4D;
  /** int32 [n]: the classes to leave, or where `targeted` those to reach. */
  readonly labels: tf.Tensor1D;
  readonly targeted: boolean;
  /** What the last step left, of the images' shape each; zeros at first. */
  readonly memory: readonly tf.Tensor4D[];
  /** [n, numbers], drawn anew for each step, see {@link Draws}. */
  readonly draws: tf.Tensor2D | null;
  /** [n]: steps made so far. */
  readonly iteration: tf.Tensor1D;
}

/** What a step comes to. */
export interface Move {
  /** Added to the iterate, and the sum brought back into the ball and into [0, 1]. */
  readonly change: tf.Tensor;
  /** What the step followed: rows in which it is not finite are counted and reported. */
  readonly gradient: tf.Tensor;
  /** Of the iterate as it is, [n, classes], if the step has them; if not, a forward pass more finds them. */
  readonly logits?: tf.Tensor2D;
  /** As many as `memory` says, of the images' shape; for the next step. */
  readonly memory?: readonly tf.Tensor[];
}

/** Random numbers of one example for one step, from its own stream (seed, family, example, restart, step). */
export interface Draws<P> {
  numbers(plan: P, shape: ImageShape): number;
  fill(into: Float32Array, random: RandomStream, plan: P, shape: ImageShape): void;
}

/** An attack that says only what its step is; start, ball, judgement of every iterate, records and transfer are not its. */
export interface AscentDefinition<P extends AscentStepsPlan> {
  /** Of the family; it names the random streams too. */
  readonly name: string;
  /**
   * One step of all rows: a pure function of tensors, compiled where the engine can. All that changes from step to step is
   * an argument; tensors of its own are made within.
   */
  step(model: StepModel, point: Point, plan: P): Move;
  /** Tensors that each example carries from step to step; none if left out. */
  memory?(plan: P): number;
  readonly draws?: Draws<P>;
  /** Gradients of one step, for what an attack costs; 1 if left out. */
  readonly gradients?: (plan: P) => number;
  /** See `Family.isAtLeast`; of more steps, everything else being equal, if left out. */
  isAtLeast?(more: P, less: P): boolean;
}

/** Gradients of one step. */
export function gradientsOf<P extends AscentStepsPlan>({ gradients }: AscentDefinition<P>, plan: P): number {
  return gradients?.(plan) ?? 1;
}
