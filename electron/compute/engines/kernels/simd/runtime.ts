import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { AppError } from '../../../../../shared/domain/errors.ts';
import { vectorSupport } from './assembler.ts';

type Run = (...parameters: number[]) => void;

/** Memory of the engine's heap that is kept for a kernel. */
export interface Buffer {
  readonly pointer: number;
  readonly elements: number;
}

interface Heap {
  _malloc(bytes: number): number;
  readonly HEAPU8: Uint8Array;
  readonly asm: { readonly memory: WebAssembly.Memory };
}

/** What the machine can do; asked once. */
export const SUPPORT = vectorSupport();

let onCall: (() => void) | null = null;

/** Has this called each time a kernel is looked up. */
export function onKernel(call: () => void): void {
  onCall = call;
}

const functions = new Map<string, Run | null>();
const buffers = new Map<string, Buffer>();

/**
 * The compiled function of a key, made at its first use. It works on the engine's own memory.
 * @param build the module's bytes, or null if there is none for this key.
 */
export function compiled(backend: BackendWasm, key: string, build: () => Uint8Array<ArrayBuffer> | null): Run | null {
  onCall?.();
  const known = functions.get(key);
  if (known !== undefined) return known;
  const bytes = SUPPORT.vectors ? build() : null;
  let run: Run | null = null;
  if (bytes) {
    const { memory } = heapOf(backend).asm;
    run = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports['run'] as Run;
  }
  functions.set(key, run);
  return run;
}

/** Memory kept under a name, zeroed when it is made. @throws AppError `internal` if there is no memory left. */
export function buffer(backend: BackendWasm, key: string, elements: number): Buffer {
  const known = buffers.get(key);
  if (known && known.elements >= elements) return known;
  const heap = heapOf(backend);
  const pointer = heap._malloc(Math.max(16, elements * 4)) >>> 0;
  if (pointer === 0) throw new AppError('internal', 'The WebAssembly engine has no memory left. Use smaller batches.');
  heap.HEAPU8.fill(0, pointer, pointer + elements * 4);
  const made = { pointer, elements };
  buffers.set(key, made);
  return made;
}

/** Where a tensor's data lie. */
export function pointerOf(backend: BackendWasm, tensor: TensorInfo): number {
  return backend.getMemoryOffset(tensor.dataId);
}

/** Floats of the engine's memory. Take it anew after everything that allocates: growing memory moves it. */
export function floatsAt(backend: BackendWasm, pointer: number, elements: number): Float32Array {
  return new Float32Array(heapOf(backend).HEAPU8.buffer, pointer, elements);
}

/** Bytes of the engine's memory, likewise. */
export function bytesAt(backend: BackendWasm, pointer: number, bytes: number): Uint8Array {
  return heapOf(backend).HEAPU8.subarray(pointer, pointer + bytes);
}

function heapOf(backend: BackendWasm): Heap {
  return backend.wasm as unknown as Heap;
}
