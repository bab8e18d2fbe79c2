import * as tf from '@tensorflow/tfjs-core';
import { padImages } from './columns.ts';
import {
  CONV,
  DENSE,
  POOL_GRADIENT,
  RELU_GRADIENT,
  type ConvAttributes,
  type DenseAttributes,
  type KernelCall,
  type PoolAttributes,
} from './names.ts';
import type { KernelTable } from './register.ts';
import { forwardPadding } from './shapes.ts';

/** A shader of tfjs's WebGPU backend: what its `WebGPUProgram` needs, for one thread per element of the output. */
interface Program {
  readonly variableNames: readonly string[];
  readonly uniforms?: string;
  readonly outputShape: readonly number[];
  readonly workgroupSize: readonly [number, 1, 1];
  readonly dispatchLayout: { readonly x: readonly number[] };
  readonly dispatch: readonly [number, 1, 1];
  readonly shaderKey: string;
  readonly size: true;
  getUserCode(): string;
}

interface Uniform {
  readonly type: 'int32';
  readonly data: readonly number[];
}

/** The part of tfjs's WebGPU backend that kernels use. */
interface Backend {
  runWebGPUProgram(
    program: Program,
    inputs: readonly tf.TensorInfo[],
    outputType: 'float32',
    uniforms?: readonly Uniform[],
  ): tf.TensorInfo;
}

type Call<A = undefined> = KernelCall<Backend, A>;

/** Layer kernels of the webgpu engine: shaders of its own where composed operations would take several passes. */
export const WEBGPU_KERNELS: KernelTable = {
  [CONV]: convolution,
  [DENSE]: dense,
  [RELU_GRADIENT]: reluGradient,
  [POOL_GRADIENT]: poolGradient,
  [tf.AddN]: addN,
};

function convolution({ inputs, attrs }: Call<ConvAttributes>): tf.TensorInfo {
  const { x, filter, bias } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D; bias?: tf.Tensor1D };
  return tf.tidy(() =>
    tf.fused.conv2d({
      x: padImages(x, forwardPadding(filter.shape, attrs.pad)),
      filter,
      strides: attrs.stride,
      pad: 'valid',
      ...(bias && { bias }),
      activation: attrs.relu ? 'relu' : 'linear',
    }),
  );
}

function dense({ inputs, attrs }: Call<DenseAttributes>): tf.TensorInfo {
  const { x, weights, bias } = inputs as { x: tf.Tensor2D; weights: tf.Tensor2D; bias: tf.Tensor1D };
  return tf.fused.matMul({ a: x, b: weights, bias, activation: attrs.relu ? 'relu' : 'linear' });
}

function reluGradient({ inputs, backend }: Call): tf.TensorInfo {
  const { dy, y } = inputs as { dy: tf.Tensor; y: tf.Tensor };
  const code = `
    setOutputAtIndex(index, select(0.0, getDyByOutputIndex(index), getYByOutputIndex(index) > 0.0));`;
  return backend.runWebGPUProgram(program('pairlightReluGradient', ['dy', 'y'], dy.shape, code), [dy, y], 'float32');
}

/** One thread per pixel of x: it collects from the windows in which it is the first maximum. */
const POOL_GRADIENT_CODE = `
    let coords = getCoordsFromIndex(index);
    let value = getX(coords[0], coords[1], coords[2], coords[3]);
    var sum = 0.0;
    for (var r = (coords[1] + uniforms.frame - uniforms.extent + 2) / 2; r <= (coords[1] + uniforms.frame) / 2; r++) {
      for (var c = (coords[2] + uniforms.frame - uniforms.extent + 2) / 2; c <= (coords[2] + uniforms.frame) / 2; c++) {
        if (r >= uniforms.yShape[1] || c >= uniforms.yShape[2]) {
          continue;
        }
        let highest = getY(coords[0], r, c, coords[3]);
        if (value != highest || (uniforms.masked == 1 && !(highest > 0.0))) {
          continue;
        }
        var first = true;
        for (var row = max(0, 2 * r - uniforms.frame); row <= coords[1]; row++) {
          let end = select(
            min(uniforms.xShape[2], 2 * c - uniforms.frame + uniforms.extent), coords[2], row == coords[1]);
          for (var column = max(0, 2 * c - uniforms.frame); column < end; column++) {
            if (getX(coords[0], row, column, coords[3]) == highest) {
              first = false;
            }
          }
        }
        if (first) {
          sum += getDy(coords[0], r, c, coords[3]);
        }
      }
    }
    setOutputAtIndex(index, sum);`;

function poolGradient({ inputs, backend, attrs }: Call<PoolAttributes>): tf.TensorInfo {
  const { x, y, dy } = inputs as { x: tf.Tensor4D; y: tf.Tensor4D; dy: tf.Tensor4D };
  const uniforms = 'extent : i32, frame : i32, masked : i32,';
  const shader = program('pairlightPoolGradient', ['x', 'y', 'dy'], x.shape, POOL_GRADIENT_CODE, uniforms);
  const values = [attrs.size, attrs.size === 3 ? 1 : 0, attrs.masked ? 1 : 0];
  return backend.runWebGPUProgram(
    shader,
    [x, y, dy],
    'float32',
    values.map((value) => ({ type: 'int32', data: [value] })),
  );
}

/** In pairs: tfjs's shader binds all inputs at once, and a device may allow only eight buffers. */
function addN({ inputs }: Call): tf.TensorInfo {
  const [first, ...others] = Object.values(inputs) as [tf.Tensor, ...tf.Tensor[]];
  return tf.tidy(() => others.reduce((sum, other) => tf.add(sum, other), tf.clone(first)));
}

const THREADS = 64;

function program(
  key: string,
  variables: readonly string[],
  shape: readonly number[],
  code: string,
  uniforms?: string,
): Program {
  return {
    variableNames: variables,
    ...(uniforms !== undefined && { uniforms }),
    outputShape: shape,
    workgroupSize: [THREADS, 1, 1],
    dispatchLayout: { x: [...shape.keys()] },
    dispatch: [Math.ceil(tf.util.sizeFromShape([...shape]) / THREADS), 1, 1],
    shaderKey: key,
    size: true,
    getUserCode: () => `
  fn main(index : i32) {
    if (index < uniforms.size) {${code}
    }
  }`,
  };
}
