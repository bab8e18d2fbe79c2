import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { trainerSettings } from '../../../shared/domain/training.ts';
import { loadEngine } from '../engines/load.ts';
import { optimizerOf } from './optimizer.ts';
import { trainOrder } from './order.ts';
import { epsilonShareAt, learningRateAt } from './schedule.ts';

beforeAll(() => loadEngine('wasm', { enginePack: null, deterministic: true }));

const settings = (values: object) => trainerSettings.parse(values);

describe('schedules', () => {
  it('fall from the learning rate to 0 over the run', () => {
    const rates = (schedule: string): number[] =>
      [0, 25, 50, 75, 100].map((step) => learningRateAt(settings({ schedule, learningRate: 0.2 }), step, 100));
    expect(rates('constant')).toEqual([0.2, 0.2, 0.2, 0.2, 0.2]);
    [0.2, 0.15, 0.1, 0.05, 0].forEach((rate, at) => expect(rates('linear')[at]).toBeCloseTo(rate, 12));
    [1, 0.853553, 0.5, 0.146447, 0].forEach((share, at) => expect(rates('cosine')[at]).toBeCloseTo(0.2 * share, 6));
  });

  it('raise ε to its full size over the warm-up and keep it there', () => {
    const shares = [0, 19, 39, 40, 99].map((step) => epsilonShareAt(0.4, step, 100));
    expect(shares).toEqual([1 / 40, 0.5, 1, 1, 1]);
    expect(epsilonShareAt(0, 0, 100)).toBe(1);
  });
});

describe('the order of the data', () => {
  it('takes every position once an epoch, each epoch in another order, the same for the same seed', () => {
    const positions = Uint32Array.from({ length: 10 }, (_, index) => 100 + index);
    const order = trainOrder(positions, 4, 7);
    expect(order.stepsPerEpoch).toBe(3);
    const epoch = (first: number): number[] => [0, 1, 2].flatMap((step) => Array.from(order.at(first + step)));
    expect([0, 1, 2].map((step) => order.at(step).length)).toEqual([4, 4, 2]);
    expect(epoch(0).toSorted()).toEqual(Array.from(positions));
    expect(epoch(3)).not.toEqual(epoch(0));
    expect(Array.from(trainOrder(positions, 4, 7).at(4))).toEqual(Array.from(order.at(4)));
    expect(Array.from(trainOrder(positions, 4, 8).at(0))).not.toEqual(Array.from(order.at(0)));
  });
});

/** Three updates of one parameter with these gradients, in float64, as the papers write them. */
const GRADIENTS = [0.5, -2, 1];

function adamByHand(rate: number): number[] {
  let [m, v, w] = [0, 0, 1];
  return GRADIENTS.map((g, index) => {
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const t = index + 1;
    w -= (rate * (m / (1 - 0.9 ** t))) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-8);
    return w;
  });
}

function sgdByHand(rate: number): number[] {
  let [v, w] = [0, 1];
  return GRADIENTS.map((g) => {
    v = 0.9 * v + g;
    w -= rate * (g + 0.9 * v);
    return w;
  });
}

describe('optimizers', () => {
  it.each([
    ['adam', adamByHand(0.1)],
    ['sgd', sgdByHand(0.1)],
  ] as const)('%s follows its paper, and leaks nothing', (name, expected) => {
    const before = tf.memory().numTensors;
    const optimizer = optimizerOf(settings({ optimizer: name }));
    let weight: tf.Tensor = tf.tensor1d([1]);
    let slots: readonly tf.Tensor[] = optimizer.slots.map(() => tf.zeros([1]));
    GRADIENTS.forEach((gradient, step) => {
      const [next, ...state] = tf.tidy(() => {
        const numbers = optimizer.numbers(0.1, step).map((value) => tf.scalar(value));
        const update = optimizer.update(tf.tensor1d([gradient]), slots, numbers);
        return [tf.sub(weight, update.delta), ...update.slots];
      });
      tf.dispose([weight, ...slots]);
      weight = next!;
      slots = state;
      expect(weight.dataSync()[0]).toBeCloseTo(expected[step]!, 5);
    });
    tf.dispose([weight, ...slots]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
