import * as tf from '@tensorflow/tfjs-core';
import type { Step } from '../compile.ts';
import type { ShardOutput, TaskInput } from './protocol.ts';
import type { Shard } from './shards.ts';

type Values = Float32Array | Int32Array | Uint8Array;

/** An array of a tensor's values on the given memory. */
export function valuesOn(dtype: tf.NumericDataType, memory: ArrayBufferLike, offset: number, elements: number): Values {
  switch (dtype) {
    case 'int32':
      return new Int32Array(memory, offset, elements);
    case 'bool':
      return new Uint8Array(memory, offset, elements);
    default:
      return new Float32Array(memory, offset, elements);
  }
}

export function bytesPerElement(dtype: tf.NumericDataType): number {
  return dtype === 'bool' ? 1 : 4;
}

/**
 * A step on one shard: the same in every thread.
 * @param rows memory in which the inputs' rows lie
 * @param kept gives the tensor that is kept under a number
 */
export function runShard(
  step: Step,
  inputs: readonly TaskInput[],
  rows: ArrayBufferLike,
  { start, end }: Shard,
  kept: (id: number) => tf.Tensor,
): ShardOutput[] {
  let outputs: ShardOutput[] = [];
  // Nothing is returned from here: tidy would look for tensors in it, element by element.
  tf.tidy(() => {
    const tensors = inputs.map((input) => {
      switch (input.role) {
        case 'kept':
          return tf.reshape(kept(input.id), [...input.shape]);
        case 'inline':
          return tf.tensor(input.values, [...input.shape], input.dtype);
        case 'rows': {
          const size = tf.util.sizeFromShape([...input.rowShape]);
          const offset = input.offset + start * size * bytesPerElement(input.dtype);
          const values = valuesOn(input.dtype, rows, offset, (end - start) * size);
          return tf.tensor(values, [end - start, ...input.rowShape], input.dtype);
        }
      }
    });
    outputs = step(...tensors).map((output) => ({
      values: output.dataSync(),
      shape: output.shape,
      dtype: output.dtype as tf.NumericDataType,
    }));
  });
  return outputs;
}
