import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import type { SweepParts } from '../../../shared/domain/sweep.ts';
import { readCatalogue } from '../catalogue.ts';
import { countTrainings, expandSweep } from './expand.ts';
import { datasetAsked, withPreset } from './read.ts';

let catalogue: Catalogue;
beforeAll(async () => {
  catalogue = await readCatalogue();
});

const distinct = <T>(values: fc.Arbitrary<T>, maxLength: number) => fc.uniqueArray(values, { minLength: 1, maxLength });

/** Sweeps whose settings all trainings have. */
const sweeps: fc.Arbitrary<SweepParts> = fc.record({
  base: fc.constant({ architecture: 'small-cnn', epochs: 1 }),
  grid: fc.record({
    defence: distinct(fc.constantFrom('at', 'm-pgd', 'alp', 'at-alp'), 4),
    attackSteps: distinct(fc.integer({ min: 1, max: 50 }), 3),
    learningRate: distinct(fc.double({ min: 1e-5, max: 1, noNaN: true }), 3),
  }),
  seeds: distinct(fc.nat(1000), 4),
});

const keysOf = (parts: SweepParts): string[] =>
  expandSweep(parts, catalogue).groups.flatMap(({ trainings }) => trainings.map(({ key }) => key));

test('a sweep has one training for each combination and seed, each with a key and a label of its own', () => {
  fc.assert(
    fc.property(sweeps, (parts) => {
      const { groups } = expandSweep(parts, catalogue);
      const keys = keysOf(parts);
      expect(keys).toHaveLength(countTrainings(parts));
      expect(new Set(keys).size).toBe(keys.length);
      expect(new Set(groups.map(({ label }) => label)).size).toBe(groups.length);
      for (const { trainings } of groups) expect(trainings.map(({ seed }) => seed)).toEqual(parts.seeds);
    }),
  );
});

test('keys do not depend on the order of the file, and more values or seeds leave the old ones as they are', () => {
  fc.assert(
    fc.property(sweeps, ({ base = {}, grid = {}, seeds = [] }) => {
      const keys = keysOf({ base, grid, seeds });
      const turned = Object.fromEntries(Object.entries(grid).toReversed());
      const backwards = Object.fromEntries(Object.entries(turned).map(([key, axis]) => [key, axis.toReversed()]));
      expect(keysOf({ seeds: seeds.toReversed(), grid: backwards, base }).sort()).toEqual(keys.toSorted());
      const more = keysOf({ base, grid: { ...grid, attackSteps: [...(grid['attackSteps'] ?? []), 77] }, seeds });
      expect(more).toEqual(expect.arrayContaining(keys));
    }),
  );
});

test('what a defence does not have is left out there, and trainings that are then equal are one', () => {
  const parts: SweepParts = {
    base: { architecture: 'small-cnn', attackSteps: 5 },
    grid: { defence: ['natural', 'alp'], alpha: [0.5, 1] },
    list: [{}, { defence: 'm-pgd', share: 1 }],
    seeds: [3],
  };
  const { groups } = expandSweep(parts, catalogue);
  expect(groups.map(({ label }) => label)).toEqual(['natural', 'alp, alpha 0.5', 'alp, alpha 1', 'm-pgd, share 1']);
  expect(groups[0]?.trainings[0]?.placed).toMatchObject({ defence: 'natural', trainer: {}, defenceSettings: {} });
  expect(groups[1]?.trainings[0]?.placed.defenceSettings).toEqual({ attackSteps: 5, alpha: 0.5 });
});

test('an empty list of a setting is called none', () => {
  const parts: SweepParts = {
    base: { architecture: 'convnet-64', defence: 'at' },
    grid: { denoise: [[], ['conv2', 'conv3']] },
  };
  const { groups } = expandSweep(parts, catalogue);
  expect(groups.map(({ label }) => label)).toEqual(['at, denoise none', 'at, denoise conv2 + conv3']);
});

test('a surrogate is undefended, shares the rest, and is the same training where another one is', () => {
  const parts: SweepParts = {
    base: { architecture: 'small-cnn', defence: 'at', attackSteps: 5, epochs: 2 },
    list: [{}, { defence: 'natural' }],
    seeds: [4],
    surrogates: { 'gray-box': {}, 'black-box': { architecture: 'lenet' }, same: { seed: 4 } },
  };
  const { groups, surrogates } = expandSweep(parts, catalogue);
  expect(surrogates.map(({ name, seed, placed }) => [name, seed, placed.architecture, placed.defence])).toEqual([
    ['gray-box', 1000, 'small-cnn', 'natural'],
    ['black-box', 1000, 'lenet', 'natural'],
    ['same', 4, 'small-cnn', 'natural'],
  ]);
  expect(surrogates[2]?.key).toBe(groups[1]?.trainings[0]?.key);
});

test('a preset changes base, grid, evaluation and attention key by key, seeds, list and data set as a whole', () => {
  const file = {
    name: 'x',
    dataset: 'y',
    base: { epochs: 1, architecture: 'small-cnn' },
    grid: { defence: ['at'] },
    seeds: [0],
    evaluate: { attacks: ['fgsm'], epsilons: [0.1] },
    presets: { day: { base: { epochs: 9 }, seeds: [0, 1, 2], evaluate: { attacks: ['pgd'] } } },
  };
  expect(withPreset(file, 'day')).toEqual({
    base: { epochs: 9, architecture: 'small-cnn' },
    grid: { defence: ['at'] },
    seeds: [0, 1, 2],
    evaluate: { attacks: ['pgd'], epsilons: [0.1] },
  });
  const looking = {
    ...file,
    attention: { examples: 50, reference: 'gray-box' },
    presets: { day: { attention: { examples: 200 } }, blind: { attention: null } },
  };
  expect(withPreset(looking, 'day').attention).toEqual({ examples: 200, reference: 'gray-box' });
  expect(withPreset(looking, 'blind').attention).toBeNull();
  const size: [number, number] = [224, 224];
  const larger = { ...file, presets: { gpu: { dataset: { name: 'z', size } }, day: {} } };
  expect(datasetAsked(larger, 'gpu')).toEqual({ name: 'z', size });
  expect(withPreset(larger, 'gpu')).not.toHaveProperty('dataset');
  expect(datasetAsked(larger, 'day')).toBe('y');
  expect(withPreset(file, undefined)).not.toHaveProperty('presets');
  expect(() => withPreset(file, 'dya')).toThrow(/no “dya” in this file. It has: day/);
});
