import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import { shapeSize, type NpyArray } from '../arrays/npy.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import type { ChannelStatistics } from '../data/statistics.ts';
import { SCALE } from '../models/layer.ts';
import { initialWeights, trainedCount, weightList, type Network, type Weights } from '../models/network.ts';
import { floats, weightsFromArrays } from '../models/weights.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Optimizer } from './optimizer.ts';
import type { TrainState } from './step.ts';

/**
 * The state before the first step. The caller disposes of it.
 * @param statisticsOf of the images, asked for where the network normalises them.
 * @param given weights that are not drawn, see `readStartingWeights`
 * @param averaged whether a moving average of the weights is kept; it begins as they are.
 */
export function initialState(
  network: Network,
  optimizer: Optimizer,
  seed: number,
  statisticsOf: () => ChannelStatistics,
  given: NpzArrays,
  averaged = false,
): TrainState {
  const trainable = network.parameters.filter((parameter) => parameter.trainable);
  const drawn = initialWeights(network, seed);
  const weights = withGiven(network, network.normalised ? withStatistics(drawn, statisticsOf()) : drawn, given);
  return {
    weights,
    slots: optimizer.slots.map(() => trainable.map(({ shape }) => tf.zeros([...shape]))),
    average: averaged
      ? Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [name, tf.clone(tensor)]))
      : null,
  };
}

function withGiven(network: Network, weights: Weights, given: NpzArrays): Weights {
  const own = network.parameters.flatMap(({ name, shape }) => {
    const array = given[name];
    return array ? [[name, tf.tensor(floats(array.data), [...shape], 'float32')] as const] : [];
  });
  tf.dispose(own.flatMap(([name]) => weights[name] ?? []));
  return { ...weights, ...Object.fromEntries(own) };
}

function withStatistics(weights: Weights, { mean, deviation }: ChannelStatistics): Weights {
  const own = { [`${SCALE}_mean`]: tf.tensor1d([...mean]), [`${SCALE}_deviation`]: tf.tensor1d([...deviation]) };
  tf.dispose(Object.keys(own).flatMap((name) => weights[name] ?? []));
  return { ...weights, ...own };
}

/** The state of a checkpoint, bit for bit. The caller disposes of it. @throws AppError `wrong-architecture`, `bad-data`. */
export function restoreState(
  network: Network,
  optimizer: Optimizer,
  checkpoint: Checkpoint,
  averaged = false,
): TrainState {
  const size = trainedCount(network);
  const slots = optimizer.slots.map((name) => {
    const data = checkpoint.optimizer[name]?.data;
    if (!(data instanceof Float32Array) || data.length !== size) {
      throw new AppError('bad-data', `The checkpoint of step ${checkpoint.meta.step} lacks the optimizer’s ${name}.`);
    }
    return data;
  });
  const name = `The checkpoint of step ${checkpoint.meta.step}`;
  return {
    weights: weightsFromArrays(network, checkpoint.weights, name),
    slots: slots.map((data) => inPieces(network, data)),
    average: averaged ? weightsFromArrays(network, checkpoint.average, `${name}, averaged weights,`) : null,
  };
}

/** The arrays of a state, for a checkpoint. */
export async function saveState(
  network: Network,
  optimizer: Optimizer,
  state: TrainState,
): Promise<Pick<Checkpoint, 'weights' | 'optimizer' | 'average'>> {
  const slots = state.slots.map((pieces) =>
    tf.tidy(() => tf.concat1d(pieces.map((piece) => tf.reshape<tf.Rank.R1>(piece, [-1])))),
  );
  const names = network.parameters.map((parameter) => parameter.name);
  try {
    return {
      weights: await named(names, weightList(network, state.weights)),
      optimizer: await named(optimizer.slots, slots),
      average: state.average ? await named(names, weightList(network, state.average)) : {},
    };
  } finally {
    tf.dispose(slots);
  }
}

export function disposeState(state: TrainState): void {
  tf.dispose([...Object.values(state.weights), ...state.slots.flat(), ...Object.values(state.average ?? {})]);
}

/** A slot's elements as tensors of the shapes of the trainable parameters. */
function inPieces(network: Network, data: Float32Array): tf.Tensor[] {
  let start = 0;
  return network.parameters.flatMap(({ shape, trainable }) => {
    if (!trainable) return [];
    const end = start + shapeSize(shape);
    const piece = tf.tensor(data.slice(start, end), [...shape]);
    start = end;
    return [piece];
  });
}

async function named(names: readonly string[], tensors: readonly tf.Tensor[]): Promise<NpzArrays> {
  const arrays = tensors.map(async (tensor): Promise<NpyArray> => {
    return { dtype: 'f32', shape: tensor.shape, data: await tensor.data<'float32'>() };
  });
  const values = await Promise.all(arrays);
  return Object.fromEntries(names.flatMap((name, index) => (values[index] ? [[name, values[index]] as const] : [])));
}
