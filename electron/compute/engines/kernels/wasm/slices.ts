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
 * Slice: the elements are copied alone, as many at once as lie side by side. The backend copies the whole tensor first,
 * which takes most of the time of a step where the gradient of all weights is cut into those of each, and where images are
 * seen through the taps of a window.
 */
export function slice(call: Call<tf.SliceAttrs>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x } = inputs as { x: tf.Tensor };
  const [begin, size] = tf.slice_util.parseSliceParams(x, attrs.begin, attrs.size) as [number[], number[]];
  if (x.dtype === 'string' || x.dtype === 'complex64') {
    return originals().slice(parametersOf(call)) as tf.TensorInfo;
  }
  if (!tf.slice_util.isSliceContinous(x.shape, begin, size)) return pieces(backend, x, begin, size);
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

/** A slice in pieces: each goes over the last axes, of which all but the first are taken whole. */
function pieces(backend: BackendWasm, x: tf.Tensor, begin: readonly number[], size: number[]): tf.TensorInfo {
  const out = backend.makeOutput(size, x.dtype);
  const width = x.dtype === 'bool' ? 1 : 4;
  let first = size.length - 1;
  while (first > 0 && size[first] === x.shape[first]) first -= 1;
  const strides = size.map((_, axis) => width * tf.util.sizeFromShape(x.shape.slice(axis + 1)));
  const run = width * tf.util.sizeFromShape(size.slice(first));
  const outer = size.slice(0, first);
  const at = outer.map(() => 0);
  let from = pointerOf(backend, x) + begin.reduce((sum, start, axis) => sum + start * (strides[axis] ?? 0), 0);
  let to = pointerOf(backend, out);
  const memory = bytesAt(backend, 0, Infinity);
  for (let left = tf.util.sizeFromShape(size) === 0 ? 0 : tf.util.sizeFromShape(outer); left > 0; left -= 1) {
    memory.copyWithin(to, from, from + run);
    to += run;
    for (let axis = first - 1; axis >= 0; axis -= 1) {
      const [index, stride] = [(at[axis] ?? 0) + 1, strides[axis] ?? 0];
      from += stride;
      if (index < (outer[axis] ?? 0)) {
        at[axis] = index;
        break;
      }
      at[axis] = 0;
      from -= index * stride;
    }
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
