/**
 * Makes the material of a task, before anything is measured, in a process of its own: random weights of a network, and
 * noise images labelled with what the network predicts, so that it classifies all of them rightly. One line in, one out.
 */
import { text } from 'node:stream/consumers';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { loadEngine } from '../../electron/compute/engines/load.ts';
import { Classifier } from '../../electron/compute/models/classifier.ts';
import { buildNetwork, initialWeights } from '../../electron/compute/models/network.ts';
import { saveWeights } from '../../electron/compute/models/weights.ts';
import { randomPixels, writePacked } from './packed-set.ts';
import { benchNetwork } from './protocol.ts';

const order = z.strictObject({
  network: benchNetwork,
  images: z.int().min(1),
  batch: z.int().min(1),
  dataset: z.string(),
  weights: z.string(),
  enginePack: z.string().nullable(),
});
export type Order = z.infer<typeof order>;

const { network, images, batch, dataset, weights, enginePack } = order.parse(JSON.parse(await text(process.stdin)));
await loadEngine(enginePack === null ? 'wasm' : 'tensorflow', { enginePack, deterministic: false });
const built = buildNetwork(network.architecture, network.shape, network.classes);
const made = initialWeights(built, 0);
await saveWeights(built, made, weights);
const classifier = new Classifier(built, made);
const pixels = randomPixels(network, images);
const size = pixels.images.length / images;
const labels = new Uint8Array(images);
for (let start = 0; start < images; start += batch) {
  const values = Float32Array.from(pixels.images.subarray(start * size, (start + batch) * size), (byte) => byte / 255);
  const predicted = tf.tidy(() => {
    const input = tf.tensor4d(values, [values.length / size, ...network.shape]);
    return tf.argMax(classifier.logits(input), 1).dataSync();
  });
  labels.set(predicted, start);
}
await writePacked(dataset, network, { images: pixels.images, labels }, 'test');
process.exit(0);
