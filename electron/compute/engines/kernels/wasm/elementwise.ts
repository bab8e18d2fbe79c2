import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { COMPOSED_KERNELS } from '../composed.ts';
import {
  ADD,
  POOL,
  POOL_GRADIENT,
  RELU_GRADIENT,
  type AddAttributes,
  type KernelCall,
  type PoolAttributes,
  type ShortcutAttributes,
  type ShortcutGradientAttributes,
} from '../names.ts';
import { pooledExtent } from '../shapes.ts';
import { elementwiseModule, type Elementwise } from '../simd/elementwise.ts';
import { LOWEST, poolGradientModule, poolModule, poolScratch, type PoolShape } from '../simd/pooling.ts';
import { buffer, compiled, floatsAt, pointerOf } from '../simd/runtime.ts';

type Call<A = undefined> = KernelCall<BackendWasm, A>;

/** See names.ts: RELU_GRADIENT. */
export function reluGradient(call: Call): tf.TensorInfo {
  const { dy, y } = call.inputs as { dy: tf.Tensor; y: tf.Tensor };
  return elementwise(call.backend, 'relu gradient', dy, y) ?? composed(RELU_GRADIENT, call);
}

/** See names.ts: ADD. */
export function add(call: Call<AddAttributes>): tf.TensorInfo {
  const { a, b } = call.inputs as { a: tf.Tensor; b: tf.Tensor };
  return elementwise(call.backend, call.attrs.relu ? 'add and relu' : 'add', a, b) ?? composed(ADD, call);
}

/** null for fewer elements than a vector has. */
function elementwise(backend: BackendWasm, operation: Elementwise, a: tf.Tensor, b: tf.Tensor): tf.TensorInfo | null {
  if (a.size < 4) return null;
  const run = compiled(backend, operation, () => elementwiseModule(operation));
  const z = backend.makeOutput(a.shape, 'float32');
  const pointers = [a, b, z].map((tensor) => pointerOf(backend, tensor));
  const at = (bytes: number): [number, number, number] =>
    pointers.map((pointer) => pointer + bytes) as [number, number, number];
  run(...at(0), Math.floor(a.size / 4));
  // A last vector that ends with the tensors.
  if (a.size % 4 > 0) run(...at((a.size - 4) * 4), 1);
  return z;
}

/** See names.ts: POOL. */
export function pool(call: Call<PoolAttributes>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x } = inputs as { x: tf.Tensor4D };
  const [images, height, width, channels] = x.shape;
  if (channels % 4 !== 0 || images === 0) return composed(POOL, call);
  const shape: PoolShape = { height, width, channels, size: attrs.size };
  const [outHeight, outWidth] = [pooledExtent(height, attrs.size), pooledExtent(width, attrs.size)];
  const y = backend.makeOutput([images, outHeight, outWidth, channels], 'float32');
  const run = compiled(backend, `pool ${JSON.stringify(shape)}`, () => poolModule(shape));
  run(pointerOf(backend, x), pointerOf(backend, y), border(backend, shape), images);
  return y;
}

/** See names.ts: POOL_GRADIENT. */
export function poolGradient(call: Call<PoolAttributes>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x, y, dy } = inputs as { x: tf.Tensor4D; y: tf.Tensor4D; dy: tf.Tensor4D };
  const [images, height, width, channels] = x.shape;
  if (channels % 4 !== 0 || images === 0) return poolGradientByElement(call);
  const shape: PoolShape = { height, width, channels, size: attrs.size };
  const dx = backend.makeOutput(x.shape, 'float32');
  const scratch = border(backend, shape);
  const elements = poolScratch(shape);
  const sums = elements > 0 ? buffer(backend, 'pool sums', elements).pointer : 0;
  const run = compiled(backend, `pool gradient ${JSON.stringify(shape)} ${attrs.masked}`, () =>
    poolGradientModule(shape, attrs.masked),
  );
  const pointers = [x, y, dy, dx].map((tensor) => pointerOf(backend, tensor));
  run(...pointers, scratch, sums, images);
  return dx;
}

/** Memory for an image whose border is filled; 0 where there is none. */
function border(backend: BackendWasm, shape: PoolShape): number {
  const elements = poolScratch(shape);
  if (elements === 0) return 0;
  const key = `pool border ${shape.height} ${shape.width} ${shape.channels}`;
  const { pointer } = buffer(backend, key, elements);
  const memory = floatsAt(backend, pointer, elements);
  if (memory[0] !== Math.fround(LOWEST)) memory.fill(LOWEST);
  return pointer;
}

/** For channels that do not fit vectors. */
function poolGradientByElement(call: Call<PoolAttributes>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x, y, dy } = inputs as { x: tf.Tensor4D; y: tf.Tensor4D; dy: tf.Tensor4D };
  if (attrs.size !== 2) return composed(POOL_GRADIENT, call);
  const [images, height, width, channels] = x.shape;
  const [, outHeight, outWidth] = y.shape;
  const dx = backend.makeOutput(x.shape, 'float32');
  const [input, maxima, from, to] = [x, y, dy, dx].map((tensor) =>
    floatsAt(backend, pointerOf(backend, tensor), tf.util.sizeFromShape(tensor.shape)),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  to.fill(0);
  const below = width * channels;
  let cell = 0;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        let position = ((image * height + 2 * row) * width + 2 * column) * channels;
        for (let channel = 0; channel < channels; channel++, cell++, position++) {
          const maximum = maxima[cell] ?? 0;
          if (attrs.masked && !(maximum > 0)) continue;
          let target = position;
          if (input[target] !== maximum) target = position + channels;
          if (input[target] !== maximum) target = position + below;
          if (input[target] !== maximum) target = position + below + channels;
          to[target] = from[cell] ?? 0;
        }
      }
    }
  }
  return dx;
}

/** See names.ts: SHORTCUT. */
export function shortcut({ inputs, backend, attrs }: Call<ShortcutAttributes>): tf.TensorInfo {
  const { x } = inputs as { x: tf.Tensor4D };
  const { stride, before, after } = attrs;
  const [images, height, width, channels] = x.shape;
  const wide = before + channels + after;
  const y = backend.makeOutput([images, Math.ceil(height / stride), Math.ceil(width / stride), wide], 'float32');
  const [from, to] = [x, y].map((tensor) =>
    floatsAt(backend, pointerOf(backend, tensor), tf.util.sizeFromShape(tensor.shape)),
  ) as [Float32Array, Float32Array];
  to.fill(0);
  eachPixel(x.shape, stride, (source, target) => {
    to.set(from.subarray(source * channels, (source + 1) * channels), target * wide + before);
  });
  return y;
}

/** See names.ts: SHORTCUT_GRADIENT. */
export function shortcutGradient({ inputs, backend, attrs }: Call<ShortcutGradientAttributes>): tf.TensorInfo {
  const { dy } = inputs as { dy: tf.Tensor4D };
  const channels = attrs.inputShape[3];
  const wide = dy.shape[3];
  const dx = backend.makeOutput([...attrs.inputShape], 'float32');
  const [from, to] = [dy, dx].map((tensor) =>
    floatsAt(backend, pointerOf(backend, tensor), tf.util.sizeFromShape(tensor.shape)),
  ) as [Float32Array, Float32Array];
  to.fill(0);
  eachPixel(attrs.inputShape, attrs.stride, (target, source) => {
    const start = source * wide + attrs.before;
    to.set(from.subarray(start, start + channels), target * channels);
  });
  return dx;
}

/** Visits the pixels that a shortcut keeps: their numbers before and after. */
function eachPixel(
  [images, height, width]: readonly [number, number, number, number],
  stride: number,
  visit: (large: number, small: number) => void,
): void {
  let small = 0;
  for (let image = 0; image < images; image++)
    for (let row = 0; row < height; row += stride)
      for (let column = 0; column < width; column += stride) {
        visit((image * height + row) * width + column, small);
        small += 1;
      }
}

/** Shares the data, as other backends do; the engine's own copies them, at every operation that a gradient remembers. */
export function identity({ inputs, backend }: Call): tf.TensorInfo {
  const { x } = inputs as { x: tf.Tensor };
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
}

function composed(kernel: string, call: KernelCall<BackendWasm, unknown>): tf.TensorInfo {
  const run = COMPOSED_KERNELS[kernel] as ((call: KernelCall<BackendWasm, unknown>) => tf.TensorInfo) | undefined;
  if (!run) throw new Error(`There is no composed kernel ${kernel}.`);
  return run(call);
}
