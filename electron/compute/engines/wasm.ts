import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { registerKernels } from './kernels/register.ts';
import { WASM_KERNELS } from './kernels/wasm.ts';
import { keepBackendSlices } from './kernels/wasm/slices.ts';
import { createBatchSplitter } from './parallel/split.ts';
import { setBatchSplitter } from './state.ts';

/**
 * Makes the WebAssembly engine the current one. Steps compute their batches in fixed parts on so many threads, and give
 * the same numbers to the last bit with any number of them. On one machine, that is: where the processor multiplies and
 * adds with one rounding the kernels do so too, and where it does not, other last bits come out.
 * @throws AppError `engine-unavailable`
 */
export async function loadWasm(threads: number, deterministic: boolean): Promise<EngineInfo> {
  const version = await startWasmBackend();
  const split = createBatchSplitter({ threads, deterministic });
  setBatchSplitter(split, () => split.pool.ready());
  return {
    name: 'wasm',
    version,
    device: `CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    threads,
    deterministic,
  };
}

/**
 * Makes the WebAssembly backend that of the current thread.
 * @returns its name and version.
 * @throws AppError `engine-unavailable`
 */
export async function startWasmBackend(): Promise<string> {
  const require = createRequire(import.meta.url);
  const { setWasmPaths, version_wasm: version } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm')) + sep);
  keepBackendSlices();
  registerKernels('wasm', WASM_KERNELS);
  if (!(await tf.setBackend('wasm'))) {
    throw new AppError('engine-unavailable', 'The WebAssembly engine did not start on this machine.');
  }
  const simd = (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) === true;
  return `tfjs-backend-wasm ${version}${simd ? ' (SIMD)' : ''}`;
}
