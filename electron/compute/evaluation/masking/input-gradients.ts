import * as tf from '@tensorflow/tfjs-core';
import { download, imageTensor } from '../../attacks/base/batch.ts';
import { batchesOf, gatherRows, imageSize, padRows } from '../../attacks/base/examples.ts';
import type { CompiledStep } from '../../engines/compile.ts';
import { prepareStep } from '../../engines/step.ts';
import type { LossName } from '../../losses.ts';
import { LOSS_GRADIENT } from '../../models/classifier.ts';
import { networkSpec, weightList } from '../../models/network.ts';
import type { Probe } from './probe.ts';

/**
 * The gradient of each row's own loss with respect to its image, [rows, height, width, channels].
 * @throws AppError `cancelled`.
 */
export async function inputGradients(probe: Probe, loss: LossName, rows: readonly number[]): Promise<Float32Array> {
  const { subject, examples, batchSize, control } = probe;
  const { network, weights } = subject;
  const size = imageSize(examples.shape);
  const gradients = new Float32Array(rows.length * size);
  const step: CompiledStep = prepareStep(LOSS_GRADIENT, { network: networkSpec(network), loss });
  try {
    let done = 0;
    for (const batch of batchesOf(rows, Math.max(1, Math.min(batchSize, rows.length)))) {
      const padded = padRows(batch, batchSize);
      const images = imageTensor(gatherRows(examples.images, padded, size), examples.shape);
      const labels = tf.tensor1d(
        Int32Array.from(padded, (row) => examples.labels[row] ?? 0),
        'int32',
      );
      const outputs = step.run(images, labels, ...weightList(network, weights));
      try {
        const [, gradient] = outputs as [tf.Tensor, tf.Tensor];
        gradients.set((await download(gradient)).subarray(0, batch.length * size), done * size);
      } finally {
        tf.dispose([images, labels, ...outputs]);
      }
      done += batch.length;
      await control.checkpoint();
    }
    return gradients;
  } finally {
    step.dispose();
  }
}
