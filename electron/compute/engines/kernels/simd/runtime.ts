import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { AppError } from '../../../../../shared/domain/errors.ts';
import { vectorSupport } from './assembler.ts';

export type Run = (...parameters: number[]) => void;

/** Memory of the engine's heap that is kept for a kernel. */
export interface Buffer {
  readonly pointer: number;
  readonly elements: number;
}

interface Heap {
  _malloc(bytes: number): number;
  _free(pointer: number): void;
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

const functions = new Map<string, Run>();
const buffers = new Map<string, Buffer>();

/**
 * The compiled function of a key, made at its first use. It works on the engine's own memory.
 * @param build the module's bytes.
 */
export function compiled(backend: BackendWasm, key: string, build: () => Uint8Array<ArrayBuffer>): Run {
  onCall?.();
  const known = functions.get(key);
  if (known) return known;
  const { memory } = heapOf(backend).asm;
  const run = new WebAssembly.Instance(new WebAssembly.Module(build()), { env: { memory } }).exports['run'] as Run;
  functions.set(key, run);
  return run;
}

/** Memory kept under a name, zeroed when it is made. @throws AppError `engine-failed` if there is no memory left. */
export function buffer(backend: BackendWasm, key: string, elements: number): Buffer {
  const known = buffers.get(key);
  if (known && known.elements >= elements) return known;
  if (known) release(backend, known.pointer);
  const pointer = allocate(backend, elements);
  floatsAt(backend, pointer, elements).fill(0);
  const made = { pointer, elements };
  buffers.set(key, made);
  return made;
}

/** Where so many zeros lie, which nobody writes to. */
export function zeros(backend: BackendWasm, elements: number): number {
  return buffer(backend, 'zeros', elements).pointer;
}

/** Memory for so many floats. @throws AppError `engine-failed` if there is none left. */
export function allocate(backend: BackendWasm, elements: number): number {
  const pointer = heapOf(backend)._malloc(Math.max(16, elements * 4)) >>> 0;
  if (pointer > 0) return pointer;
  throw new AppError('engine-failed', 'The WebAssembly engine has no memory left. Use smaller batches.');
}

export function release(backend: BackendWasm, pointer: number): void {
  heapOf(backend)._free(pointer);
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
