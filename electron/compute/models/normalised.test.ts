import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { trainConfig } from '../../../shared/domain/training.ts';
import { readNpz } from '../arrays/npz.ts';
import { openPacked } from '../data/packed.ts';
import type { PackedDataset } from '../data/packed.ts';
import { channelStatistics } from '../data/statistics.ts';
import { loadEngine } from '../engines/load.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { createControl } from '../jobs/control.ts';
import { train, WEIGHTS_FILE } from '../training/train.ts';
import { inputGradient } from './classifier.ts';
import { forward } from './forward.ts';
import { frozenNetwork, frozenWeights } from './frozen.ts';
import { buildNetwork, initialWeights, networkOf, networkSpec } from './network.ts';
import { areNormalised, weightsFromArrays } from './weights.ts';

let scratch: string;
let dataset: PackedDataset;
beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-normalised-'));
  await writeBars(join(scratch, 'data'));
  dataset = await openPacked(join(scratch, 'data'));
});
afterAll(async () => {
  dataset.close();
  await rm(scratch, { recursive: true, force: true });
});

const MEAN = [0.5, 0.4, 0.3];
const DEVIATION = [0.25, 0.2, 0.1];

it.each(['small-cnn', 'cifar-resnet20'])(
  '%s computes what it would on normalised images, and their gradient',
  (name) => {
    const plain = buildNetwork(name, [16, 16, 3], 4);
    const network = networkOf(networkSpec(buildNetwork(name, [16, 16, 3], 4, true)));
    expect(network.parameters.slice(0, 2)).toEqual([
      { name: 'input_mean', shape: [3], trainable: false, moving: false },
      { name: 'input_deviation', shape: [3], trainable: false, moving: false },
    ]);
    tf.tidy(() => {
      const weights = initialWeights(plain, 5);
      const own = { ...weights, input_mean: tf.tensor1d(MEAN), input_deviation: tf.tensor1d(DEVIATION) };
      const images: tf.Tensor4D = tf.randomUniform([3, 16, 16, 3], 0, 1, 'float32', 2);
      const labels = tf.tensor1d([0, 1, 2], 'int32');
      const outside = tf.div<tf.Tensor4D>(tf.sub(images, MEAN), DEVIATION);
      const difference = (a: tf.Tensor, b: tf.Tensor): number => {
        const scale = tf.max(tf.abs(b)).dataSync()[0]!;
        return tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]! / scale;
      };
      const wanted = inputGradient(plain, weights, outside, labels);
      const found = inputGradient(frozenNetwork(network), frozenWeights(network, own), images, labels);
      expect(difference(forward(network, own, images).logits, wanted.logits)).toBeLessThan(1e-5);
      expect(difference(found.logits, wanted.logits)).toBeLessThan(1e-4);
      expect(difference(found.gradient, tf.div(wanted.gradient, DEVIATION))).toBeLessThan(1e-3);
    });
  },
);

it('trains with the mean and deviation of its training images, which its weights file keeps unchanged', async () => {
  const folder = await mkdtemp(join(scratch, 'run-'));
  const config = trainConfig.parse({
    dataset: BARS_ID,
    architecture: 'small-cnn',
    defence: 'at',
    defenceSettings: { attackSteps: 2, epsilon: 0.1 },
    trainer: { epochs: 4, batchSize: 16, validationSteps: 2, normalise: true },
    engine: 'wasm',
    deterministic: true,
  });
  const before = tf.memory().numTensors;
  const { context } = createControl(() => undefined);
  const result = await train({ config, dataset, folder, resume: false, context });
  expect(tf.memory().numTensors).toBe(before);
  expect(result.cleanAccuracy).toBeGreaterThan(0.9);

  const arrays = await readNpz(join(folder, WEIGHTS_FILE));
  expect(areNormalised(arrays)).toBe(true);
  const pixels = dataset.readImages(dataset.positions('train'));
  const mean = pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
  const variance = pixels.reduce((sum, pixel) => sum + (pixel - mean) ** 2, 0) / pixels.length;
  const { mean: ownMean, deviation } = channelStatistics(dataset, dataset.positions('train'));
  expect(ownMean[0]).toBeCloseTo(mean, 6);
  expect(deviation[0]).toBeCloseTo(Math.sqrt(variance), 6);
  expect(arrays['input_mean']?.data[0]).toBe(Math.fround(ownMean[0]!));
  expect(arrays['input_deviation']?.data[0]).toBe(Math.fround(deviation[0]!));

  const network = buildNetwork('small-cnn', dataset.manifest.shape, 2, true);
  tf.dispose(Object.values(weightsFromArrays(network, arrays, 'the run')));
  expect(() => weightsFromArrays(buildNetwork('lenet', [28, 28, 1], 2, true), arrays, 'the run')).toThrow(
    /does not hold weights of lenet/,
  );
});
