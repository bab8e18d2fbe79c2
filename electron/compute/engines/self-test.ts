import * as tf from '@tensorflow/tfjs-core';
import { crossEntropyFromLogits } from '../losses.ts';
import { Classifier } from '../models/classifier.ts';
import { buildNetwork, forward, initialWeights, weightList, weightsFromList, type Network } from '../models/network.ts';
import { stream } from '../random/stream.ts';
import { convLayer } from './kernels/layers.ts';
import { SELF_TEST_REFERENCE } from './self-test-reference.ts';
import { threadsReady } from './state.ts';
import { prepareStep, type StepDefinition } from './step.ts';

/** The network, images and labels of the self-test: always the same, made from seeds. */
export interface SelfTestCase {
  readonly network: Network;
  readonly seed: number;
  readonly images: Float32Array;
  readonly imageShape: [number, number, number, number];
  readonly labels: readonly number[];
}

export function selfTestCase(): SelfTestCase {
  const network = buildNetwork('small-cnn', [12, 12, 1], 4);
  const imageShape: [number, number, number, number] = [4, 12, 12, 1];
  const images = new Float32Array(4 * 144);
  stream(11, 'self-test', 'images').fillUniform(images, 0, images.length, 0, 1);
  return { network, seed: 11, images, imageShape, labels: [0, 1, 2, 3] };
}

/** At most this many values of each gradient are kept for comparison, evenly spaced. */
export const SELF_TEST_SAMPLES = 12;

/** Positions of the values of a gradient that are compared. */
export function sampledPositions(size: number): number[] {
  const count = Math.min(size, SELF_TEST_SAMPLES);
  return Array.from({ length: count }, (_, index) => Math.floor((index * size) / count));
}

/** A float32 computation in another order differs by a few of its 1e-7; a wrong kernel by far more. */
const LARGEST_ERROR = 1e-4;

/**
 * Compares the current engine's gradients of a small network, by images and by every parameter, with numbers that were
 * computed in float64 once.
 * @returns the largest error, relative to each gradient's largest reference value.
 */
export function selfTest(): { readonly passed: boolean; readonly maxRelativeError: number } {
  const { network, seed, images, imageShape, labels } = selfTestCase();
  const maxRelativeError = tf.tidy(() => {
    const weights = initialWeights(network, seed);
    const x = tf.tensor4d(images.slice(), imageShape);
    const y = tf.tensor1d([...labels], 'int32');
    const gradients = tf.grads((input: tf.Tensor, ...list: tf.Tensor[]) => {
      const { logits } = forward(network, weightsFromList(network, list), input as tf.Tensor4D);
      return tf.sum(crossEntropyFromLogits(logits, y));
    })([x, ...weightList(network, weights)]);
    const names = ['images', ...network.parameters.map(({ name }) => name)];
    return Math.max(
      ...gradients.map((gradient, index) => relativeError(gradient, SELF_TEST_REFERENCE[names[index] ?? ''])),
    );
  });
  return { passed: maxRelativeError <= LARGEST_ERROR, maxRelativeError };
}

function relativeError(gradient: tf.Tensor, reference: readonly number[] | undefined): number {
  const positions = sampledPositions(gradient.size);
  if (reference?.length !== positions.length) return Infinity;
  const values = gradient.dataSync();
  const scale = Math.max(...reference.map(Math.abs));
  const errors = positions.map(
    (position, index) => Math.abs((values[position] ?? NaN) - (reference[index] ?? NaN)) / scale,
  );
  return errors.some(Number.isNaN) ? Infinity : Math.max(...errors);
}

/** Time for each of the two measurements, in milliseconds. */
const MEASURE_FOR = 800;

/** A convolution with bias: x [n, h, w, in], filter, bias → y. Its speed is that of the engine. */
export const SPEED_CONVOLUTION: StepDefinition<object> = {
  name: 'speed-convolution',
  build:
    () =>
    (...inputs) => {
      const [x, filter, bias] = inputs as [tf.Tensor4D, tf.Tensor4D, tf.Tensor1D];
      return [convLayer(x, filter, bias, { pad: 'same', relu: false })];
    },
  layout: () => ({ inputs: ['rows'], outputs: ['rows'] }),
  describe: () => 'convolution',
};

/**
 * Speed of the current engine on all its threads: a 3×3 convolution of [64, 16, 16, 64] to 64 channels in 10⁹ floating-point operations a
 * second, and input gradients of mnist-cnn in batches of 128, in examples a second. The best of several runs each.
 */
export async function measureSpeed(): Promise<{ readonly gflops: number; readonly gradientsPerSecond: number }> {
  await threadsReady();
  const inputs = [[64, 16, 16, 64], [3, 3, 64, 64], [64]].map((shape) => tf.fill(shape, 0.5));
  const step = prepareStep(SPEED_CONVOLUTION, {});
  const operations = 2 * 64 * 16 * 16 * 9 * 64 * 64;
  const seconds = bestSeconds(() => {
    const outputs = step.run(...inputs);
    outputs[0]?.dataSync();
    tf.dispose(outputs);
  });
  step.dispose();
  tf.dispose(inputs);

  const batch = 128;
  const network = buildNetwork('mnist-cnn', [28, 28, 1], 10);
  const classifier = new Classifier(network, initialWeights(network, 0));
  const x = tf.fill<tf.Rank.R4>([batch, 28, 28, 1], 0.5);
  const labels = tf.zeros<tf.Rank.R1>([batch], 'int32');
  const gradientSeconds = bestSeconds(() => {
    const { logits, gradient } = classifier.lossGradient(x, labels);
    gradient.dataSync();
    tf.dispose([logits, gradient]);
  });
  classifier.dispose();
  tf.dispose([x, labels]);
  return { gflops: operations / seconds / 1e9, gradientsPerSecond: batch / gradientSeconds };
}

function bestSeconds(run: () => void): number {
  run();
  let best = Infinity;
  const end = performance.now() + MEASURE_FOR;
  do {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  } while (performance.now() < end);
  return best / 1000;
}
