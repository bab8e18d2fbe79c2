import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { registerKernels } from './kernels/register.ts';
import { WASM_KERNELS } from './kernels/wasm.ts';

/**
 * Makes the WebAssembly engine the current one. It has one thread and is always deterministic.
 * @throws AppError `engine-unavailable`
 */
export async function loadWasm(deterministic: boolean): Promise<EngineInfo> {
  const require = createRequire(import.meta.url);
  const { setWasmPaths, version_wasm: version } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm')) + sep);
  registerKernels('wasm', WASM_KERNELS);
  if (!(await tf.setBackend('wasm'))) {
    throw new AppError('engine-unavailable', 'The WebAssembly engine did not start on this machine.');
  }
  const simd = (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) === true;
  return {
    name: 'wasm',
    version: `tfjs-backend-wasm ${version}${simd ? ' (SIMD)' : ''}`,
    device: 'CPU, 1 thread',
    threads: 1,
    deterministic,
  };
}
