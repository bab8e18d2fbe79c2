import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { forwardGuided } from '../../models/network.ts';
import { asOneBatch, defineMap, imageSlope, repeatBatch, scoreOf, sumOverVariants } from './method.ts';
import type { MapTask } from './method.ts';

const largest = (tensor: tf.Tensor4D): tf.Tensor3D => tf.max<tf.Tensor3D>(tf.abs(tensor), 3);

export const inputGradient = defineMap({
  name: 'gradient',
  label: 'Input gradient',
  summary: 'How much the score changes with each pixel: the largest absolute gradient over the colours.',
  source: 'Simonyan et al. 2014, arXiv 1312.6034, section 3',
  level: 'input',
  signed: false,
  explains: true,
  schema: z.strictObject({}),
  passes: () => 3,
  make: (task) => Promise.resolve(tf.tidy(() => largest(imageSlope(task, task.images, task.coefficients)))),
});

export const gradientTimesInput = defineMap({
  name: 'gradient-input',
  label: 'Gradient × input',
  summary: 'What each pixel adds to the score if the network were linear.',
  source: 'Shrikumar et al. 2017, arXiv 1605.01713, section 2',
  level: 'input',
  signed: true,
  explains: true,
  schema: z.strictObject({}),
  passes: () => 3,
  make: (task) =>
    Promise.resolve(
      tf.tidy(() => tf.sum<tf.Tensor3D>(tf.mul(imageSlope(task, task.images, task.coefficients), task.images), 3)),
    ),
});

/** Midpoints of equal parts of [0, 1]: their error falls with the square of the number of parts. */
const midpoint = (step: number, steps: number): number => (step + 0.5) / steps;

export const integratedGradients = defineMap({
  name: 'integrated-gradients',
  label: 'Integrated gradients',
  summary: 'Gradients along the straight line from a baseline; the map sums to the difference of the scores.',
  source: 'Sundararajan et al. 2017, arXiv 1703.01365, eq. 1; completeness: proposition 1',
  level: 'input',
  signed: true,
  explains: true,
  schema: z.strictObject({
    steps: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(2000, 'must be at most 2,000')
      .default(64)
      .meta({ label: 'Steps', help: 'Points on the line; more bring the sum nearer to the difference of the scores.' }),
    baseline: z.number().min(0, 'must be at least 0').max(1, 'must be at most 1').default(0).meta({
      label: 'Baseline',
      unit: 'of [0, 1]',
      help: 'Grey level of the image without anything on it; 0 is black.',
    }),
  }),
  passes: ({ steps }) => 3 * steps,
  make: async (task, { steps, baseline }) => {
    const { images, coefficients } = task;
    const sum = await sumOverVariants(task, steps, (first, count) => {
      const shares = tf.tensor(Array.from({ length: count }, (_, at) => midpoint(first + at, steps)));
      const line = tf.mul(tf.expandDims(tf.sub(images, baseline), 0), tf.reshape(shares, [count, 1, 1, 1, 1]));
      const points = asOneBatch(tf.add(line, baseline));
      return summedSlopes(task, points, repeatBatch(coefficients, count), count);
    });
    return tf.tidy(() => {
      const map = tf.sum<tf.Tensor3D>(tf.mul(tf.div(sum, steps), tf.sub(images, baseline)), 3);
      sum.dispose();
      return map;
    });
  },
});

export const smoothGrad = defineMap({
  name: 'smooth-grad',
  label: 'SmoothGrad',
  summary: 'The input gradient averaged over noisy copies of the image.',
  source: 'Smilkov et al. 2017, arXiv 1706.03825, section 3',
  level: 'input',
  signed: false,
  explains: true,
  schema: z.strictObject({
    samples: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(1000, 'must be at most 1,000')
      .default(25)
      .meta({ label: 'Copies' }),
    noise: z.number().min(0, 'must be at least 0').max(1, 'must be at most 1').default(0.15).meta({
      label: 'Noise',
      unit: 'of [0, 1]',
      help: 'Standard deviation; the paper takes 0.1 to 0.2 of the range.',
    }),
  }),
  passes: ({ samples }) => 3 * samples,
  make: async (task, { samples, noise }) => {
    const { images, coefficients } = task;
    const size = images.size / images.shape[0];
    const sum = await sumOverVariants(task, samples, (first, count) => {
      const values = new Float32Array(count * images.size);
      for (let copy = 0; copy < count; copy += 1) {
        for (let row = 0; row < images.shape[0]; row += 1) {
          const random = task.randomOf(row, 'smooth-grad', first + copy);
          random.fillNormal(values, copy * images.size + row * size, size, 0, noise);
        }
      }
      const copies = repeatBatch(images, count);
      const noisy = tf.add<tf.Tensor4D>(copies, tf.tensor4d(values, copies.shape));
      return summedSlopes(task, noisy, repeatBatch(coefficients, count), count);
    });
    return tf.tidy(() => {
      const map = largest(tf.div(sum, samples));
      sum.dispose();
      return map;
    });
  },
});

export const guidedBackpropagation = defineMap({
  name: 'guided-backpropagation',
  label: 'Guided backpropagation',
  summary: 'Gradients that pass every ReLU only where they are positive. Sharp, but hardly depends on the class.',
  source: 'Springenberg et al. 2015, arXiv 1412.6806, section 3.4; its weakness: Adebayo et al. 2018, arXiv 1810.03292',
  level: 'input',
  signed: false,
  explains: true,
  schema: z.strictObject({}),
  passes: () => 3,
  make: ({ network, weights, images, coefficients }) =>
    Promise.resolve(
      tf.tidy(() => {
        const score = (tensor: tf.Tensor): tf.Tensor =>
          tf.sum(scoreOf(forwardGuided(network, weights, tensor as tf.Tensor4D), coefficients));
        return largest(tf.grad(score)(images) as tf.Tensor4D);
      }),
    ),
});

/** Σ over copies of the gradients by the images, [n, height, width, channels]. */
function summedSlopes(task: MapTask, points: tf.Tensor4D, coefficients: tf.Tensor2D, copies: number): tf.Tensor4D {
  const slopes = imageSlope(task, points, coefficients);
  return tf.sum<tf.Tensor4D>(tf.reshape(slopes, [copies, ...task.images.shape]), 0);
}
