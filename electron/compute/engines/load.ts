import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { engineChoice, type EngineChoice, type EngineInfo, type EngineName } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { selfTest } from './self-test.ts';
import { setDeterministic } from './state.ts';
import { loadTensorflow, missingCardNote } from './tensorflow.ts';
import { loadWasm } from './wasm.ts';
import { loadWebgpu, webgpuObstacle } from './webgpu.ts';

export interface EngineOptions {
  /** Folder of the installed tensorflow engine pack, or null if there is none. */
  readonly enginePack: string | null;
  /**
   * The same numbers to the last bit on every run on this machine: tensorflow then computes on one thread; wasm does so
   * with any number.
   */
  readonly deterministic: boolean;
  /** Threads of the tensorflow and wasm engines; all cores if left out. The webgpu engine has one. */
  readonly threads?: number;
  /** Bytes that the process is expected to take. */
  readonly memory?: number;
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
 * `auto` takes tensorflow if its pack loads and its gradients are right; else webgpu if there is a graphics card whose
 * gradients are right; else wasm. A note says why it is not an earlier one. The environment variable `PAIRLIGHT_ENGINE`
 * (the name of an engine) decides for `auto`.
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
  if (wanted !== 'auto') {
    const info = await LOADERS[wanted](options);
    return describe(info, missingCardNote(options.enginePack, info));
  }
  const reasons: string[] = [];
  for (const name of ['tensorflow', 'webgpu'] as const) {
    // Where webgpu cannot be, or finds no card, nothing is amiss; where tensorflow cannot, its pack is missing or broken.
    if (name === 'webgpu' && webgpuObstacle() !== null) continue;
    try {
      const info = await LOADERS[name](options);
      requireRightGradients(name);
      return describe(info, remark(name, reasons) ?? missingCardNote(options.enginePack, info));
    } catch (cause) {
      if (name === 'webgpu' && cause instanceof AppError && cause.code === 'engine-unavailable') continue;
      reasons.push(cause instanceof Error ? cause.message : String(cause));
    }
  }
  return describe(await LOADERS.wasm(options), remark('wasm', reasons));
}

const LOADERS: Readonly<Record<EngineName, (options: EngineOptions) => Promise<EngineInfo>>> = {
  tensorflow: (options) => loadTensorflow(options.enginePack, threadsOf(options), options),
  webgpu: ({ deterministic }) => loadWebgpu(deterministic),
  wasm: ({ deterministic, threads }) => loadWasm(threads ?? availableParallelism(), deterministic),
};

function threadsOf({ deterministic, threads }: EngineOptions): number {
  return deterministic ? 1 : (threads ?? availableParallelism());
}

function requireRightGradients(name: EngineName): void {
  const { passed, maxRelativeError } = selfTest();
  if (passed) return;
  const error = maxRelativeError.toExponential(1);
  const code = name === 'tensorflow' ? 'engine-pack' : 'engine-failed';
  throw new AppError(code, `The gradients of the ${name} engine are wrong (relative error ${error}).`);
}

function remark(name: EngineName, reasons: readonly string[]): string | null {
  return reasons.length === 0 ? null : `Computing with ${name}. ${reasons.join(' ')}`;
}

function engineFromEnvironment(): EngineChoice {
  const value = process.env['PAIRLIGHT_ENGINE'];
  if (value === undefined || value === '') return 'auto';
  const known = engineChoice.safeParse(value);
  if (known.success) return known.data;
  const names = engineChoice.options.join(', ');
  throw new AppError('invalid-input', `PAIRLIGHT_ENGINE is "${value}". It can be one of ${names}.`);
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
