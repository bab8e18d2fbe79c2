import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { COMPOSED_KERNELS } from './composed.ts';
import {
  COLUMN_SUMS,
  CONV,
  CONV_FILTER_GRADIENT,
  CONV_INPUT_GRADIENT,
  DENSE,
  MATRIX_PRODUCT,
  POOL_GRADIENT,
  RELU_GRADIENT,
  type ConvAttributes,
  type ConvFilterGradientAttributes,
  type ConvInputGradientAttributes,
  type DenseAttributes,
  type KernelCall,
  type MatrixProductAttributes,
  type PoolAttributes,
} from './names.ts';
import type { KernelTable } from './register.ts';
import { backwardPadding, forwardPadding } from './shapes.ts';
import {
  convolutionKernel,
  filterGradientKernel,
  narrowKernel,
  type ConvKernel,
  type ConvShape,
} from './simd/convolution.ts';
import { poolGradientModule, reluGradientModule } from './simd/elementwise.ts';
import { packedSize, packFilter, unpackFilter, type FilterPacking } from './simd/packing.ts';
import { buffer, compiled, floatsAt, pointerOf, SUPPORT } from './simd/runtime.ts';

type Call<A = undefined> = KernelCall<BackendWasm, A>;
type Shape4 = readonly [number, number, number, number];

/**
 * Layer kernels of the wasm engine: functions made for the layer's shape where its channels fit vectors, else
 * XNNPACK's or composed ones.
 */
export const WASM_KERNELS: KernelTable = {
  [CONV]: convolution,
  [CONV_INPUT_GRADIENT]: convolutionInputGradient,
  [CONV_FILTER_GRADIENT]: convolutionFilterGradient,
  [DENSE]: dense,
  [MATRIX_PRODUCT]: matrixProduct,
  [RELU_GRADIENT]: reluGradient,
  [POOL_GRADIENT]: poolGradient,
  [COLUMN_SUMS]: columnSums,
  [tf.Identity]: identity,
};

function convolution(call: Call<ConvAttributes>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias?: tf.Tensor1D };
  if (attrs.stride !== 1 || !bias) return composed(CONV, call);
  const shape = convShape(
    x.shape,
    filter.shape,
    filter.shape[3],
    attrs.pad === 'same' ? forwardPadding(filter.shape, 'same') : NONE,
  );
  const packing = { filterShape: filter.shape, flipped: false } as const;
  const made = runConvolution(backend, shape, x, { filter, packing, bias, relu: attrs.relu });
  if (made) return made;
  return tf.engine().runKernel<tf.Tensor4D>(
    'FusedConv2D',
    { x, filter, bias },
    {
      strides: [1, 1],
      pad: attrs.pad,
      dataFormat: 'NHWC',
      dilations: [1, 1],
      activation: attrs.relu ? 'relu' : 'linear',
    },
  );
}

function convolutionInputGradient(call: Call<ConvInputGradientAttributes>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
  if (attrs.stride !== 1) return composed(CONV_INPUT_GRADIENT, call);
  const shape = convShape(dy.shape, filter.shape, filter.shape[2], backwardPadding(filter.shape, attrs.pad));
  const packing = { filterShape: filter.shape, flipped: true } as const;
  return (
    runConvolution(backend, shape, dy, { filter, packing, bias: null, relu: false }) ??
    composed(CONV_INPUT_GRADIENT, call)
  );
}

const NONE = { top: 0, bottom: 0, left: 0, right: 0 };

interface ConvOperands {
  readonly filter: tf.Tensor4D;
  readonly packing: Omit<FilterPacking, 'layout' | 'block'>;
  readonly bias: tf.Tensor1D | null;
  readonly relu: boolean;
}

/** The convolution by a function made for its shape; null if there is none. */
function runConvolution(
  backend: BackendWasm,
  shape: ConvShape,
  x: tf.Tensor4D,
  operands: ConvOperands,
): tf.TensorInfo | null {
  const { filter, packing, bias, relu } = operands;
  const narrow = shape.outputs < 4 && bias === null;
  const key = `${narrow ? 'narrow' : 'conv'} ${JSON.stringify(shape)} ${relu} ${packing.flipped}`;
  const kernel = kernelOf(backend, key, () =>
    narrow ? narrowKernel(shape, SUPPORT.fusedMultiplyAdd) : convolutionKernel(shape, relu, SUPPORT.fusedMultiplyAdd),
  );
  if (!kernel) return null;
  const images = x.shape[0];
  const { top, bottom, left, right } = shape.padding;
  const height = shape.height + top + bottom - shape.kernelHeight + 1;
  const width = shape.width + left + right - shape.kernelWidth + 1;
  const y = backend.makeOutput([images, height, width, shape.outputs], 'float32');
  if (images === 0) return y;
  const layout: FilterPacking = { ...packing, layout: narrow ? 'narrow' : 'blocks', block: kernel.block };
  const weights = packedWeights(backend, kernel, layout, filter);
  const biases = buffer(backend, `${key} bias`, Math.ceil(shape.outputs / kernel.block) * kernel.block);
  if (bias) floatsAt(backend, biases.pointer, bias.size).set(floatsAt(backend, pointerOf(backend, bias), bias.size));
  kernel.run(pointerOf(backend, x), weights, biases.pointer, pointerOf(backend, y), kernel.scratch, images);
  return y;
}

/** Where the packed filter lies. An attack's filter stays the same for many steps, and is packed once. */
function packedWeights(backend: BackendWasm, kernel: ReadyKernel, layout: FilterPacking, filter: tf.Tensor4D): number {
  const { pointer } = buffer(backend, `${kernel.key} weights`, packedSize(layout));
  if (kernel.packed !== filter.dataId) {
    const packed = packFilter(layout, floatsAt(backend, pointerOf(backend, filter), filter.size));
    floatsAt(backend, pointer, packed.length).set(packed);
    kernel.packed = filter.dataId;
  }
  return pointer;
}

function convolutionFilterGradient(call: Call<ConvFilterGradientAttributes>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
  if (attrs.stride !== 1) return composed(CONV_FILTER_GRADIENT, call);
  const shape = convShape(
    x.shape,
    attrs.filterShape,
    attrs.filterShape[3],
    forwardPadding(attrs.filterShape, attrs.pad),
  );
  const key = `filter ${JSON.stringify(shape)}`;
  const kernel = kernelOf(backend, key, () => filterGradientKernel(shape, SUPPORT.fusedMultiplyAdd));
  if (!kernel || x.shape[0] === 0) return composed(CONV_FILTER_GRADIENT, call);
  const dw = backend.makeOutput([...attrs.filterShape], 'float32');
  const size = tf.util.sizeFromShape([...attrs.filterShape]);
  const sums = buffer(backend, `${key} sums`, size);
  floatsAt(backend, sums.pointer, size).fill(0);
  kernel.run(pointerOf(backend, x), pointerOf(backend, dy), 0, sums.pointer, kernel.scratch, x.shape[0]);
  unpackFilter(
    attrs.filterShape,
    kernel.block,
    floatsAt(backend, sums.pointer, size),
    floatsAt(backend, pointerOf(backend, dw), size),
  );
  return dw;
}

function convShape(images: Shape4, filter: Shape4, outputs: number, padding: ConvShape['padding']): ConvShape {
  const [, height, width, channels] = images;
  return { height, width, channels, kernelHeight: filter[0], kernelWidth: filter[1], outputs, padding };
}

interface ReadyKernel {
  readonly key: string;
  /** The data of the filter that is packed now. */
  packed: object | null;
  readonly run: (...parameters: number[]) => void;
  readonly scratch: number;
  readonly block: number;
}

const kernels = new Map<string, ReadyKernel | null>();

function kernelOf(backend: BackendWasm, key: string, build: () => ConvKernel | null): ReadyKernel | null {
  const known = kernels.get(key);
  if (known !== undefined) return known;
  const kernel = build();
  const run = kernel && compiled(backend, key, () => kernel.module);
  const ready = kernel &&
    run && {
      key,
      packed: null,
      run,
      scratch: buffer(backend, `${key} image`, kernel.scratch).pointer,
      block: kernel.block,
    };
  kernels.set(key, ready);
  return ready;
}

function dense({ inputs, attrs }: Call<DenseAttributes>): tf.TensorInfo {
  const { x, weights, bias } = inputs as { x: tf.Tensor2D; weights: tf.Tensor2D; bias: tf.Tensor1D };
  return tf.fused.matMul({ a: x, b: weights, bias, activation: attrs.relu ? 'relu' : 'linear' });
}

/** The engine's own product is a plain loop where a matrix is transposed, XNNPACK's where none is. */
function matrixProduct({ inputs, attrs }: Call<MatrixProductAttributes>): tf.TensorInfo {
  const { a, b } = inputs as { a: tf.Tensor2D; b: tf.Tensor2D };
  return tf.tidy(() => tf.matMul(attrs.transposeA ? tf.transpose(a) : a, attrs.transposeB ? tf.transpose(b) : b));
}

function reluGradient(call: Call): tf.TensorInfo {
  const { inputs, backend } = call;
  const { dy, y } = inputs as { dy: tf.Tensor; y: tf.Tensor };
  const run = compiled(backend, 'relu gradient', reluGradientModule);
  if (!run) return composed(RELU_GRADIENT, call);
  const dx = backend.makeOutput(dy.shape, 'float32');
  const [from, active, to] = [dy, y, dx].map((tensor) => pointerOf(backend, tensor)) as [number, number, number];
  const vectors = Math.floor(dy.size / 4);
  if (vectors > 0) run(from, active, to, vectors);
  for (let index = vectors * 4; index < dy.size; index++) {
    const [value = 0] = floatsAt(backend, from + index * 4, 1);
    const [output = 0] = floatsAt(backend, active + index * 4, 1);
    floatsAt(backend, to + index * 4, 1)[0] = output > 0 ? value : 0;
  }
  return dx;
}

function poolGradient(call: Call<PoolAttributes>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x, y, dy } = inputs as { x: tf.Tensor4D; y: tf.Tensor4D; dy: tf.Tensor4D };
  if (attrs.size !== 2) return composed(POOL_GRADIENT, call);
  const [images, height, width, channels] = x.shape;
  const fits = height % 2 === 0 && width % 2 === 0 && channels % 4 === 0;
  const build = (): Uint8Array<ArrayBuffer> | null =>
    fits ? poolGradientModule(height, width, channels, attrs.masked) : null;
  const run = compiled(backend, `pool ${x.shape.slice(1).join()} ${attrs.masked}`, build);
  if (!run || images === 0) return poolGradientByElement(call);
  const dx = backend.makeOutput(x.shape, 'float32');
  run(...([x, y, dy, dx].map((tensor) => pointerOf(backend, tensor)) as [number, number, number, number]), images);
  return dx;
}

function poolGradientByElement({ inputs, backend, attrs }: Call<PoolAttributes>): tf.TensorInfo {
  const { x, y, dy } = inputs as { x: tf.Tensor4D; y: tf.Tensor4D; dy: tf.Tensor4D };
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

/** Shares the data, as other backends do; the engine's own copies them, at every operation that a gradient remembers. */
function identity({ inputs, backend }: Call): tf.TensorInfo {
  const { x } = inputs as { x: tf.Tensor };
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
}

/** Summed in float64. */
function columnSums({ inputs, backend }: Call): tf.TensorInfo {
  const { x } = inputs as { x: tf.Tensor };
  const columns = x.shape.at(-1) ?? 1;
  const sums = new Float64Array(columns);
  const from = floatsAt(backend, pointerOf(backend, x), x.size);
  for (let start = 0; start < from.length; start += columns) {
    for (let column = 0; column < columns; column++) sums[column] = (sums[column] ?? 0) + (from[start + column] ?? 0);
  }
  return backend.makeOutput([columns], 'float32', undefined, Float32Array.from(sums));
}

function composed(kernel: string, call: KernelCall<BackendWasm, unknown>): tf.TensorInfo {
  const run = COMPOSED_KERNELS[kernel] as ((call: KernelCall<BackendWasm, unknown>) => tf.TensorInfo) | undefined;
  if (!run) throw new Error(`There is no composed kernel ${kernel}.`);
  return run(call);
}
