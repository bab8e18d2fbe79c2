import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { partsAt, trainerSettings } from '../../../shared/domain/training.ts';
import { loadEngine } from '../engines/load.ts';
import { averageShare, clipFactor, decaysWeight, optimizerOf, type Optimizer } from './optimizer.ts';
import { trainOrder } from './order.ts';
import { epsilonShareAt, learningRateAt, milestonesOf } from './schedule.ts';

beforeAll(() => loadEngine('wasm', { enginePack: null, deterministic: true }));

const settings = (values: object) => trainerSettings.parse(values);

const rates = (values: object, total: number): number[] =>
  Array.from({ length: total }, (_, step) => learningRateAt(settings({ learningRate: 0.1, ...values }), step, total));

describe('schedules', () => {
  it('cosine, step and one-cycle are PyTorch’s', () => {
    const { total, gamma, rates: wanted } = peer.schedules;
    for (const [schedule, values] of Object.entries(wanted)) {
      const found = rates({ schedule, gamma, milestones: '0.5, 0.75' }, total);
      expect(values.length).toBeGreaterThan(30);
      values.forEach((value, step) => expect(found[step]).toBeCloseTo(value, 9));
    }
  });

  it('rise evenly over the warm-up and have the whole schedule after it', () => {
    const warmed = rates({ schedule: 'cosine', learningRateWarmup: 0.2 }, 50);
    expect(warmed.slice(0, 10).map((rate) => Math.round(rate * 1e6) / 1e6)).toEqual([
      0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1,
    ]);
    rates({ schedule: 'cosine' }, 40).forEach((rate, step) => expect(warmed[10 + step]).toBeCloseTo(rate, 12));
  });

  it('one-cycle turns after its warm-up, from a 25th of the rate to almost nothing', () => {
    const found = rates({ schedule: 'one-cycle', learningRateWarmup: 0.5 }, 100);
    expect(found[0]).toBeCloseTo(0.004, 12);
    expect(found.indexOf(Math.max(...found))).toBe(49);
    expect(found[49]).toBeCloseTo(0.1, 12);
    expect(found[99]).toBeCloseTo(4e-7, 12);
  });

  it('are cut from the step on after which a run went on more slowly', () => {
    const cuts = [
      { after: 2, factor: 0.1 },
      { after: 4, factor: 0.5 },
    ];
    const constant = settings({ schedule: 'constant', learningRate: 1 });
    expect([0, 1, 2, 3, 4, 5].map((step) => learningRateAt(constant, step, 6, cuts))).toEqual([
      1, 1, 0.1, 0.1, 0.05, 0.05,
    ]);
  });

  it('of batches: each number of parts holds from its step on', () => {
    const partChanges = [
      { after: 2, parts: 4 },
      { after: 4, parts: 8 },
    ];
    const trainer = { accumulation: 2 };
    expect([0, 1, 2, 3, 4, 5].map((step) => partsAt({ trainer, partChanges }, step))).toEqual([2, 2, 4, 4, 8, 8]);
  });

  it('take milestones as text or numbers, and refuse what is no share', () => {
    expect(milestonesOf(settings({ milestones: '0.3;  .6 0.9' }))).toEqual([0.3, 0.6, 0.9]);
    expect(milestonesOf(settings({ milestones: 0.5 }))).toEqual([0.5]);
    expect(milestonesOf(settings({ milestones: [0.5, 0.75] }))).toEqual([0.5, 0.75]);
    expect(() => settings({ milestones: '30, 60' })).toThrow(/shares of the run/);
  });

  it('fall from the learning rate to 0 over the run', () => {
    const rates = (schedule: string): number[] =>
      [0, 25, 50, 75, 100].map((step) => learningRateAt(settings({ schedule, learningRate: 0.2 }), step, 100));
    expect(rates('constant')).toEqual([0.2, 0.2, 0.2, 0.2, 0.2]);
    [0.2, 0.15, 0.1, 0.05, 0].forEach((rate, at) => expect(rates('linear')[at]).toBeCloseTo(rate, 12));
    [1, 0.853553, 0.5, 0.146447, 0].forEach((share, at) => expect(rates('cosine')[at]).toBeCloseTo(0.2 * share, 6));
  });

  it('raise ε to its full size over the warm-up and keep it there', () => {
    const shareAt = (values: object) => (step: number) => epsilonShareAt(settings(values), step, 100);
    expect([0, 19, 39, 40, 99].map(shareAt({ epsilonWarmup: 0.4 }))).toEqual([1 / 40, 0.5, 1, 1, 1]);
    expect(shareAt({ epsilonWarmup: 0 })(0)).toBe(1);
    const cosine = [9, 19, 39, 99].map(shareAt({ epsilonWarmup: 0.4, epsilonSchedule: 'cosine', epsilonStart: 0.2 }));
    [0.2 + 0.8 * 0.1464466, 0.6, 1, 1].forEach((share, at) => expect(cosine[at]).toBeCloseTo(share, 6));
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

const peer = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'fixtures', 'optimizers.json'), 'utf8')) as {
  readonly start: Pair;
  readonly gradients: readonly Pair[];
  readonly rate: number;
  readonly weightDecay: number;
  readonly momentum: number;
  readonly clipNorm: number;
  readonly optimizers: readonly { readonly name: string; readonly steps: readonly Pair[] }[];
  readonly clipped: readonly Pair[];
  readonly schedules: { readonly total: number; readonly gamma: number; readonly rates: Record<string, number[]> };
};
type Pair = Readonly<Record<'weight' | 'bias', readonly number[]>>;

/** A matrix, which decays, and a bias, which does not, after each of the stored gradients. */
function updated(optimizer: Optimizer, clip: number | null): Pair[] {
  const parts = ['weight', 'bias'] as const;
  const shapes = { weight: [2, 2], bias: [2] };
  let state = parts.map((part) => ({
    weight: tf.tensor([...peer.start[part]], shapes[part]),
    slots: optimizer.slots.map(() => tf.zeros(shapes[part])),
  }));
  return peer.gradients.map((gradients, step) => {
    const next = state.map(({ weight, slots }, at) => {
      const part = parts[at]!;
      const [after, ...newSlots] = tf.tidy(() => {
        const squares = tf.scalar([...gradients.weight, ...gradients.bias].reduce((sum, g) => sum + g * g, 0));
        const gradient = tf.tensor([...gradients[part]], shapes[part]);
        const update = optimizer.update(
          {
            weight,
            gradient: clip === null ? gradient : tf.mul(gradient, clipFactor(squares, clip)),
            slots,
            decays: decaysWeight(weight),
          },
          optimizer.numbers(peer.rate, step).map((value) => tf.scalar(value)),
        );
        return [tf.sub(weight, update.delta), ...update.slots];
      });
      tf.dispose([weight, ...slots]);
      return { weight: after!, slots: newSlots };
    });
    state = next;
    const [weight, bias] = state.map((each) => Array.from(each.weight.dataSync()));
    if (step === peer.gradients.length - 1) tf.dispose(state.flatMap((each) => [each.weight, ...each.slots]));
    return { weight: weight!, bias: bias! };
  });
}

function expectClose(found: readonly Pair[], wanted: readonly Pair[]): void {
  expect(found).toHaveLength(wanted.length);
  wanted.forEach((pair, step) => {
    for (const part of ['weight', 'bias'] as const) {
      pair[part].forEach((value, at) => expect(found[step]![part][at]).toBeCloseTo(value, 5));
    }
  });
}

describe('optimizers', () => {
  it.each(peer.optimizers.map(({ name, steps }) => [name, steps] as const))(
    '%s updates as PyTorch does, weight decay on matrices alone, and leaks nothing',
    (name, steps) => {
      const before = tf.memory().numTensors;
      const { momentum, weightDecay } = peer;
      expectClose(updated(optimizerOf(settings({ optimizer: name, momentum, weightDecay })), null), steps);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('with a gradient clipped to a norm update as PyTorch does after clip_grad_norm_', () => {
    const { momentum, weightDecay, clipNorm } = peer;
    expectClose(updated(optimizerOf(settings({ optimizer: 'sgd', momentum, weightDecay })), clipNorm), peer.clipped);
  });

  it('averages move by 1 − min(decay, (1 + t) / (10 + t)) in step t', () => {
    expect([0, 1, 8, 1000].map((step) => averageShare(0.9, step))).toEqual([
      1 - 2 / 11,
      1 - 3 / 12,
      1 - 10 / 19,
      1 - 0.9,
    ]);
  });

  it('follow their papers in closed form, without decay and momentum', () => {
    // Three steps of one weight in float64, as the papers write them.
    const gradients = [0.5, -2, 1];
    const adam = (): number => {
      let [m, v, w] = [0, 0, 1];
      gradients.forEach((g, index) => {
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        w -= (0.1 * (m / (1 - 0.9 ** (index + 1)))) / (Math.sqrt(v / (1 - 0.999 ** (index + 1))) + 1e-8);
      });
      return w;
    };
    const rmsprop = (): number => {
      let [v, w] = [0, 1];
      for (const g of gradients) {
        v = 0.99 * v + 0.01 * g * g;
        w -= (0.1 * g) / (Math.sqrt(v) + 1e-8);
      }
      return w;
    };
    const plain = 1 - 0.1 * gradients.reduce((sum, g) => sum + g, 0);
    for (const [values, wanted] of [
      [{ optimizer: 'adam' }, adam()],
      [{ optimizer: 'adamw' }, adam()],
      [{ optimizer: 'rmsprop' }, rmsprop()],
      [{ optimizer: 'sgd', momentum: 0 }, plain],
    ] as const) {
      const optimizer = optimizerOf(settings(values));
      const found = tf.tidy(() => {
        let weight: tf.Tensor = tf.tensor1d([1]);
        let slots: readonly tf.Tensor[] = optimizer.slots.map(() => tf.zeros([1]));
        gradients.forEach((value, step) => {
          const numbers = optimizer.numbers(0.1, step).map((each) => tf.scalar(each));
          const update = optimizer.update({ weight, gradient: tf.tensor1d([value]), slots, decays: true }, numbers);
          [weight, slots] = [tf.sub(weight, update.delta), update.slots];
        });
        return weight.dataSync()[0];
      });
      expect(found).toBeCloseTo(wanted, 5);
    }
  });
});
