// tfjs-core's build for Node leaves out the gradients of its operations; this package registers them.
import '@tensorflow/tfjs';
import * as tf from '@tensorflow/tfjs-core';
import { COMPOSED_KERNELS } from './composed.ts';
import { registerLayerGradients } from './gradients.ts';
import type { KernelCall } from './names.ts';

export type KernelTable = Readonly<Record<string, (call: never) => tf.TensorInfo | tf.TensorInfo[]>>;

let gradientsRegistered = false;

/**
 * Registers the layer kernels for a backend, and once their gradients.
 * @param own the kernels that this backend does better than the composed ones.
 */
export function registerKernels(backendName: string, own: KernelTable = {}): void {
  if (!gradientsRegistered) registerLayerGradients();
  gradientsRegistered = true;
  for (const [kernelName, kernel] of Object.entries<KernelTable[string]>({ ...COMPOSED_KERNELS, ...own })) {
    if (tf.getKernel(kernelName, backendName)) tf.unregisterKernel(kernelName, backendName);
    const kernelFunc = ({ inputs, backend, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo | tf.TensorInfo[] =>
      (kernel as (call: KernelCall<object, unknown>) => tf.TensorInfo | tf.TensorInfo[])({
        inputs: inputs as Record<string, tf.Tensor>,
        backend,
        attrs,
      });
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  }
}
