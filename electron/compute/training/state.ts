import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import type { NpyArray } from '../arrays/npy.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import { initialWeights, parameterCount, weightList, type Network } from '../models/network.ts';
import { weightsFromArrays } from '../models/weights.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Optimizer } from './optimizer.ts';
import type { TrainState } from './step.ts';

/** The state before the first step. The caller disposes of it. */
export function initialState(network: Network, optimizer: Optimizer, seed: number): TrainState {
  const size = parameterCount(network);
  return {
    weights: initialWeights(network, seed),
    slots: optimizer.slots.map(() => tf.zeros([size])),
  };
}

/** The state of a checkpoint, bit for bit. The caller disposes of it. @throws AppError `wrong-architecture`, `bad-data`. */
export function restoreState(network: Network, optimizer: Optimizer, checkpoint: Checkpoint): TrainState {
  const size = parameterCount(network);
  const slots = optimizer.slots.map((name) => {
    const data = checkpoint.optimizer[name]?.data;
    if (!(data instanceof Float32Array) || data.length !== size) {
      throw new AppError('bad-data', `The checkpoint of step ${checkpoint.meta.step} lacks the optimizer’s ${name}.`);
    }
    return data;
  });
  return {
    weights: weightsFromArrays(network, checkpoint.weights, `The checkpoint of step ${checkpoint.meta.step}`),
    slots: slots.map((data) => tf.tensor1d(data)),
  };
}

/** The arrays of a state, for a checkpoint. */
export async function saveState(
  network: Network,
  optimizer: Optimizer,
  state: TrainState,
): Promise<Pick<Checkpoint, 'weights' | 'optimizer'>> {
  const weights = weightList(network, state.weights);
  return {
    weights: await named(
      network.parameters.map((parameter) => parameter.name),
      weights,
    ),
    optimizer: await named(optimizer.slots, state.slots),
  };
}

export function disposeState(state: TrainState): void {
  tf.dispose([...Object.values(state.weights), ...state.slots]);
}

async function named(names: readonly string[], tensors: readonly tf.Tensor[]): Promise<NpzArrays> {
  const arrays = tensors.map(async (tensor): Promise<NpyArray> => {
    return { dtype: 'f32', shape: tensor.shape, data: await tensor.data<'float32'>() };
  });
  const values = await Promise.all(arrays);
  return Object.fromEntries(names.flatMap((name, index) => (values[index] ? [[name, values[index]] as const] : [])));
}
