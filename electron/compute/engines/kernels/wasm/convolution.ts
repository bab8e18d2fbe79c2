import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type {
  ConvAttributes,
  ConvFilterGradientAttributes,
  ConvInputGradientAttributes,
  DenseAttributes,
  KernelCall,
  MatrixProductAttributes,
} from '../names.ts';
import { backwardPadding, convExtent, forwardPadding, type ConvPadding } from '../shapes.ts';
import { convolutionKernel } from '../simd/convolution.ts';
import { filterGradientKernel } from '../simd/filter-gradient.ts';
import type { ConvKernel, ConvShape } from '../simd/geometry.ts';
import { narrowKernel } from '../simd/narrow.ts';
import { buffer, compiled, floatsAt, pointerOf, SUPPORT, zeros, type Run } from '../simd/runtime.ts';
import { packedFilter } from './packs.ts';

type Call<A = undefined> = KernelCall<BackendWasm, A>;
type Shape4 = readonly [number, number, number, number];

const NO_PADDING: ConvPadding = { top: 0, bottom: 0, left: 0, right: 0 };
/** Images with fewer positions than this go through a 1×1 convolution together. */
const FEW_POSITIONS = 24;

/** See names.ts: CONV. */
export function convolution({ inputs, backend, attrs }: Call<ConvAttributes>): tf.TensorInfo {
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias?: tf.Tensor1D };
  const [n, height, width] = x.shape;
  const [kernelHeight, kernelWidth, , outputs] = filter.shape;
  const outHeight = convExtent(height, kernelHeight, attrs.stride, attrs.pad);
  const outWidth = convExtent(width, kernelWidth, attrs.stride, attrs.pad);
  const y = backend.makeOutput([n, outHeight, outWidth, outputs], 'float32');
  const { images, shape } = flattened(
    n,
    contiguous(x.shape, filter.shape, outputs, {
      padding: forwardPadding(filter.shape, attrs.pad),
      stride: attrs.stride,
      outHeight,
      outWidth,
    }),
  );
  runConvolution(backend, shape, images, {
    x: pointerOf(backend, x),
    y: pointerOf(backend, y),
    filter,
    rows: upTo(kernelHeight),
    columns: upTo(kernelWidth),
    exchanged: false,
    bias: bias ?? null,
    relu: attrs.relu,
  });
  return y;
}

/**
 * See names.ts: CONV_INPUT_GRADIENT. dx = dy ∗ filter, turned by 180° and its channels exchanged. With stride 2, every
 * second row and column of dx is a convolution of its own, with those taps of the filter that reach it.
 */
export function convolutionInputGradient({ inputs, backend, attrs }: Call<ConvInputGradientAttributes>): tf.TensorInfo {
  const { dy, filter } = inputs as { dy: tf.Tensor4D; filter: tf.Tensor4D };
  const [n, height, width, channels] = attrs.inputShape;
  const [kernelHeight, kernelWidth] = filter.shape;
  const dx = backend.makeOutput([n, height, width, channels], 'float32');
  const operands = { x: pointerOf(backend, dy), filter, exchanged: true, bias: null, relu: false } as const;
  if (attrs.stride === 1) {
    const { images, shape } = flattened(
      n,
      contiguous(dy.shape, filter.shape, channels, {
        padding: backwardPadding(filter.shape, attrs.pad),
        stride: 1,
        outHeight: height,
        outWidth: width,
      }),
    );
    const [rows, columns] = [upTo(kernelHeight).toReversed(), upTo(kernelWidth).toReversed()];
    runConvolution(backend, shape, images, { ...operands, y: pointerOf(backend, dx), rows, columns });
    return dx;
  }
  const { top, left } = forwardPadding(filter.shape, attrs.pad);
  const [, dyHeight, dyWidth, outputs] = dy.shape;
  if (kernelHeight < attrs.stride || kernelWidth < attrs.stride) {
    floatsAt(backend, pointerOf(backend, dx), tf.util.sizeFromShape(dx.shape)).fill(0);
  }
  for (const rowTurn of turns(height, kernelHeight, dyHeight, top, attrs.stride)) {
    for (const columnTurn of turns(width, kernelWidth, dyWidth, left, attrs.stride)) {
      const shape: ConvShape = {
        height: dyHeight,
        width: dyWidth,
        channels: outputs,
        kernelHeight: rowTurn.taps.length,
        kernelWidth: columnTurn.taps.length,
        outputs: channels,
        padding: { top: rowTurn.before, bottom: rowTurn.after, left: columnTurn.before, right: columnTurn.after },
        stride: 1,
        outHeight: rowTurn.extent,
        outWidth: columnTurn.extent,
        outImage: height * width * channels,
        outRow: attrs.stride * width * channels,
        outColumn: attrs.stride * channels,
      };
      const y = pointerOf(backend, dx) + (rowTurn.first * width + columnTurn.first) * channels * 4;
      runConvolution(backend, shape, n, { ...operands, y, rows: rowTurn.taps, columns: columnTurn.taps });
    }
  }
  return dx;
}

interface Turn {
  /** First row of dx, and how many, a stride apart. */
  readonly first: number;
  readonly extent: number;
  /** Rows of the filter that reach them, last one first. */
  readonly taps: readonly number[];
  /** Zeros before and after dy. */
  readonly before: number;
  readonly after: number;
}

/** Row i of dx is the sum over taps k of dy's row (i + padding − k) / stride, where that is whole. */
function turns(extent: number, kernel: number, dyExtent: number, padding: number, stride: number): readonly Turn[] {
  return upTo(Math.min(stride, extent)).flatMap((first) => {
    const rest = (first + padding) % stride;
    const taps = upTo(kernel).filter((tap) => tap % stride === rest);
    if (taps.length === 0) return [];
    const rows = Math.ceil((extent - first) / stride);
    const start = (first + padding - rest) / stride;
    const before = taps.length - 1 - start;
    return [{ first, extent: rows, taps: taps.toReversed(), before, after: Math.max(0, start + rows - dyExtent) }];
  });
}

/** See names.ts: CONV_FILTER_GRADIENT. */
export function convolutionFilterGradient(call: Call<ConvFilterGradientAttributes>): tf.TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x, dy } = inputs as { x: tf.Tensor4D; dy: tf.Tensor4D };
  const { filterShape } = attrs;
  const dw = backend.makeOutput([...filterShape], 'float32');
  const shape = contiguous(x.shape, filterShape, filterShape[3], {
    padding: forwardPadding(filterShape, attrs.pad),
    stride: attrs.stride,
    outHeight: dy.shape[1],
    outWidth: dy.shape[2],
  });
  runFilterGradient(backend, oneLine(shape), x.shape[0], x, dy, dw);
  return dw;
}

/** See names.ts: DENSE: a 1×1 convolution of one image with a row of as many positions as there are examples. */
export function dense({ inputs, backend, attrs }: Call<DenseAttributes>): tf.TensorInfo {
  const { x, weights, bias } = inputs as { x: tf.Tensor2D; weights: tf.Tensor2D; bias: tf.Tensor1D };
  return matrixProductOf(backend, x, weights, { exchanged: false, bias, relu: attrs.relu });
}

/** See names.ts: MATRIX_PRODUCT. */
export function matrixProduct({ inputs, backend, attrs }: Call<MatrixProductAttributes>): tf.TensorInfo {
  const { a, b } = inputs as { a: tf.Tensor2D; b: tf.Tensor2D };
  if (!attrs.transposeA) {
    return matrixProductOf(backend, a, b, { exchanged: attrs.transposeB, bias: null, relu: false });
  }
  if (attrs.transposeB) {
    return tf.tidy(() => tf.matMul(a, b, true, true));
  }
  const [rows, inner] = a.shape;
  const outputs = b.shape[1];
  const c = backend.makeOutput([inner, outputs], 'float32');
  runFilterGradient(backend, matrixShape(rows, inner, outputs), 1, a, b, c);
  return c;
}

function matrixProductOf(
  backend: BackendWasm,
  x: tf.Tensor2D,
  weights: tf.Tensor2D,
  options: Pick<ConvOperands, 'exchanged' | 'bias' | 'relu'>,
): tf.TensorInfo {
  const [rows, inner] = x.shape;
  const outputs = weights.shape[options.exchanged ? 0 : 1];
  const y = backend.makeOutput([rows, outputs], 'float32');
  runConvolution(backend, matrixShape(rows, inner, outputs), rows === 0 ? 0 : 1, {
    x: pointerOf(backend, x),
    y: pointerOf(backend, y),
    filter: weights,
    rows: [0],
    columns: [0],
    ...options,
  });
  return y;
}

function matrixShape(rows: number, inner: number, outputs: number): ConvShape {
  return contiguous([1, 1, rows, inner], [1, 1], outputs, {
    padding: NO_PADDING,
    stride: 1,
    outHeight: 1,
    outWidth: rows,
  });
}

/** A convolution whose output lies without gaps. */
function contiguous(
  [, height, width, channels]: Shape4,
  [kernelHeight = 1, kernelWidth = 1]: readonly number[],
  outputs: number,
  rest: Pick<ConvShape, 'padding' | 'stride' | 'outHeight' | 'outWidth'>,
): ConvShape {
  const [outColumn, outRow] = [outputs, rest.outWidth * outputs];
  const outImage = rest.outHeight * outRow;
  return { ...rest, height, width, channels, kernelHeight, kernelWidth, outputs, outImage, outRow, outColumn };
}

function isMatrixProduct({ kernelHeight, kernelWidth, stride, padding }: ConvShape): boolean {
  const { top, bottom, left, right } = padding;
  return kernelHeight === 1 && kernelWidth === 1 && stride === 1 && top + bottom + left + right === 0;
}

/** A 1×1 convolution takes all positions of an image as one row. */
function oneLine(shape: ConvShape): ConvShape {
  if (!isMatrixProduct(shape)) return shape;
  return contiguous([1, 1, shape.height * shape.width, shape.channels], [1, 1], shape.outputs, {
    ...shape,
    outHeight: 1,
    outWidth: shape.outHeight * shape.outWidth,
  });
}

/** The same, and all positions of small images. */
function flattened(images: number, shape: ConvShape): { readonly images: number; readonly shape: ConvShape } {
  const line = oneLine(shape);
  if (!isMatrixProduct(shape) || line.width >= FEW_POSITIONS || images === 0) return { images, shape: line };
  return { images: 1, shape: matrixShape(images * line.width, line.channels, line.outputs) };
}

interface ConvOperands {
  /** Pointers. */
  readonly x: number;
  readonly y: number;
  readonly filter: tf.Tensor;
  /** Taps of the filter, see packing.ts. */
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly exchanged: boolean;
  readonly bias: tf.Tensor1D | null;
  readonly relu: boolean;
}

function runConvolution(backend: BackendWasm, shape: ConvShape, images: number, operands: ConvOperands): void {
  if (images === 0) return;
  const { x, y, filter, rows, columns, exchanged, bias, relu } = operands;
  const { key, run, kernel } = kernelFor(backend, shape, relu, bias !== null);
  const [kernelHeight = 1, kernelWidth = 1, inputs = 1, outputs = 1] =
    filter.rank === 2 ? [1, 1, ...filter.shape] : filter.shape;
  const layout = kernel.narrow ? 'narrow' : 'blocks';
  const filterShape = [kernelHeight, kernelWidth, inputs, outputs] as const;
  const weights = packedFilter(backend, filter, { filterShape, rows, columns, exchanged, layout, block: kernel.block });
  const padded = Math.ceil(shape.outputs / kernel.block) * kernel.block;
  let biases = zeros(backend, padded);
  if (bias && bias.size === padded) biases = pointerOf(backend, bias);
  else if (bias) {
    biases = buffer(backend, 'bias', padded).pointer;
    floatsAt(backend, biases, bias.size).set(floatsAt(backend, pointerOf(backend, bias), bias.size));
  }
  const scratch = kernel.scratch > 0 ? buffer(backend, `${key} image`, kernel.scratch).pointer : 0;
  run(x, weights, biases, y, scratch, images);
}

interface Ready {
  readonly key: string;
  readonly run: Run;
  readonly kernel: ConvKernel & { readonly narrow: boolean };
}

const ready = new Map<string, Ready>();

function kernelFor(backend: BackendWasm, shape: ConvShape, relu: boolean, biased: boolean): Ready {
  const key = `conv ${JSON.stringify(shape)} ${relu} ${biased}`;
  const known = ready.get(key);
  if (known) return known;
  const narrow = shape.outputs < 4 && !biased && !relu ? narrowKernel(shape, SUPPORT.fusedMultiplyAdd) : null;
  const kernel = narrow
    ? { ...narrow, narrow: true }
    : { ...convolutionKernel(shape, relu, SUPPORT.fusedMultiplyAdd), narrow: false };
  const made: Ready = { key, run: compiled(backend, key, () => kernel.module), kernel };
  ready.set(key, made);
  return made;
}

function runFilterGradient(
  backend: BackendWasm,
  shape: ConvShape,
  images: number,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  dw: tf.TensorInfo,
): void {
  const to = pointerOf(backend, dw);
  floatsAt(backend, to, tf.util.sizeFromShape(dw.shape)).fill(0);
  if (images === 0 || shape.outWidth === 0) return;
  const key = `filter ${JSON.stringify(shape)}`;
  let scratch = scratches.get(key);
  const run = compiled(backend, key, () => {
    const kernel = filterGradientKernel(shape, SUPPORT.fusedMultiplyAdd);
    scratch = kernel.scratch > 0 ? buffer(backend, `${key} images`, kernel.scratch).pointer : 0;
    scratches.set(key, scratch);
    return kernel.module;
  });
  run(pointerOf(backend, x), pointerOf(backend, dy), to, scratch ?? 0, images);
}

const scratches = new Map<string, number>();

function upTo(end: number): number[] {
  return Array.from({ length: end }, (_, index) => index);
}
