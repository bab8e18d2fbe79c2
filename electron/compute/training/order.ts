import { stream } from '../random/stream.ts';

/** Which examples each step of a training sees. */
export interface TrainOrder {
  readonly examples: number;
  readonly stepsPerEpoch: number;
  /** Positions of a step's minibatch. The last minibatch of an epoch holds what is left. @param step from 0. */
  at(step: number): Uint32Array;
}

/**
 * Every epoch goes through all positions in an order of its own, from the stream (seed, 'order', epoch).
 * @param positions positions in the data set
 */
export function trainOrder(positions: Uint32Array, batchSize: number, seed: number): TrainOrder {
  const stepsPerEpoch = Math.ceil(positions.length / batchSize);
  let current: { readonly epoch: number; readonly order: Uint32Array } | null = null;
  return {
    examples: positions.length,
    stepsPerEpoch,
    at(step) {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (current?.epoch !== epoch) {
        current = { epoch, order: stream(seed, 'order', epoch).permutation(positions.length) };
      }
      const start = (step % stepsPerEpoch) * batchSize;
      return current.order.slice(start, start + batchSize).map((row) => positions[row] ?? 0);
    },
  };
}
