import * as tf from '@tensorflow/tfjs-core';
import type { Network } from '../models/network.ts';
import type { TrainGradients } from './gradient.ts';
import { clipFactor, decaysWeight, type Optimizer } from './optimizer.ts';

export interface UpdateOptions {
  readonly network: Network;
  readonly optimizer: Optimizer;
  /** Largest norm of the gradient by all weights; null for any. */
  readonly clipNorm: number | null;
  /** Whether a moving average of the weights is kept. */
  readonly averaged: boolean;
}

/** What an update needs of a batch. */
export type Gradients = Pick<TrainGradients, 'report' | 'gradients' | 'statistics'>;

/**
 * From gradients to new weights, a pure function of tensors. Its arguments after the gradients are the optimizer's
 * numbers, with averaged weights the share by which they move, then weights, slots and averaged weights, each in the
 * order of `network.parameters`.
 */
export interface Update {
  /** How many numbers come before the state. */
  readonly numbers: number;
  /** @returns the report with the sum of squares of the unclipped gradient at its end, then the new state in the order of the old. */
  run(gradients: Gradients, numbersAndState: readonly tf.Tensor[]): tf.Tensor[];
}

export function createUpdate({ network, optimizer, clipNorm, averaged }: UpdateOptions): Update {
  const { parameters } = network;
  const trainable = parameters.map((parameter) => parameter.trainable);
  const moving = parameters.map((parameter) => parameter.moving);
  const decays = parameters.filter((parameter) => parameter.trainable).map(decaysWeight);
  const count = decays.length;
  const numbers = optimizer.numbers(0, 0).length + (averaged ? 1 : 0);
  return {
    numbers,
    run({ report, gradients, statistics }, numbersAndState) {
      const [own, state] = [numbersAndState.slice(0, numbers), numbersAndState.slice(numbers)];
      const weights = state.slice(0, parameters.length);
      const slotEnd = parameters.length + optimizer.slots.length * count;
      const slots = inRows(state.slice(parameters.length, slotEnd), count);
      const squares = tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient))));
      const factor = clipNorm === null ? null : clipFactor(squares, clipNorm);
      const trained = weights.filter((_, index) => trainable[index]);
      const changes = trained.map((weight, index) => {
        const gradient = gradients[index] as tf.Tensor;
        const updated = {
          weight,
          gradient: factor ? tf.mul(gradient, factor) : gradient,
          slots: slots.map((slot) => slot[index] as tf.Tensor),
          decays: decays[index] ?? false,
        };
        return optimizer.update(updated, own);
      });
      const changed = trained.map((weight, index) => tf.sub(weight, changes[index]?.delta ?? 0));
      const moved = moveTowards(
        weights.filter((_, index) => moving[index]),
        statistics,
      );
      const next = weights.map((weight, index) => {
        const [one] = trainable[index] ? changed.splice(0, 1) : moving[index] ? moved.splice(0, 1) : [tf.clone(weight)];
        return one as tf.Tensor;
      });
      const newSlots = slots.flatMap((_, slot) => changes.map((change) => change.slots[slot] as tf.Tensor));
      const average = state
        .slice(slotEnd)
        .map((old, index) => tf.add(old, tf.mul(tf.sub(next[index] as tf.Tensor, old), own.at(-1) as tf.Tensor)));
      return [tf.concat([report, tf.reshape(squares, [1])]), ...next, ...newSlots, ...average];
    },
  };
}

/** A list cut into pieces of one length. */
export function inRows(list: readonly tf.Tensor[], length: number): tf.Tensor[][] {
  return Array.from({ length: list.length / length }, (_, row) => list.slice(row * length, (row + 1) * length));
}

/** As PyTorch's momentum of 0.1. */
const STATISTICS_SHARE = 0.1;

/** Moving statistics a step nearer to those of the batch. */
function moveTowards(moving: readonly tf.Tensor[], batch: readonly tf.Tensor[]): tf.Tensor[] {
  return moving.map((old, index) =>
    tf.add(tf.mul(old, 1 - STATISTICS_SHARE), tf.mul(batch[index] as tf.Tensor, STATISTICS_SHARE)),
  );
}
