import * as tf from '@tensorflow/tfjs-core';
import { download, imageTensor } from './batch.ts';
import { batchesOf, gatherRows, imageSize, padRows } from './examples.ts';
import type { Subject } from './examples.ts';
import type { AttackOptions } from '../options.ts';
import type { AttackSteps } from '../ascent/steps.ts';

/**
 * A model that only answers: the logits of `count` images. Attacks on scores and decisions know nothing else of it.
 * @param images pixels in [0, 1], [count, height, width, channels].
 * @returns [count, classes], an array of its own.
 * @throws AppError `cancelled`.
 */
export type Oracle = (images: Float32Array, count: number) => Promise<Float32Array>;

/**
 * The oracle of a model. Batches are padded to sizes that are compiled already, so any number of images will do.
 * @param steps of the model; they stay the caller's.
 */
export function createOracle(
  steps: AttackSteps,
  { network, weights, predictor }: Subject,
  { examples: { shape }, batchSize, control }: Pick<AttackOptions, 'examples' | 'batchSize' | 'control'>,
): Oracle {
  const size = imageSize(shape);
  const { classes } = network;
  return async (images, count) => {
    const logits = new Float32Array(count * classes);
    const rows = Array.from({ length: count }, (_, row) => row);
    for (const batch of batchesOf(rows, batchSize)) {
      if (predictor) {
        const answer = await predictor.logits(gatherRows(images, batch, size), batch.length);
        logits.set(answer, (batch[0] ?? 0) * classes);
        await control.checkpoint();
        continue;
      }
      const input = imageTensor(gatherRows(images, padRows(batch, batchSize), size), shape);
      const output = steps.logits(weights, input);
      try {
        const values = await download(output);
        logits.set(values.subarray(0, batch.length * classes), (batch[0] ?? 0) * classes);
      } finally {
        tf.dispose([input, output]);
      }
      await control.checkpoint();
    }
    return logits;
  };
}
