import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { KernelCall } from '../names.ts';
import { bytesAt, pointerOf } from '../simd/runtime.ts';

type Call<A> = KernelCall<BackendWasm, A>;

let original: { readonly slice: tf.KernelFunc; readonly split: tf.KernelFunc } | null = null;

/** To be called when the backend's own kernels are registered, and before these. */
export function keepBackendSlices(): void {
  const [slice, split] = [tf.getKernel(tf.Slice, 'wasm'), tf.getKernel(tf.SplitV, 'wasm')];
  original ??= { slice: slice.kernelFunc, split: split.kernelFunc };
}

/**
 * Slice: where its elements lie in one piece they are copied alone. The backend copies the whole tensor first, which
 * takes most of the time of a step where the gradient of all weights is cut into those of each.
 */
export function slice(call: Call<tf.SliceAttrs>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x } = inputs as { x: tf.Tensor };
  const [begin, size] = tf.slice_util.parseSliceParams(x, attrs.begin, attrs.size) as [number[], number[]];
  if (x.dtype === 'string' || x.dtype === 'complex64' || !tf.slice_util.isSliceContinous(x.shape, begin, size)) {
    return originals().slice(parametersOf(call)) as tf.TensorInfo;
  }
  const strides = tf.util.computeStrides(x.shape);
  return piece(backend, x, tf.slice_util.computeFlatOffset(begin, strides), size);
}

/** SplitV, likewise. */
export function split(call: Call<tf.SplitVAttrs>): tf.TensorInfo[] {
  const { inputs, backend, attrs } = call;
  const { x } = inputs as { x: tf.Tensor };
  const axis = tf.util.parseAxisParam(attrs.axis, x.shape)[0] ?? 0;
  if (x.dtype === 'string' || x.dtype === 'complex64' || x.shape.slice(0, axis).some((extent) => extent !== 1)) {
    return originals().split(parametersOf(call)) as tf.TensorInfo[];
  }
  let offset = 0;
  return tf.backend_util.prepareSplitSize(x, attrs.numOrSizeSplits, axis).map((extent) => {
    const shape = x.shape.map((all, index) => (index === axis ? extent : all));
    const part = piece(backend, x, offset, shape);
    offset += tf.util.sizeFromShape(shape);
    return part;
  });
}

function piece(backend: BackendWasm, x: tf.Tensor, offset: number, shape: number[]): tf.TensorInfo {
  const out = backend.makeOutput(shape, x.dtype);
  const width = x.dtype === 'bool' ? 1 : 4;
  const bytes = tf.util.sizeFromShape(shape) * width;
  if (bytes > 0) {
    bytesAt(backend, pointerOf(backend, out), bytes).set(
      bytesAt(backend, pointerOf(backend, x) + offset * width, bytes),
    );
  }
  return out;
}

function originals(): { readonly slice: tf.KernelFunc; readonly split: tf.KernelFunc } {
  if (!original) throw new Error("The backend's own kernels were not kept.");
  return original;
}

function parametersOf({ inputs, backend, attrs }: Call<object>): Parameters<tf.KernelFunc>[0] {
  return { inputs, backend, attrs: attrs as tf.NamedAttrMap };
}
