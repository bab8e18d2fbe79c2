import { describe, expect, it } from 'vitest';
import { trainConfig, trainerSettings, type TrainConfigInput } from '../../../shared/domain/training.ts';
import { findDefence } from '../defences/registry.ts';
import { checkTrainer, dataNotes } from './check.ts';
import { configHash } from './checkpoint.ts';

const set = { name: 'Bars', shape: [12, 12, 1] as const, splits: { train: 60, validation: 24, test: 24 } };
const check = (trainer: object, defence = 'natural', splits: object = {}): void =>
  checkTrainer(trainerSettings.parse(trainer), {
    manifest: { ...set, shape: [...set.shape], splits: { ...set.splits, ...splits } },
    defence: findDefence(defence).configure({}),
  });

describe('settings of a training', () => {
  it('need validation images for early stop and best weights, and train without them otherwise', () => {
    const none = { validation: 0 };
    expect(() => check({}, 'natural', none)).not.toThrow();
    expect(() => check({ patience: 3 }, 'natural', none)).toThrow(/^patience: Bars has no validation images/);
    expect(() => check({ keep: 'best' }, 'natural', none)).toThrow(/^keep: Bars has no validation images/);
    expect(() => check({ keep: 'best', patience: 3 })).not.toThrow();
  });

  it('need a decay to keep averaged weights, and training images at all', () => {
    expect(() => check({ keep: 'ema' })).toThrow(/decay is 0/);
    expect(() => check({ keep: 'ema', ema: 0.99 })).not.toThrow();
    expect(() => check({}, 'natural', { train: 0 })).toThrow(/Bars has no training images/);
  });

  it('with single images are refused where a loss pairs images with each other, and taken elsewhere', () => {
    expect(() => check({ batchSize: 1 }, 'clp')).toThrow(/^batchSize: clp pairs images/);
    expect(() => check({ batchSize: 8, accumulation: 8 }, 'clp')).toThrow(/at most 4 parts/);
    expect(() => check({ batchSize: 8, accumulation: 4 }, 'clp')).not.toThrow();
    // These pair an image with its own adversarial example.
    for (const defence of ['natural', 'alp', 'at-alp', 'attention-pairing', 'lsq']) {
      expect(() => check({ batchSize: 1 }, defence)).not.toThrow();
    }
  });

  it('of a loss may not be negative', () => {
    for (const [defence, values] of [
      ['alp', { alpha: -1 }],
      ['at-alp', { beta: -0.5 }],
      ['clp', { lambda: -1 }],
      ['trades', { beta: -6 }],
    ] as const) {
      const [key] = Object.keys(values);
      expect(() => findDefence(defence).configure(values)).toThrow(new RegExp(`${key}: must be at least 0`));
    }
  });
});

it('says which classes no training, validation or test image shows', () => {
  const classes = ['a', 'b', 'c'];
  expect(dataNotes(classes, { train: [0, 1, 2], validation: [2, 1, 0], test: [1, 0, 2] })).toEqual([]);
  expect(dataNotes(classes, { train: [0, 2], validation: [0], test: [1, 2] })).toEqual([
    'No training image shows “b”: the network cannot learn what it looks like.',
    'No validation image shows “b”, “c”: accuracies on the held-out part say nothing about it.',
    'No test image shows “a”: evaluations will say nothing about it.',
  ]);
  expect(dataNotes(classes, { train: [0, 1, 2], validation: [], test: [] })).toEqual([
    'The data set has no validation images: accuracies are not measured while the run goes on.',
  ]);
});

describe('what a checkpoint goes with', () => {
  const config = (values: Partial<TrainConfigInput>): ReturnType<typeof trainConfig.parse> =>
    trainConfig.parse({ dataset: 'dataset-00000000', architecture: 'small-cnn', defence: 'at', seed: 3, ...values });
  const hash = (values: Partial<TrainConfigInput>, step = 10): string =>
    configHash(config(values), { epsilon: 0.25, attackSteps: 10 }, 'abc', step);

  it('is the same as before there were more settings, where these are as they were', () => {
    // Made by the version before them.
    expect(hash({})).toBe('ca660956d78157ba4f9ba8d5cb606bcca764c2cf6dd2723b3e6de613908e1884');
    expect(hash({ trainer: { flip: true, trainLimit: 100, optimizer: 'sgd' } })).toBe(
      'f2c0f85c047a4d7483ddeb5b600bf9110b67298d37018dab4ccef06d93449d6d',
    );
  });

  it('changes with every setting but the number of micro-batches', () => {
    const changes: NonNullable<TrainConfigInput['trainer']>[] = [
      { weightDecay: 0.1 },
      { momentum: 0.5 },
      { ema: 0.9 },
      { clipNorm: 1 },
      { patience: 3 },
      { keep: 'best' },
      { milestones: '0.1' },
      { learningRateWarmup: 0.1 },
      { epsilonStart: 0.5 },
    ];
    expect(new Set(changes.map((trainer) => hash({ trainer }))).add(hash({})).size).toBe(changes.length + 1);
    expect(hash({ trainer: { accumulation: 4 } })).toBe(hash({}));
  });

  it('knows the cuts of rate and batches that came before its step', () => {
    const rateCuts = [{ after: 10, factor: 0.1 }];
    expect(hash({ rateCuts }, 10)).toBe(hash({}, 10));
    expect(hash({ rateCuts }, 11)).not.toBe(hash({}, 11));
    const partChanges = [{ after: 10, parts: 2 }];
    expect(hash({ partChanges }, 10)).toBe(hash({}, 10));
    expect(hash({ partChanges }, 11)).not.toBe(hash({}, 11));
  });
});
