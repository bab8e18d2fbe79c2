import type * as tf from '@tensorflow/tfjs-core';

/** What TensorFlow's Node addon offers, as far as it is used here (tfjs-node 4.22, `tfjs_binding.d.ts`). */
export interface TensorflowBinding {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  createTensor(shape: readonly number[], dtype: number, data: ArrayBufferView): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorMetadata[];
  isUsingGpuDevice(): boolean;
}

export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** What the Node backend knows of a tensor. `values`: its data as long as TensorFlow has not needed them. */
export interface TensorEntry {
  readonly id: number;
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly values: unknown;
}

/** tfjs's Node backend, as far as it is used here (tfjs-node 4.22, `nodejs_kernel_backend.d.ts`). */
export interface TensorflowBackend {
  binding: TensorflowBinding;
  readonly tensorMap: { get(dataId: object): TensorEntry };
  executeSingleOutput(name: string, attributes: readonly OpAttribute[], inputs: readonly tf.Tensor[]): tf.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly tf.Tensor[],
    outputs: number,
  ): tf.Tensor[];
  getInputTensorIds: (this: TensorflowBackend, tensors: readonly tf.Tensor[]) => number[];
  createOutputTensor(metadata: TensorMetadata): tf.Tensor;
  move: (
    this: TensorflowBackend,
    ...data: [dataId: object, values: unknown, shape: number[], dtype: tf.DataType, references: number]
  ) => void;
}
