import { expect, it } from 'vitest';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { asTree, countEdits, rootOf } from './versions.ts';

const row = (id: string, parent?: string, created = ''): DatasetRow =>
  ({
    id,
    bytes: 0,
    manifest: { id, name: id, created, ...(parent && { parent: { id: parent, hash: '', edits: [] } }) },
  }) as never;

const rows = [row('b2', 'b1', '2'), row('a'), row('b'), row('b1', 'b', '1'), row('b3', 'b', '0'), row('lost', 'gone')];

it('puts versions below what they were made from, whatever the order of the library', () => {
  expect(asTree(rows).map(({ row: { id }, depth }) => `${depth} ${id}`)).toEqual([
    '0 a',
    '0 b',
    '1 b3',
    '1 b1',
    '2 b2',
    '0 lost',
  ]);
});

it('finds the first of a family that is still there', () => {
  expect(rows.map((one) => rootOf(one, rows))).toEqual(['b', 'a', 'b', 'b', 'b', 'lost']);
});

it('counts images by what was done to them', () => {
  expect(
    countEdits([
      { kind: 'relabel', positions: [1, 2], label: 0 },
      { kind: 'exclude', positions: [3] },
      { kind: 'relabel', positions: [4], label: 1 },
    ]),
  ).toEqual({ relabel: 3, exclude: 1, include: 0 });
});
