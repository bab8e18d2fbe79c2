import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import type { OpAttribute, TensorflowBackend, TensorflowBinding } from './binding.ts';
import { GraphBuilder, type GraphConstant, type GraphInput, type GraphValue } from './graph.ts';

/** A step as one TensorFlow graph, for inputs of fixed shapes. */
export interface TracedGraph {
  /** Repetitions of the step. */
  readonly times: number;
  /** @returns what the last repetition gives and, for comparison with the step itself, what the first one does. */
  run(inputs: readonly tf.Tensor[]): { readonly last: tf.Tensor[]; readonly first: tf.Tensor[] };
  dispose(): void;
}

interface RecordedOperation {
  readonly name: string;
  readonly attributes: readonly OpAttribute[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

interface Recording {
  readonly operations: RecordedOperation[];
  /** Tensors that the step made from numbers, by the backend's id. */
  readonly constants: Map<number, GraphConstant>;
}

/** What a step makes, in its order. */
interface Wanted {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  readonly id: number;
}

/**
 * Runs a step once, operation by operation, and writes what the backend was asked to do as a graph.
 * @returns the step's own outputs, and what builds a graph of so many repetitions: the outputs of each are the first
 *   inputs of the next. What does not depend on those is computed once for all of them.
 * @throws AppError `unsupported` if the step reads values on the way or uses an operation that cannot be written down;
 *   `internal` if it uses a tensor that is not among its arguments (it would go stale).
 */
export function traceStep(
  backend: TensorflowBackend,
  step: (...inputs: tf.Tensor[]) => tf.Tensor[],
  inputs: readonly tf.Tensor[],
): { readonly outputs: tf.Tensor[]; readonly operations: number; readonly build: (times: number) => TracedGraph } {
  const copies: tf.Tensor[] = [];
  const distinct = inputs.map((tensor, index) => {
    if (inputs.findIndex(({ dataId }) => dataId === tensor.dataId) === index) return tensor;
    // One tensor in two places: the graph must be able to take two.
    const dtype = typeNumber(backend.binding, tensor.dtype);
    const type = { name: 'T', type: backend.binding.TF_ATTR_TYPE, value: dtype };
    const copy = backend.executeSingleOutput('Identity', [type], [tensor]);
    copies.push(copy);
    return copy;
  });
  const inputIds = backend.getInputTensorIds(distinct);
  const recording: Recording = { operations: [], constants: new Map() };
  const given = distinct.map((tensor, index) => ({
    dtype: backend.tensorMap.get(tensor.dataId).dtype,
    shape: tensor.shape,
    id: inputIds[index] ?? -1,
  }));
  const { outputs, outputIds } = record(backend, given, recording, () => {
    const made = step(...distinct);
    return { outputs: made, outputIds: backend.getInputTensorIds(made) };
  });
  copies.forEach((copy) => copy.dispose());
  const wanted = outputs.map(({ shape, dtype }, index): Wanted => ({ shape, dtype, id: outputIds[index] ?? -1 }));
  return {
    outputs,
    operations: recording.operations.length,
    build: (times) => buildGraph(backend, given, recording, wanted, times),
  };
}

function buildGraph(
  backend: TensorflowBackend,
  given: readonly (GraphInput & { readonly id: number })[],
  { operations, constants }: Recording,
  wanted: readonly Wanted[],
  times: number,
): TracedGraph {
  const { binding } = backend;
  const builder = new GraphBuilder(binding);
  const values = new Map<number, GraphValue>();
  const inputs = given.map((input) => builder.placeholder(input));
  const valueOf = (id: number): GraphValue => {
    const known = values.get(id);
    if (known !== undefined) return known;
    const constant = constants.get(id);
    if (!constant) throw foreignTensor();
    const made = builder.constant(constant);
    values.set(id, made);
    return made;
  };
  // A step may hand out an input, a constant or one tensor twice: each output gets a node of its own.
  const handOut = (): GraphValue[] =>
    wanted.map(({ id, dtype }) => {
      const type = { name: 'T', type: binding.TF_ATTR_TYPE, value: typeNumber(binding, dtype) };
      return builder.operation('Identity', [valueOf(id)], [type]);
    });

  given.forEach(({ id }, index) => values.set(id, inputs[index] ?? ''));
  const carried = new Set(given.slice(0, wanted.length).map(({ id }) => id));
  const handedOut: GraphValue[][] = [];
  for (let repetition = 0; repetition < times; repetition += 1) {
    handedOut.at(-1)?.forEach((value, index) => values.set(given[index]?.id ?? -1, value));
    for (const operation of operations) {
      const changes = operation.inputs.some((id) => carried.has(id));
      if (changes) operation.outputs.forEach((id) => carried.add(id));
      if (repetition > 0 && !changes) continue;
      const node = builder.operation(operation.name, operation.inputs.map(valueOf), operation.attributes);
      operation.outputs.forEach((id, index) => values.set(id, index === 0 ? node : `${node}:${index}`));
    }
    handedOut.push(handOut());
  }
  const names = (nodes: readonly GraphValue[]): string => nodes.map((node) => `${node}:0`).join();
  // One set of outputs, always: each other set would be optimised as a graph of its own.
  const fetched = times > 1 ? [handedOut.at(-1) ?? [], handedOut[0] ?? []] : handedOut;
  return load(backend, builder.finish(), names(inputs), names(fetched.flat()), wanted, times);
}

/** Lets `run` go through a binding that notes every operation and constant. */
function record<T>(
  backend: TensorflowBackend,
  types: readonly { readonly id: number; readonly dtype: number }[],
  recording: Recording,
  run: () => T,
): T {
  const { binding } = backend;
  const { operations, constants } = recording;
  const known = new Map(types.map(({ id, dtype }) => [id, dtype]));
  const written = new Set<object>();
  const original = { getInputTensorIds: backend.getInputTensorIds, move: backend.move };
  const hooks: Pick<TensorflowBinding, 'executeOp' | 'createTensor' | 'tensorDataSync'> = {
    executeOp(name, attributes, inputs, count) {
      if (!inputs.every((id) => known.has(id))) throw foreignTensor();
      const results = binding.executeOp(name, attributes, inputs, count);
      operations.push({
        name,
        attributes: withType(binding, name, attributes, known.get(inputs[0] ?? -1)),
        inputs: [...inputs],
        outputs: results.map(({ id }) => id),
      });
      for (const { id, dtype } of results) known.set(id, dtype);
      return results;
    },
    createTensor(shape, dtype, data) {
      const id = binding.createTensor(shape, dtype, data);
      constants.set(id, {
        shape: [...shape],
        dtype,
        bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
      });
      known.set(id, dtype);
      return id;
    },
    tensorDataSync(id) {
      if (!constants.has(id)) throw new AppError('unsupported', 'it reads values on the way');
      return binding.tensorDataSync(id);
    },
  };
  // The addon's own properties are read-only, so the hooks are defined on top of them, not assigned.
  backend.binding = Object.create(binding, Object.getOwnPropertyDescriptors(hooks)) as TensorflowBinding;
  backend.move = function (this: TensorflowBackend, dataId, ...rest) {
    written.add(dataId);
    original.move.call(this, dataId, ...rest);
  };
  backend.getInputTensorIds = function (this: TensorflowBackend, tensors) {
    // Tensors are handed to TensorFlow at their first use: one that waits since before the step is not the step's own.
    for (const { dataId } of tensors) {
      const entry = dataId ? backend.tensorMap.get(dataId) : null;
      if (entry?.values != null && !written.has(dataId)) throw foreignTensor();
    }
    return original.getInputTensorIds.call(this, tensors);
  };
  try {
    return run();
  } finally {
    backend.binding = binding;
    backend.move = original.move;
    backend.getInputTensorIds = original.getInputTensorIds;
  }
}

/** Some of tfjs's kernels leave the type of their input to be found out, which only works outside a graph. */
function withType(
  { TF_ATTR_TYPE }: TensorflowBinding,
  operation: string,
  attributes: readonly OpAttribute[],
  dtype: number | undefined,
): readonly OpAttribute[] {
  if (operation !== 'ExpandDims' || attributes.some(({ name }) => name === 'T')) return attributes;
  return [...attributes, { name: 'T', type: TF_ATTR_TYPE, value: dtype }];
}

function load(
  backend: TensorflowBackend,
  bytes: Uint8Array,
  inputNames: string,
  outputNames: string,
  wanted: readonly Wanted[],
  times: number,
): TracedGraph {
  const folder = mkdtempSync(join(memoryFolder(), 'pairlight-graph-'));
  let model: number;
  try {
    writeFileSync(join(folder, 'saved_model.pb'), bytes);
    model = backend.binding.loadSavedModel(folder, 'serve');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    times,
    run(inputs) {
      const results = backend.binding.runSavedModel(model, backend.getInputTensorIds(inputs), inputNames, outputNames);
      const tensors = results.map((result, index) => {
        const tensor = backend.createOutputTensor(result);
        if (tensor.shape.join() !== wanted[index % wanted.length]?.shape.join())
          throw new AppError('internal', 'A graph changed the shape of its output.');
        return tensor;
      });
      const last = tensors.slice(0, wanted.length);
      return { last, first: times > 1 ? tensors.slice(wanted.length) : last };
    },
    dispose: () => {
      backend.binding.deleteSavedModel(model);
    },
  };
}

/** Memory-backed storage where there is some. */
function memoryFolder(): string {
  try {
    return statSync('/dev/shm').isDirectory() ? '/dev/shm' : tmpdir();
  } catch {
    return tmpdir();
  }
}

function typeNumber(binding: TensorflowBinding, dtype: tf.DataType): number {
  switch (dtype) {
    case 'float32':
      return binding.TF_FLOAT;
    case 'int32':
      return binding.TF_INT32;
    case 'bool':
      return binding.TF_BOOL;
    default:
      throw new AppError('unsupported', `it has an output of type ${dtype}`);
  }
}

function foreignTensor(): AppError {
  return new AppError(
    'internal',
    'A compiled step used a tensor that is not one of its arguments; its value would go stale.',
  );
}
