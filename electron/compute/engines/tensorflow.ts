import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { TensorflowBinding } from './binding.ts';
import { engineFailure } from './failure.ts';
import { loadingFault, packManifest, requireLoadable } from './pack.ts';
import { registerKernels } from './kernels/register.ts';
import { TENSORFLOW_KERNELS } from './kernels/tensorflow.ts';
import { enginePackFault } from './state.ts';

const ADVICE = 'Install it in the Engines view or with "pairlight engine install tensorflow".';

/**
 * Makes the tensorflow engine the current one: tfjs's Node backend on the addon and libraries of an engine pack.
 * @param pack the pack's folder: `tfjs_binding.node` beside its libraries, and `manifest.json`.
 * @throws AppError `engine-unavailable` without a pack, `engine-pack` if it does not load.
 */
export async function loadTensorflow(
  pack: string | null,
  threads: number,
  { deterministic, memory = 0 }: { readonly deterministic: boolean; readonly memory?: number },
): Promise<EngineInfo> {
  const addon = pack === null ? null : join(pack, packManifest(pack)?.addon?.path ?? 'tfjs_binding.node');
  if (pack === null || addon === null || !existsSync(addon)) {
    throw new AppError(
      'engine-unavailable',
      enginePackFault() ?? `The tensorflow engine pack is not installed. ${ADVICE}`,
    );
  }
  requireLoadable(pack);
  // Read by the libraries when they are loaded.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  process.env['TF_NUM_INTRAOP_THREADS'] = String(threads);
  process.env['TF_NUM_INTEROP_THREADS'] = String(threads);
  process.env['OMP_NUM_THREADS'] = String(threads);
  if (deterministic) process.env['TF_DETERMINISTIC_OPS'] = '1';
  if (process.versions['electron'] !== undefined)
    Object.assign(process.env, { ...poolSettings(memory), ...process.env });
  // On a GPU: whole float32 products, as everywhere else, and no more of its memory than is needed.
  process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  process.env['TF_FORCE_GPU_ALLOW_GROWTH'] ??= 'true';

  const require = createRequire(import.meta.url);
  let binding: TensorflowBinding;
  try {
    // tfjs-node 4.22 calls this function, which Node 23 took away.
    (util as { isNullOrUndefined?: (value: unknown) => boolean }).isNullOrUndefined ??= (value) => value == null;
    require('@tensorflow/tfjs-node-gpu/dist/register_all_kernels');
    const { NodeJSKernelBackend } = require('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend') as {
      NodeJSKernelBackend: new (binding: TensorflowBinding, packageName: string) => tf.KernelBackend;
    };
    binding = explainingBinding(require(addon) as TensorflowBinding);
    if (!tf.findBackend('tensorflow')) {
      tf.registerBackend('tensorflow', () =>
        copyingBackend(new NodeJSKernelBackend(binding, '@tensorflow/tfjs-node-gpu')),
      );
    }
    registerKernels('tensorflow', TENSORFLOW_KERNELS);
  } catch (cause) {
    const reason = loadingFault(cause instanceof Error ? cause.message : String(cause), pack);
    throw new AppError(
      'engine-pack',
      `The tensorflow engine pack in ${pack} does not load: ${reason}. Install it again.`,
      {
        cause,
        details: { folder: pack },
      },
    );
  }
  if (!(await tf.setBackend('tensorflow'))) {
    throw new AppError('engine-pack', `The tensorflow engine in ${pack} did not start. Install it again.`, {
      details: { folder: pack },
    });
  }
  const gpu = binding.isUsingGpuDevice() ? graphicsCard() : null;
  return {
    name: 'tensorflow',
    version: `libtensorflow ${packManifest(pack)?.version ?? binding.TF_Version}`,
    device: gpu ?? `CPU, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    threads,
    deterministic,
  };
}

/** More than a process takes whose tensors fit into the pool, in bytes. */
const POOL_HOLDS = 2.6e9;
/** A little less than 3 GiB: the regions that double from 2 MiB to 1 GiB, and another one of that size. */
const POOL_LIMIT = 3 * 2 ** 30 - 8 * 2 ** 20;

/**
 * TensorFlow keeps its tensors on the processor in a pool of regions, each twice as large as the one before. Electron's own
 * `malloc` ends the process where one of them would be 2 GiB. So the pool ends before that, with an error that can be
 * caught; and what needs more than that is allocated piece by piece, which takes half as long again.
 */
function poolSettings(memory: number): Readonly<Record<string, string>> {
  return memory > POOL_HOLDS ? { TF_ONEDNN_USE_SYSTEM_ALLOCATOR: '1' } : { TF_MKL_ALLOC_MAX_BYTES: String(POOL_LIMIT) };
}

/** The addon, saying which operation failed, and whether for want of memory. `executeOp` begins with an operation's name. */
function explainingBinding(binding: TensorflowBinding): TensorflowBinding {
  const explained = <A extends unknown[], R>(work: (...args: A) => R, operation?: string) => ({
    value: (...args: A): R => {
      try {
        return work(...args);
      } catch (thrown) {
        throw engineFailure(thrown, 'tensorflow', operation ?? String(args[0]));
      }
    },
  });
  // What the addon offers cannot be written to: an object above it answers instead.
  return Object.create(binding, {
    executeOp: explained(binding.executeOp.bind(binding)),
    createTensor: explained(binding.createTensor.bind(binding), 'createTensor'),
    tensorDataSync: explained(binding.tensorDataSync.bind(binding), 'tensorDataSync'),
    deleteTensor: {
      value: (id: number): void => {
        try {
          binding.deleteTensor(id);
        } catch {
          // It is gone already; saying so while an error ends a step would hide that error.
        }
      },
    },
    runSavedModel: explained(binding.runSavedModel.bind(binding), 'a compiled step'),
  }) as TensorflowBinding;
}

/** Why a pack with CUDA computes on the processor; null for another pack, and where it has its graphics card. */
export function missingCardNote(pack: string | null, info: EngineInfo): string | null {
  if (pack === null || info.name !== 'tensorflow' || !info.device.startsWith('CPU')) return null;
  if (packManifest(pack)?.variant !== 'cuda') return null;
  const why = existsSync('/proc/driver/nvidia/version')
    ? 'TensorFlow could not use the graphics card (the log of the job says why)'
    : 'this machine has no NVIDIA graphics card, or no driver for it';
  return `The engine pack with CUDA computes on the CPU: ${why}.`;
}

/** TensorFlow may compute on the very memory of an array that it was given: tensors get a copy that nobody else changes. */
function copyingBackend(backend: tf.KernelBackend): tf.KernelBackend {
  const write = backend.write.bind(backend);
  backend.write = (values, shape, dtype) => write(ArrayBuffer.isView(values) ? values.slice() : values, shape, dtype);
  return backend;
}

/** The model name that NVIDIA's driver gives, or `GPU`. */
function graphicsCard(): string {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    const card = readdirSync(folder)[0] ?? '';
    return /Model:\s*(.+)/.exec(readFileSync(join(folder, card, 'information'), 'utf8'))?.[1]?.trim() ?? 'GPU';
  } catch {
    return 'GPU';
  }
}
