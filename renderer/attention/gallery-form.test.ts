import { describe, expect, it } from 'vitest';
import { galleryRequest } from '../../shared/domain/gallery.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import { commonLayers, emptyGalleryForm, galleryProblems, galleryRequestOf, usualReference } from './gallery-form.ts';

const form = {
  ...emptyGalleryForm('dataset-00000001'),
  models: ['run-00000001'],
  attack: 'pgd',
  settings: { epsilon: 0.25, stepSize: null },
};

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

describe('the new-gallery form', () => {
  it('makes a request that the contract accepts', () => {
    expect(galleryProblems(form, 10)).toEqual([]);
    const request = galleryRequest.parse(galleryRequestOf({ ...form, reference: 'run-00000009' }, [6000, 6001]));
    expect(request).toMatchObject({
      indices: [6000, 6001],
      reference: 'run-00000009',
      topPercent: 20,
      layer: 'last',
      source: null,
    });
  });

  it('refuses nothing to show, too much of it, and a source that is shown itself', () => {
    expect(galleryProblems({ ...form, models: [] }, 0)).toEqual(['no-models', 'no-examples']);
    expect(galleryProblems(form, 513)).toEqual(['too-many-examples']);
    expect(galleryProblems({ ...form, source: 'run-00000001' }, 3)).toEqual(['source-is-target']);
  });

  it('refuses numbers out of range', () => {
    expect(galleryProblems({ ...form, topPercent: 0.5, exponent: 9, seed: null }, 3)).toEqual([
      'top-percent',
      'exponent',
      'seed',
    ]);
    expect(galleryProblems({ ...form, topPercent: Number.NaN }, 3)).toEqual(['top-percent']);
  });
});

describe('layers', () => {
  const described = { label: '', summary: '', source: '', fields: [], stages: [] };
  const architectures = [
    { ...described, name: 'small-cnn', layers: ['conv1', 'conv2', 'conv3'] },
    { ...described, name: 'lenet', layers: ['conv2', 'conv1'] },
  ];

  it('are those that every chosen model has', () => {
    expect(commonLayers([model('run-a'), model('run-b', { architecture: 'lenet' })], architectures)).toEqual([
      'conv1',
      'conv2',
    ]);
    expect(commonLayers([], architectures)).toEqual([]);
  });
});

describe('the usual reference', () => {
  it('is an undefended model of another seed, of a compared architecture if there is one, else none', () => {
    const lenet = model('run-d', { seed: 2, architecture: 'lenet' });
    const models = [lenet, model('run-a'), model('run-b', { defence: 'at' }), model('run-c', { seed: 1 })];
    expect(usualReference(models, ['run-a'])).toBe('run-c');
    expect(usualReference(models, ['run-b'])).toBe('run-c');
    expect(usualReference(models, ['run-b', 'run-c'])).toBe('run-d');
    expect(usualReference(models, ['run-a', 'run-c', 'run-d'])).toBeNull();
    expect(usualReference([model('run-b', { defence: 'at' })], [])).toBeNull();
    expect(usualReference([model('run-b', { seed: null })], [])).toBeNull();
  });
});
