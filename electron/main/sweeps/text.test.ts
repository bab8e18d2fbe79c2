import { describe, expect, it } from 'vitest';
import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { sweepRequest } from '../../../shared/domain/sweep.ts';
import { readText, writeText } from './text.ts';

const entry = (name: string) => ({ name, label: name, summary: '', source: '', fields: [] });
const catalogue = {
  architectures: [{ ...entry('small-cnn'), stages: [], layers: [] }],
  defences: [{ ...entry('at'), adversarial: true, ablations: [], recommended: null }],
  attacks: [],
  presets: [],
  maps: [],
  trainer: [{ key: 'epochs', label: 'Epochs', type: 'integer', default: 6, nullable: false }],
} satisfies Catalogue;
// Only what names are looked up by.
const datasets = [
  { id: 'dataset-00000001', manifest: { name: 'MNIST' } },
  { id: 'dataset-00000002', manifest: { name: 'MNIST' } },
] as unknown as readonly DatasetRow[];

const TEXT = `name: two
dataset: MNIST
base:
  architecture: small-cnn
  epochs: 2
list:
  - { defence: at }
  - {}
seeds: [ 0, 1 ]
surrogates:
  gray-box: {}
evaluate:
  attacks:
    - pgd
    - { name: pgd, settings: { steps: 200 }, epsilons: [ 0.1 ] }
  examples: { count: 40 }
`;

describe('the text of a sweep', () => {
  it('gives the sweep, and the sweep the text', () => {
    const { faults, content } = readText(TEXT, undefined, catalogue, datasets);
    expect(faults).toEqual([]);
    expect(content).toMatchObject({ name: 'two', datasetName: 'MNIST', dataset: 'dataset-00000002' });
    const request = sweepRequest.parse({ ...content!.parts, name: content!.name, dataset: content!.dataset });
    expect(writeText(request, datasets)).toBe(TEXT);
  });

  it('takes a preset over and names it; one that is gone counts as none', () => {
    const text = `${TEXT}presets:\n  quick: { seeds: [7] }\n`;
    const quick = readText(text, 'quick', catalogue, datasets);
    expect(quick.presets).toEqual(['quick']);
    expect(quick.content).toMatchObject({ name: 'two (quick)', parts: { seeds: [7] } });
    expect(readText(text, 'slow', catalogue, datasets).content).toMatchObject({
      name: 'two',
      parts: { seeds: [0, 1] },
    });
  });

  it('names every fault with its line and column', () => {
    const wrong = TEXT.replace('seeds: [ 0, 1 ]', 'seeds: []').replace('surrogates:', 'surrogate:');
    expect(readText(wrong, undefined, catalogue, datasets)).toEqual({
      faults: [
        { line: 9, column: 1, message: expect.stringContaining('empty axis') as string },
        { line: 10, column: 1, message: expect.stringContaining('Did you mean “surrogates”?') as string },
      ],
      presets: [],
      content: null,
    });
    expect(readText('name: [', undefined, catalogue, datasets).faults).toMatchObject([{ line: 1 }]);
  });

  it('may name a data set that the library does not have', () => {
    const other = readText(TEXT.replace('MNIST', 'CIFAR-10'), undefined, catalogue, datasets);
    expect(other.content).toMatchObject({ datasetName: 'CIFAR-10', dataset: null });
  });
});
