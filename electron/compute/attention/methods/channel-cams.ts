import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { forward, forwardFrom } from '../../models/network.ts';
import { asOneBatch, defineMap, layerExtent, repeatBatch, scoreOf, sumOverVariants } from './method.ts';
import type { MapTask } from './method.ts';

/** Added to the scores' range and to the score that ablations are compared with, so that no quotient is 0 / 0. */
const FLOOR = 1e-8;

/**
 * Scores of the batch for each channel, [n, channels], from passes of as many channels at once as fit.
 * @param logitsOf the logits [channels · n, classes] of the batch changed by channels `first` and on
 */
async function channelScores(
  task: MapTask,
  logitsOf: (first: number, channels: number) => tf.Tensor2D,
): Promise<tf.Tensor2D> {
  const [, , channels] = layerExtent(task);
  const rows = task.images.shape[0];
  return sumOverVariants(task, channels, (first, count) => {
    const logits = logitsOf(first, count);
    const scores = tf.reshape(scoreOf(logits, repeatBatch(task.coefficients, count)), [count, rows]);
    return tf.pad2d(tf.transpose<tf.Tensor2D>(scores as tf.Tensor2D), [
      [0, 0],
      [first, channels - first - count],
    ]);
  });
}

function weightedSum(activation: tf.Tensor4D, weights: tf.Tensor2D): tf.Tensor3D {
  const [rows, channels] = weights.shape;
  return tf.relu(tf.sum<tf.Tensor3D>(tf.mul(activation, tf.reshape(weights, [rows, 1, 1, channels])), 3));
}

/** Channels as masks [n, height, width, channels] at the images' extent, each scaled to 0…1; a flat channel is 0. */
function channelMasks(activation: tf.Tensor4D, extent: readonly [number, number]): tf.Tensor4D {
  const large = tf.image.resizeBilinear(activation, [...extent], false, true);
  const low = tf.min(large, [1, 2], true);
  const range = tf.sub(tf.max(large, [1, 2], true), low);
  return tf.div<tf.Tensor4D>(tf.sub(large, low), tf.add(range, FLOOR));
}

export const scoreCam = defineMap({
  name: 'score-cam',
  label: 'Score-CAM',
  summary: 'Channels weighted by the score of the image seen through them; no gradient. One pass for each channel.',
  source: 'Wang et al. 2020, arXiv 1910.01279, eq. 4 to 8; weights go through softmax',
  level: 'layer',
  signed: false,
  explains: true,
  schema: z.strictObject({}),
  passes: (_, task) => layerExtent(task)[2],
  make: async (task) => {
    const { network, weights, images, activation } = task;
    const [height, width] = [images.shape[1], images.shape[2]];
    const masks = tf.tidy(() => channelMasks(activation, [height, width]));
    try {
      const scores = await channelScores(task, (first, count) => {
        const some = tf.slice(masks, [0, 0, 0, first], [-1, -1, -1, count]);
        const seen = tf.mul(tf.expandDims(tf.transpose(some, [3, 0, 1, 2]), 4), tf.expandDims(images, 0));
        return forward(network, weights, asOneBatch(seen)).logits;
      });
      return tf.tidy(() => {
        const importance = tf.softmax(scores);
        scores.dispose();
        return weightedSum(activation, importance);
      });
    } finally {
      masks.dispose();
    }
  },
});

export const ablationCam = defineMap({
  name: 'ablation-cam',
  label: 'Ablation-CAM',
  summary: 'Channels weighted by how far the score falls without them; no gradient. One pass for each channel.',
  source:
    'Desai & Ramaswamy 2020, WACV, eq. 3 to 5, with |score| below the fraction so that its sign keeps its meaning',
  level: 'layer',
  signed: false,
  explains: true,
  schema: z.strictObject({}),
  passes: (_, task) => layerExtent(task)[2],
  make: async (task) => {
    const { network, weights, layer, activation, coefficients } = task;
    const [, , channels] = layerExtent(task);
    const scores = await channelScores(task, (first, count) => {
      const kept = tf.sub(1, tf.slice(tf.eye(channels), [first, 0], [count, channels]));
      const without = tf.mul(tf.expandDims(activation, 0), tf.reshape(kept, [count, 1, 1, 1, channels]));
      return forwardFrom(network, weights, layer, asOneBatch(without));
    });
    return tf.tidy(() => {
      const whole = tf.expandDims(scoreOf(forwardFrom(network, weights, layer, activation), coefficients), 1);
      const falls = tf.div<tf.Tensor2D>(tf.sub(whole, scores), tf.add(tf.abs(whole), FLOOR));
      scores.dispose();
      return weightedSum(activation, falls);
    });
  },
});
