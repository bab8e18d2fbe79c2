import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import type { EngineChoice, EngineInfo } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { selfTest } from './self-test.ts';
import { setDeterministic } from './state.ts';
import { loadTensorflow } from './tensorflow.ts';
import { loadWasm } from './wasm.ts';

export interface EngineOptions {
  /** Folder of the installed tensorflow engine pack, or null if there is none. */
  readonly enginePack: string | null;
  /** One thread and fixed order: the same numbers to the last bit on every run on this machine. */
  readonly deterministic: boolean;
  /** Threads of the tensorflow engine; all cores if left out. The wasm engine has one. */
  readonly threads?: number;
}

export interface Engine {
  readonly info: EngineInfo;
  /** Why it is this engine and not the one asked for or a faster one; null if there is nothing to say. */
  readonly note: string | null;
  memory(): { readonly tensors: number; readonly bytes: number };
  /** Disposes of what the engine keeps. Its memory comes back only when the process ends. */
  dispose(): void;
}

let loading: Promise<Engine> | null = null;

/**
 * Loads the engine of this process: TensorFlow's addon bears one per process, so a second call gives the same one.
 * `auto` takes tensorflow if its pack loads and its gradients are right, else wasm with a note that says why;
 * the environment variable `PAIRLIGHT_ENGINE` (`wasm` or `tensorflow`) decides for `auto`.
 * @throws AppError `engine-unavailable` or `engine-pack` if the engine asked for cannot be had; `conflict` if this
 *   process runs on another one already.
 */
export async function loadEngine(choice: EngineChoice, options: EngineOptions): Promise<Engine> {
  if (loading) {
    const { info } = await loading;
    if (choice !== 'auto' && choice !== info.name) {
      const message = `This process computes with ${info.name} already; ${choice} needs a process of its own.`;
      throw new AppError('conflict', message);
    }
    return loading;
  }
  setDeterministic(options.deterministic);
  loading = choose(choice, options);
  loading.catch(() => {
    loading = null;
  });
  return loading;
}

async function choose(choice: EngineChoice, options: EngineOptions): Promise<Engine> {
  const wanted = choice === 'auto' ? engineFromEnvironment() : choice;
  const threads = options.deterministic ? 1 : (options.threads ?? availableParallelism());
  if (wanted === 'wasm') return describe(await loadWasm(options.deterministic), null);
  if (wanted === 'tensorflow')
    return describe(await loadTensorflow(options.enginePack, threads, options.deterministic), null);
  try {
    const info = await loadTensorflow(options.enginePack, threads, options.deterministic);
    const { passed, maxRelativeError } = selfTest();
    if (passed) return describe(info, null);
    const error = maxRelativeError.toExponential(1);
    throw new AppError('engine-pack', `The gradients of the tensorflow engine are wrong (relative error ${error}).`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return describe(await loadWasm(options.deterministic), `Computing with wasm. ${reason}`);
  }
}

function engineFromEnvironment(): EngineChoice {
  const value = process.env['PAIRLIGHT_ENGINE'];
  if (value === undefined || value === '' || value === 'auto') return 'auto';
  if (value === 'wasm' || value === 'tensorflow') return value;
  throw new AppError('invalid-input', `PAIRLIGHT_ENGINE is "${value}". It can be auto, wasm or tensorflow.`);
}

function describe(info: EngineInfo, note: string | null): Engine {
  return {
    info,
    note,
    memory: () => {
      const { numTensors, numBytes } = tf.memory();
      return { tensors: numTensors, bytes: numBytes };
    },
    dispose: () => {
      tf.disposeVariables();
    },
  };
}
