import { describe, expect, it } from 'vitest';
import type { SettingField } from '../../shared/domain/settings.ts';
import { sweepRequest, type SweepRequest } from '../../shared/domain/sweep.ts';
import { sweepFormOf, sweepProblems, sweepRequestOf } from './sweep-form.ts';

const field = (key: string, type: SettingField['type'], standard: SettingField['default']): SettingField => ({
  key,
  label: key,
  type,
  default: standard,
  nullable: standard === null,
});
const trainer = [field('epochs', 'integer', 6), field('flip', 'boolean', false)];
const catalogue = {
  architectures: [
    { name: 'small-cnn', fields: [field('width', 'number', 1)] },
    { name: 'lenet', fields: [] },
  ],
  defences: [
    { name: 'natural', fields: [] },
    { name: 'at-alp', fields: [field('alpha', 'number', 0.5), field('layers', 'list', null)] },
  ],
  attacks: [{ name: 'pgd', fields: [field('steps', 'integer', 40), field('restarts', 'integer', 1)] }],
  trainer,
};
const fields = new Map(
  [...trainer, ...catalogue.architectures[0]!.fields, ...catalogue.defences[1]!.fields].map((one) => [one.key, one]),
);

/** Everything that a YAML can ask for, also what the form has no field for. */
const full: SweepRequest = sweepRequest.parse({
  name: 'α of pairing',
  dataset: 'dataset-00000001',
  base: { architecture: 'small-cnn', defence: 'at-alp', epochs: 2, initial: 'weights.npz', beta: 2 },
  grid: {
    alpha: [0, 0.5],
    flip: [true, false],
    layers: [['conv1', 'conv2'], ['conv2']],
    architecture: ['small-cnn', 'lenet'],
  },
  list: [{ width: 2 }],
  seeds: [0, 3],
  surrogates: { 'gray-box': {}, 'black-box': { architecture: 'lenet' }, third: { seed: 7 } },
  evaluate: {
    attacks: [{ name: 'pgd', settings: { steps: 10 }, epsilons: [0.1] }],
    epsilons: [0.1, 0.2],
    examples: { count: 50, sample: true, seed: 3 },
    sources: ['white-box', 'third'],
    mode: 'each',
  },
  check: { depth: 'full', epsilon: 0.3, examples: 40 },
  attention: { examples: 20 },
  engine: 'wasm',
  deterministic: true,
});

describe('the form of a sweep', () => {
  it('takes a sweep over and gives it again, with what it has no field for', () => {
    const form = sweepFormOf(full, catalogue);
    expect(sweepProblems(form, catalogue, fields)).toEqual([]);
    expect(sweepRequestOf(form, catalogue, fields)).toEqual(full);
  });

  it('leaves out what is usual', () => {
    const form = sweepFormOf({ name: 'plain', dataset: 'dataset-00000001' }, catalogue);
    expect(sweepRequestOf(form, catalogue, fields)).toEqual({
      name: 'plain',
      dataset: 'dataset-00000001',
      base: { architecture: 'small-cnn', defence: 'natural' },
      seeds: [0],
    });
  });

  it('names what is missing or wrong', () => {
    const form = sweepFormOf({ evaluate: { attacks: [] }, check: {} }, catalogue);
    const wrong = {
      ...form,
      axes: [{ key: 'epochs', text: '1, 2.5', chosen: [] }],
      seeds: 'a',
      epsilons: '-1',
      count: 0,
      checkEpsilon: 2,
      trainer: { epochs: 1.5 },
    };
    expect(sweepProblems(wrong, catalogue, fields)).toEqual([
      'name',
      'dataset',
      'settings',
      'axes',
      'seeds',
      'attacks',
      'epsilons',
      'count',
      'check',
    ]);
    expect(sweepProblems({ ...wrong, axes: [{ key: 'flip', text: '', chosen: [] }] }, catalogue, fields)).toContain(
      'axes',
    );
  });
});
