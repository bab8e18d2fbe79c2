import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as tf from '@tensorflow/tfjs-core';
import { COMPOSED_KERNELS } from '../composed.ts';
import {
  BATCH_NORM,
  BATCH_NORM_GRADIENT,
  GLOBAL_AVERAGE,
  GLOBAL_AVERAGE_GRADIENT,
  type BatchNormAttributes,
  type BatchNormGradientAttributes,
  type GlobalAverageGradientAttributes,
  type KernelCall,
} from '../names.ts';
import { normaliseGradientModule, normaliseModule, repeatRowsModule } from '../simd/elementwise.ts';
import { buffer, compiled, floatsAt, pointerOf, SUPPORT } from '../simd/runtime.ts';
import { columnSumsModule, type Summand } from '../simd/sums.ts';

type Call<A = undefined> = KernelCall<BackendWasm, A>;
const FUSED = SUPPORT.fusedMultiplyAdd;

interface SumOperands {
  readonly channels: number;
  readonly rows: number;
  /** Pointers; y and mean where the summand has them. */
  readonly x: number;
  readonly y?: number;
  readonly mean?: number;
  readonly sums: number;
  readonly images?: number;
  readonly factor?: number;
}

function sumColumns(backend: BackendWasm, summand: Summand, operands: SumOperands): void {
  const { channels, rows, x, y = 0, mean = 0, sums, images = 1, factor = 1 } = operands;
  const key = `sums ${summand} ${channels} ${factor}`;
  compiled(backend, key, () => columnSumsModule(channels, summand, factor, FUSED))(x, y, mean, sums, rows, images);
}

/** See names.ts: COLUMN_SUMS. */
export function columnSums({ inputs, backend }: Call): tf.TensorInfo {
  const { x } = inputs as { x: tf.Tensor };
  const channels = x.shape.at(-1) ?? 1;
  const sums = backend.makeOutput([channels], 'float32');
  const to = pointerOf(backend, sums);
  if (channels % 4 === 0 && x.size > 0) {
    sumColumns(backend, 'values', { channels, rows: x.size / channels, x: pointerOf(backend, x), sums: to });
    return sums;
  }
  const totals = new Float64Array(channels);
  const from = floatsAt(backend, pointerOf(backend, x), x.size);
  for (let start = 0; start < from.length; start += channels) {
    for (let column = 0; column < channels; column++)
      totals[column] = (totals[column] ?? 0) + (from[start + column] ?? 0);
  }
  floatsAt(backend, to, channels).set(totals);
  return sums;
}

/** See names.ts: BATCH_NORM: two passes for the statistics, one for the result. */
export function batchNorm(call: Call<BatchNormAttributes>): tf.TensorInfo | tf.TensorInfo[] {
  const { inputs, backend, attrs } = call;
  const { x, gamma, beta } = inputs as { x: tf.Tensor4D; gamma: tf.Tensor1D; beta: tf.Tensor1D };
  const channels = gamma.size;
  if (channels % 4 !== 0 || x.size === 0) return composed(BATCH_NORM, call);
  const rows = x.size / channels;
  const [y, mean, variance] = [x.shape, [channels], [channels]].map((shape) =>
    backend.makeOutput(shape, 'float32'),
  ) as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo];
  const scale = buffer(backend, 'batch norm scale', channels).pointer;
  const [px, py, pMean, pVariance] = [x, y, mean, variance].map((tensor) => pointerOf(backend, tensor)) as [
    number,
    number,
    number,
    number,
  ];
  const statistics = { channels, rows, x: px, mean: pMean };
  sumColumns(backend, 'values', { ...statistics, sums: pMean });
  divide(floatsAt(backend, pMean, channels), rows);
  sumColumns(backend, 'squares', { ...statistics, sums: pVariance });
  divide(floatsAt(backend, pVariance, channels), rows);
  const scales = floatsAt(backend, scale, channels);
  const [variances, gammas] = [pVariance, pointerOf(backend, gamma)].map((at) => floatsAt(backend, at, channels)) as [
    Float32Array,
    Float32Array,
  ];
  scales.forEach((_, c) => (scales[c] = (gammas[c] ?? 0) / Math.sqrt((variances[c] ?? 0) + attrs.epsilon)));
  const key = `normalise ${channels} ${attrs.relu}`;
  const run = compiled(backend, key, () => normaliseModule(channels, attrs.relu, FUSED));
  run(px, pMean, scale, pointerOf(backend, beta), py, rows);
  return [y, mean, variance];
}

function divide(values: Float32Array, divisor: number): void {
  values.forEach((value, index) => (values[index] = value / divisor));
}

/**
 * See names.ts: BATCH_NORM_GRADIENT. With sums over the N rows, dx = γ/σ · (dy − Σdy/N − (x − μ)/σ² · Σdy(x − μ)/N): one
 * pass for the sums, one for dx.
 */
export function batchNormGradient(call: Call<BatchNormGradientAttributes>): tf.TensorInfo | tf.TensorInfo[] {
  const { inputs, backend, attrs } = call;
  const { dy, x, gamma, mean, variance } = inputs as Record<'dy' | 'x' | 'gamma' | 'mean' | 'variance', tf.Tensor>;
  const channels = gamma.size;
  if (channels % 4 !== 0 || x.size === 0) return composed(BATCH_NORM_GRADIENT, call);
  const rows = x.size / channels;
  const [dx, dGamma, dBeta] = [x.shape, [channels], [channels]].map((shape) =>
    backend.makeOutput(shape, 'float32'),
  ) as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo];
  const work = buffer(backend, 'batch norm gradient', channels * 5).pointer;
  const [sums, slope, offset, scale] = [0, 2, 3, 4].map((part) => work + part * channels * 4) as [
    number,
    number,
    number,
    number,
  ];
  const [pDy, px, pMean] = [dy, x, mean].map((tensor) => pointerOf(backend, tensor)) as [number, number, number];
  sumColumns(backend, 'products', { channels, rows, x: px, y: pDy, mean: pMean, sums });
  const at = (pointer: number): Float32Array => floatsAt(backend, pointer, channels);
  const [plain, products] = [at(sums), at(sums + channels * 4)];
  const [gammas, variances] = [at(pointerOf(backend, gamma)), at(pointerOf(backend, variance))];
  const [toGamma, toBeta] = [at(pointerOf(backend, dGamma)), at(pointerOf(backend, dBeta))];
  const [slopes, offsets, scales] = [at(slope), at(offset), at(scale)];
  for (let c = 0; c < channels; c++) {
    const inverse = 1 / Math.sqrt((variances[c] ?? 0) + attrs.epsilon);
    const [sum = 0, product = 0] = [plain[c], products[c]];
    toGamma[c] = product * inverse;
    toBeta[c] = sum;
    slopes[c] = (-product / rows) * inverse * inverse;
    offsets[c] = -sum / rows;
    scales[c] = (gammas[c] ?? 0) * inverse;
  }
  const run = compiled(backend, `normalise gradient ${channels}`, () => normaliseGradientModule(channels, FUSED));
  run(pDy, px, pMean, slope, offset, scale, pointerOf(backend, dx), rows);
  return [dx, dGamma, dBeta];
}

/** See names.ts: GLOBAL_AVERAGE. */
export function globalAverage(call: Call): tf.TensorInfo | tf.TensorInfo[] {
  const { inputs, backend } = call;
  const { x } = inputs as { x: tf.Tensor4D };
  const [images, height, width, channels] = x.shape;
  if (channels % 4 !== 0 || images === 0) return composed(GLOBAL_AVERAGE, call);
  const y = backend.makeOutput([images, channels], 'float32');
  const rows = height * width;
  const [from, to] = [pointerOf(backend, x), pointerOf(backend, y)];
  sumColumns(backend, 'values', { channels, rows, x: from, sums: to, images, factor: 1 / rows });
  return y;
}

/** See names.ts: GLOBAL_AVERAGE_GRADIENT. */
export function globalAverageGradient(call: Call<GlobalAverageGradientAttributes>): tf.TensorInfo | tf.TensorInfo[] {
  const { inputs, backend, attrs } = call;
  const { dy } = inputs as { dy: tf.Tensor2D };
  const [images, height, width, channels] = attrs.inputShape;
  if (channels % 4 !== 0 || images === 0) return composed(GLOBAL_AVERAGE_GRADIENT, call);
  const dx = backend.makeOutput([...attrs.inputShape], 'float32');
  const rows = height * width;
  const run = compiled(backend, `repeat ${channels} ${rows}`, () => repeatRowsModule(channels, rows, 1 / rows));
  run(pointerOf(backend, dy), pointerOf(backend, dx), images);
  return dx;
}

function composed(kernel: string, call: KernelCall<BackendWasm, unknown>): tf.TensorInfo | tf.TensorInfo[] {
  const run = COMPOSED_KERNELS[kernel] as
    ((call: KernelCall<BackendWasm, unknown>) => tf.TensorInfo | tf.TensorInfo[]) | undefined;
  if (!run) throw new Error(`There is no composed kernel ${kernel}.`);
  return run(call);
}
