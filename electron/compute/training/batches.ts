import type { Examples } from '../attacks/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import { stream } from '../random/stream.ts';

/** The images of some positions of a data set, with labels, in memory. */
export function readExamples(dataset: PackedDataset, positions: Uint32Array): Examples {
  return {
    images: dataset.readImages(positions),
    labels: Int32Array.from(positions, (position) => dataset.labels[position] ?? 0),
    indices: positions,
    shape: dataset.manifest.shape,
  };
}

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
