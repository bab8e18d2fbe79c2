import { workerData, type MessagePort } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { AppError, toAppError, type ErrorData } from '../../../../shared/domain/errors.ts';
import type { Step } from '../compile.ts';
import { onKernel } from '../kernels/simd/runtime.ts';
import { setDeterministic } from '../state.ts';
import type { AnyStepDefinition } from '../step.ts';
import { startWasmBackend } from '../wasm.ts';
import {
  claimShard,
  DONE,
  ENDED,
  READY,
  workerWord,
  type ShardOutput,
  type ShardResult,
  type Task,
  type ThreadData,
} from './protocol.ts';
import { bytesPerElement, runShard, valuesOn } from './shard-run.ts';

/** Steps that a thread keeps ready; a job has about six. */
const STEPS_KEPT = 64;

/** Makes this worker thread compute shards for the thread that started it, until that ends it. */
export async function serveShards(definitions: readonly AnyStepDefinition[]): Promise<void> {
  const {
    control: memory,
    index,
    deterministic,
    modules,
    port,
  } = workerData as ThreadData & { readonly port: MessagePort };
  const control = new Int32Array(memory);
  const [state, lastTask, shardWord, beat] = (['state', 'task', 'shard', 'beat'] as const).map((word) =>
    workerWord(index, word),
  ) as [number, number, number, number];
  process.on('exit', () => {
    Atomics.store(control, state, ENDED);
    Atomics.notify(control, state);
    Atomics.notify(control, DONE);
  });
  setDeterministic(deterministic);
  await startWasmBackend();
  if (modules.length > 0) await (await import('../../modules/load.ts')).loadModules(modules);
  onKernel(() => Atomics.add(control, beat, 1));

  const kept = new Map<number, tf.Tensor>();
  const steps = new Map<string, Step>();

  const stepOf = ({ step: name, parameters }: Task): Step => {
    const key = `${name} ${JSON.stringify(parameters)}`;
    const known = steps.get(key);
    if (known) return known;
    const definition = definitions.find((each) => each.name === name);
    if (!definition) throw new AppError('internal', `There is no step ${name}.`);
    const [oldest] = steps.keys();
    if (steps.size >= STEPS_KEPT && oldest !== undefined) steps.delete(oldest);
    const made = definition.build(parameters as never);
    steps.set(key, made);
    return made;
  };

  const compute = (task: Task, shard: number): Pick<ShardResult, 'outputs' | 'error'> => {
    let outputs: ShardOutput[] = [];
    let error: ErrorData | null = null;
    try {
      const range = task.shards[shard];
      if (!range) throw new AppError('internal', `There is no shard ${shard}.`);
      outputs = runShard(stepOf(task), task.inputs, task.rows, range, (id) => {
        const tensor = kept.get(id);
        if (!tensor) throw new AppError('internal', `A thread has no tensor ${id}.`);
        return tensor;
      });
    } catch (thrown) {
      error = toAppError(thrown).toData();
    }
    return { outputs, error };
  };

  port.on('message', (task: Task) => {
    for (const id of task.gone) {
      kept.get(id)?.dispose();
      kept.delete(id);
    }
    for (const { id, dtype, data } of task.news) {
      const values = valuesOn(dtype, data, 0, data.byteLength / bytesPerElement(dtype));
      kept.set(id, tf.tensor1d(values, dtype));
    }
    for (;;) {
      const shard = claimShard(control, task.task, task.shards.length);
      if (shard < 0) break;
      Atomics.store(control, shardWord, shard + 1);
      const { outputs, error } = compute(task, shard);
      const surplus = tf.memory().numTensors - kept.size;
      const result: ShardResult = { task: task.task, shard, outputs, error, surplus };
      port.postMessage(
        result,
        outputs.map(({ values }) => values.buffer as ArrayBuffer),
      );
      Atomics.store(control, shardWord, 0);
      Atomics.add(control, DONE, 1);
      Atomics.notify(control, DONE);
    }
    Atomics.store(control, lastTask, task.task);
  });
  Atomics.store(control, state, READY);
  Atomics.notify(control, state);
}
