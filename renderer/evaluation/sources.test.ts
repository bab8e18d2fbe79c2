import { describe, expect, it } from 'vitest';
import type { ModelSummary } from '../../shared/domain/model.ts';
import { sourceOptions } from './sources.ts';

function model(id: string, change: Partial<ModelSummary> = {}): ModelSummary {
  return {
    id,
    name: id,
    origin: 'run',
    architecture: 'small-cnn',
    defence: 'natural',
    dataset: 'dataset-00000001',
    inputShape: [28, 28, 1],
    classes: 10,
    parameters: 1,
    seed: 0,
    colour: 0,
    created: '',
    ...change,
  };
}

const target = model('run-target', { defence: 'at-alp' });

describe('sources of a transfer attack', () => {
  it('makes the same architecture gray box and another one black box', () => {
    const options = sourceOptions(
      [model('run-same', { seed: 1 }), model('run-other', { architecture: 'lenet' })],
      [target],
    );
    expect(options.map((option) => option.threats)).toEqual([['gray-box'], ['black-box']]);
    expect(options.every((option) => option.obstacle === null && option.remarks.length === 0)).toBe(true);
  });

  it('names both threats where the targets differ in architecture', () => {
    const [option] = sourceOptions(
      [model('run-same', { seed: 1 })],
      [target, model('run-lenet', { architecture: 'lenet' })],
    );
    expect(option?.threats).toEqual(['gray-box', 'black-box']);
  });

  it('never offers a target as the source, nor a model of other images', () => {
    const options = sourceOptions(
      [target, model('run-big', { inputShape: [32, 32, 3] }), model('run-two', { classes: 2 })],
      [target],
    );
    expect(options.map((option) => option.obstacle)).toEqual(['is-target', 'other-shape', 'other-shape']);
  });

  it('remarks on a defended source and on one that shares the seed of a target', () => {
    const options = sourceOptions(
      [model('run-at', { defence: 'at', seed: 5 }), model('run-same', { seed: 0 })],
      [target],
    );
    expect(options.map((option) => option.remarks)).toEqual([['defended'], ['same-seed']]);
  });

  it('remarks on a source that a target was trained against', () => {
    const hardened = model('run-hardened', { defence: 'ensemble-at', seed: 9, trainedAgainst: ['run-static'] });
    const options = sourceOptions([model('run-static'), model('run-other', { seed: 3 })], [target, hardened]);
    expect(options.map((option) => option.remarks)).toEqual([['trained-against', 'same-seed'], []]);
  });
});
