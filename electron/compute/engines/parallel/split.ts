import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../../shared/domain/errors.ts';
import { compileStep, type CompiledStep } from '../compile.ts';
import { bytesAt, pointerOf } from '../kernels/simd/runtime.ts';
import type { BatchSplitter } from '../state.ts';
import type { StepLayout } from '../step.ts';
import { ThreadPool, type PoolOptions, type TakeOutputs } from './pool.ts';
import type { ShardOutput, TaskInput } from './protocol.ts';
import { bytesPerElement, runShard, valuesOn } from './shard-run.ts';
import { rowsOfShards, shardsOf } from './shards.ts';
import { SharedTensors } from './shared-tensors.ts';

/** Shared inputs of at most so many elements, such as step sizes, travel with the task. */
const INLINE = 16;

/**
 * Runs steps in parts: the batch is cut along its first axis into fixed shards (see shards.ts), which worker threads
 * and the calling thread compute. Rows are laid end to end, sums added in the order of the shards, so that results do
 * not depend on the number of threads. Statistics that a step takes over its batch, those of batch normalisation in
 * training, are over the shards: ghost batches (Hoffer et al. 2017, arXiv:1705.08741, algorithm 1).
 */
export function createBatchSplitter(options: PoolOptions): BatchSplitter & { readonly pool: ThreadPool } {
  const pool = new ThreadPool(options);
  const tensors = new SharedTensors(options.threads - 1);
  let rows = new SharedArrayBuffer(0);

  const split: BatchSplitter = (definition, parameters, layout) => {
    const step = definition.build(parameters);
    const whole = compileStep(step, { name: definition.describe(parameters) });

    const describeInputs = (inputs: readonly tf.Tensor[]): TaskInput[] => {
      let offset = 0;
      const places = inputs.map((tensor, index) => {
        const place = offset;
        if (layout.inputs[index] === 'rows') offset += Math.ceil(byteLength(tensor) / 8) * 8;
        return place;
      });
      if (rows.byteLength < offset) rows = new SharedArrayBuffer(offset);
      return inputs.map((tensor, index) => {
        const dtype = tensor.dtype as tf.NumericDataType;
        if (layout.inputs[index] === 'rows') {
          const place = places[index] ?? 0;
          new Uint8Array(rows, place, byteLength(tensor)).set(contentOf(tensor));
          return { role: 'rows', offset: place, rowShape: tensor.shape.slice(1), dtype };
        }
        if (tensor.size <= INLINE) {
          return { role: 'inline', values: tensor.dataSync() as Float32Array, shape: tensor.shape, dtype };
        }
        return { role: 'kept', id: tensors.idOf(tensor), shape: tensor.shape };
      });
    };

    const run = (...inputs: readonly tf.Tensor[]): tf.Tensor[] => {
      const batch = batchOf(layout, inputs, definition.describe(parameters));
      const weights = inputs.reduce((sum, { size }, index) => (layout.inputs[index] === 'rows' ? sum : sum + size), 0);
      const shards = shardsOf(batch, rowsOfShards(weights, layout.outputs.includes('sum')));
      if (shards.length === 1) return whole.run(...inputs);
      tensors.sweep(pool.lagging);
      const described = describeInputs(inputs);
      const own = new Map<number, tf.Tensor>();
      described.forEach((input, index) => {
        const tensor = inputs[index];
        if (input.role === 'kept' && tensor) own.set(input.id, tensor);
      });
      const gathered = gather(layout, shards.length, (shard) => shards[shard]?.start ?? 0, batch);
      pool.run(
        { step: definition.name, parameters, inputs: described, rows, shards },
        tensors,
        (shard) => {
          const range = shards[shard] ?? { start: 0, end: 0 };
          return runShard(step, described, rows, range, (id) => own.get(id) as tf.Tensor);
        },
        gathered.take,
      );
      return gathered.finish();
    };
    return { run, note: null, dispose: () => whole.dispose() } satisfies CompiledStep;
  };
  return Object.assign(split, { pool });
}

function byteLength(tensor: tf.Tensor): number {
  return tensor.size * bytesPerElement(tensor.dtype as tf.NumericDataType);
}

function contentOf(tensor: tf.Tensor): Uint8Array {
  const backend = tf.backend() as BackendWasm;
  return bytesAt(backend, pointerOf(backend, tensor), byteLength(tensor));
}

function batchOf(layout: StepLayout, inputs: readonly tf.Tensor[], name: string): number {
  const sizes = inputs.filter((_, index) => layout.inputs[index] === 'rows').map(({ shape }) => shape[0] ?? 0);
  const [batch = 0] = sizes;
  if (sizes.some((size) => size !== batch)) {
    throw new AppError('internal', `${name}: its inputs have ${sizes.join(', ')} rows.`);
  }
  return batch;
}

/** Puts the outputs of shards together, as they come in. */
function gather(
  layout: StepLayout,
  shards: number,
  startOf: (shard: number) => number,
  batch: number,
): { readonly take: TakeOutputs; readonly finish: () => tf.Tensor[] } {
  const results: ShardOutput[] = [];
  const early = new Map<number, readonly ShardOutput[]>();
  let next = 0;

  const place = (shard: number, outputs: readonly ShardOutput[]): void => {
    outputs.forEach(({ values, shape, dtype }, index) => {
      if (layout.outputs[index] === 'rows') {
        const rowShape = shape.slice(1);
        const size = tf.util.sizeFromShape([...rowShape]);
        results[index] ??= {
          values: valuesOn(dtype, new ArrayBuffer(batch * size * bytesPerElement(dtype)), 0, batch * size),
          shape: [batch, ...rowShape],
          dtype,
        };
        results[index].values.set(values, startOf(shard) * size);
        return;
      }
      const sum = results[index];
      if (!sum) results[index] = { values, shape, dtype };
      else for (let at = 0; at < values.length; at++) sum.values[at] = (sum.values[at] ?? 0) + (values[at] ?? 0);
    });
  };

  return {
    take(shard, outputs) {
      early.set(shard, outputs);
      for (let ready = early.get(next); ready; ready = early.get(next)) {
        early.delete(next);
        place(next, ready);
        next += 1;
      }
    },
    finish() {
      if (next !== shards) throw new AppError('internal', `${shards - next} of ${shards} shards are missing.`);
      return results.map(({ values, shape, dtype }) => tf.tensor(values, [...shape], dtype));
    },
  };
}
