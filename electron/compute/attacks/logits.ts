import * as tf from '@tensorflow/tfjs-core';
import { download, imageTensor } from './batch.ts';
import { batchesOf, gatherRows, imageSize, padRows } from './examples.ts';
import type { Subject } from './examples.ts';
import type { AttackOptions } from './options.ts';
import type { Candidate } from './outcome.ts';
import type { AttackSteps } from './steps.ts';

type Options = Pick<AttackOptions, 'examples' | 'batchSize' | 'control'>;

/** Logits of all examples without an attack, [rows, classes]. */
export async function cleanLogits(steps: AttackSteps, subject: Subject, options: Options): Promise<Float32Array> {
  return logitsOf(steps, subject, options.examples.images, options);
}

/** Logits of candidates in their order, [candidates, classes]: those that they bring, or else computed. */
export async function candidateLogits(
  steps: AttackSteps,
  subject: Subject,
  candidates: readonly Pick<Candidate, 'image' | 'logits'>[],
  options: Options,
): Promise<Float32Array> {
  const size = imageSize(options.examples.shape);
  const { classes } = subject.network;
  const open = candidates.flatMap(({ logits }, at) => (logits ? [] : [at]));
  const images = new Float32Array(open.length * size);
  open.forEach((at, place) => images.set(candidates[at]?.image ?? [], place * size));
  const computed = await logitsOf(steps, subject, images, options);
  const all = new Float32Array(candidates.length * classes);
  candidates.forEach(({ logits }, at) => {
    if (logits) all.set(logits, at * classes);
  });
  open.forEach((at, place) => all.set(computed.subarray(place * classes, (place + 1) * classes), at * classes));
  return all;
}

/** Batches are padded to sizes that are compiled already. */
async function logitsOf(
  steps: AttackSteps,
  { network, weights }: Subject,
  images: Float32Array,
  { examples: { shape }, batchSize, control }: Options,
): Promise<Float32Array> {
  const size = imageSize(shape);
  const count = images.length / size;
  const logits = new Float32Array(count * network.classes);
  const rows = Array.from({ length: count }, (_, row) => row);
  for (const batch of batchesOf(rows, batchSize)) {
    const input = imageTensor(gatherRows(images, padRows(batch, batchSize), size), shape);
    const output = steps.logits(weights, input);
    try {
      const values = await download(output);
      logits.set(values.subarray(0, batch.length * network.classes), (batch[0] ?? 0) * network.classes);
    } finally {
      tf.dispose([input, output]);
    }
    await control.checkpoint();
  }
  return logits;
}
