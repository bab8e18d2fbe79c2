import { expect, it } from 'vitest';
import { sourceNotes } from './source-notes.ts';

const natural = { id: 'run-00000001', name: 'surrogate', architecture: 'small-cnn', defence: 'natural', seed: 1 };
const target = { id: 'run-00000000', name: 'robust', architecture: 'small-cnn', defence: 'at-alp', seed: 0 };

it('an undefended source of another seed or architecture is the usual one', () => {
  expect(sourceNotes(natural, target)).toEqual([]);
  expect(sourceNotes({ ...natural, architecture: 'lenet', seed: 0 }, target)).toEqual([]);
});

it('says that the target was trained against the source', () => {
  const hardened = { ...target, trainedAgainst: ['run-00000002', natural.id] };
  expect(sourceNotes(natural, hardened)).toEqual([
    expect.stringMatching(/robust was trained against this source, surrogate;.*not the usual gray-box number/),
  ]);
  expect(sourceNotes({ ...natural, architecture: 'lenet' }, hardened).join()).toMatch(/trained against.*black-box/);
  expect(sourceNotes({ ...natural, id: 'run-00000003' }, hardened)).toEqual([]);
});

it('names a defence, and for gray-box the same seed', () => {
  expect(sourceNotes({ ...natural, defence: 'at' }, target).join()).toMatch(/defended \(at\).*gray-box number/);
  expect(sourceNotes({ ...natural, defence: 'at', architecture: 'lenet' }, target).join()).toMatch(/black-box number/);
  expect(sourceNotes({ ...natural, seed: 0 }, target)).toEqual([
    expect.stringMatching(/seed of the target robust \(0\)/),
  ]);
  expect(sourceNotes({ ...natural, defence: 'at', seed: 0 }, target)).toHaveLength(2);
});

it('says softly what is not known of imported weights', () => {
  const imported = { ...natural, defence: null, seed: null };
  expect(sourceNotes(imported, target)).toEqual([expect.stringMatching(/not known.*from another seed/)]);
  expect(sourceNotes({ ...imported, architecture: 'lenet' }, target)[0]).not.toMatch(/seed/);
  expect(sourceNotes(natural, { ...target, seed: null })).toEqual([expect.stringMatching(/^Whether .* not known\.$/)]);
});
