import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { findAdapter, openDevice, SOFTWARE_ADAPTERS, waitForMapping } from './dawn.ts';
import { registerKernels } from './kernels/register.ts';
import { WEBGPU_KERNELS } from './kernels/webgpu.ts';

/** What is used of tfjs's own WebGPU backend. */
interface WebgpuBackend extends tf.KernelBackend {
  readonly device: GPUDevice;
  readonly queue: GPUQueue;
  readonly tensorMap: tf.DataStorage<TensorData>;
  runWebGPUProgram(...parameters: unknown[]): tf.TensorInfo;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  readonly commandEncoder: GPUCommandEncoder;
  submitQueue(): void;
}

interface TensorData {
  values: tf.backend_util.BackendValues | null;
  readonly dtype: tf.DataType;
  readonly resource: GPUBuffer | null;
}

interface Package {
  readonly WebGPUBackend: new (device: GPUDevice, info: GPUAdapterInfo) => WebgpuBackend;
}

const INSTEAD = 'The other engines serve: tensorflow, and wasm, which needs nothing.';

/** Why this process cannot be the webgpu engine's, whatever the machine has; null if it can. */
export function webgpuObstacle(): string | null {
  return process.versions['electron'] === undefined
    ? null
    : 'The webgpu engine computes in a process of plain Node, because Electron does not let a graphics card’s memory be ' +
        'read, and no Node of version 20.19 or newer (22.18 for the sources) was found. Install Node.js, or set ' +
        'PAIRLIGHT_NODE to its program.';
}

/**
 * Makes the webgpu engine the current one: tfjs's WebGPU backend on Dawn.
 * @throws AppError `engine-unavailable` without an adapter, and on one that computes on the processor unless the
 *   environment admits those.
 */
export async function loadWebgpu(deterministic: boolean): Promise<EngineInfo> {
  const obstacle = webgpuObstacle();
  if (obstacle !== null) throw new AppError('engine-unavailable', obstacle);
  const found = await findAdapter();
  if (!found) {
    throw new AppError(
      'engine-unavailable',
      `No graphics card offers Vulkan, Metal or Direct3D 12 on this machine: install the driver of the card, if there is one. ${INSTEAD}`,
    );
  }
  if (found.software && process.env[SOFTWARE_ADAPTERS] !== '1') {
    throw new AppError(
      'engine-unavailable',
      `The only graphics adapter, ${found.name}, computes on the processor, far slower than the other engines. ${INSTEAD}`,
    );
  }
  const require = createRequire(import.meta.url);
  const { WebGPUBackend } = require('@tensorflow/tfjs-backend-webgpu') as Package;
  const { version } = require('@tensorflow/tfjs-backend-webgpu/package.json') as { version: string };
  const dawn = require('webgpu/package.json') as { version: string };
  const device = await openDevice(found.adapter);
  // The package registers a backend that opens a device of its own.
  tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => watchedBackend(new WebGPUBackend(device, found.adapter.info)));
  registerKernels('webgpu', WEBGPU_KERNELS);
  if (!(await tf.setBackend('webgpu'))) {
    throw new AppError('engine-unavailable', `The webgpu engine did not start on ${found.name}. ${INSTEAD}`);
  }
  return {
    name: 'webgpu',
    version: `tfjs-backend-webgpu ${version}, Dawn of webgpu ${dawn.version}`,
    device: found.software ? `${found.name}, on the processor` : found.name,
    threads: 1,
    deterministic,
  };
}

/**
 * The backend, so that nothing leaves it but right numbers: after the device is lost, or has refused an operation, what
 * its buffers hold means nothing.
 */
function watchedBackend(backend: WebgpuBackend): WebgpuBackend {
  let failure: string | null = null;
  void backend.device.lost.then(({ message }) => (failure = `The graphics card was lost: ${firstLine(message)}`));
  backend.device.addEventListener('uncapturederror', ({ error }) => {
    failure ??= `The graphics card refused an operation: ${firstLine(error.message)}`;
  });
  const check = (): void => {
    if (failure !== null) throw engineFailed(failure);
  };

  const write = backend.write.bind(backend);
  backend.write = (values, shape, dtype) => write(ArrayBuffer.isView(values) ? values.slice() : values, shape, dtype);

  const runProgram = backend.runWebGPUProgram.bind(backend);
  backend.runWebGPUProgram = (...parameters) => {
    check();
    return runProgram(...parameters);
  };

  const read = backend.read.bind(backend);
  backend.read = async (id) => {
    check();
    let values;
    try {
      values = await read(id);
    } catch (cause) {
      await new Promise((resolve) => setImmediate(resolve)); // The message of a lost device comes after the failed read.
      throw engineFailed(failure ?? `The graphics card's memory could not be read: ${messageOf(cause)}`, cause);
    }
    check();
    return values;
  };

  backend.readSync = (id) => {
    check();
    const data = backend.tensorMap.get(id);
    if (data.values) return data.values;
    if (!data.resource) throw new AppError('internal', 'A tensor without values was read.');
    const bytes = readBuffer(backend, data.resource);
    check();
    if (!bytes) throw engineFailed(failure ?? 'The graphics card was lost.');
    data.values = tf.util.convertBackendValuesAndArrayBuffer(bytes, data.dtype);
    return data.values;
  };
  return backend;
}

/** The bytes of a buffer, after everything that was queued before; null if its device is gone. */
function readBuffer(backend: WebgpuBackend, source: GPUBuffer): ArrayBuffer | null {
  const staging = backend.device.createBuffer({
    size: source.size,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.commandEncoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
  backend.submitQueue();
  staging.mapAsync(GPUMapMode.READ).catch(() => undefined);
  waitForMapping(staging);
  try {
    return staging.mapState === 'mapped' ? staging.getMappedRange().slice(0) : null;
  } finally {
    staging.destroy();
  }
}

function engineFailed(reason: string, cause?: unknown): AppError {
  return new AppError(
    'engine-failed',
    `${reason.replace(/\.$/, '')}. What was saved up to now is kept. Start the job again, or choose another engine.`,
    { cause, retry: true },
  );
}

function messageOf(cause: unknown): string {
  return firstLine(cause instanceof Error ? cause.message : String(cause));
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
