import type { DatasetEdit } from '../../../shared/domain/dataset.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';

/** A data set in the list, indented below the one that it is an edited version of. */
export interface VersionLine {
  readonly row: DatasetRow;
  readonly depth: number;
}

const parentOf = (row: DatasetRow, rows: readonly DatasetRow[]): DatasetRow | undefined =>
  rows.find(({ id }) => id === row.manifest.parent?.id);

/** Id of the first of a data set's forebears that is in the library; its own if it has none. */
export function rootOf(row: DatasetRow, rows: readonly DatasetRow[]): string {
  const parent = parentOf(row, rows);
  return parent ? rootOf(parent, rows) : row.id;
}

/** Every data set, each followed by its versions; otherwise in the order given. */
export function asTree(rows: readonly DatasetRow[]): readonly VersionLine[] {
  const under = (parent: DatasetRow, depth: number): readonly VersionLine[] => [
    { row: parent, depth },
    ...rows
      .filter(({ manifest }) => manifest.parent?.id === parent.id)
      .toSorted((a, b) => a.manifest.created.localeCompare(b.manifest.created))
      .flatMap((child) => under(child, depth + 1)),
  ];
  return rows.filter((row) => !parentOf(row, rows)).flatMap((row) => under(row, 0));
}

/** How many images the edits relabel, take out and take back. */
export function countEdits(edits: readonly DatasetEdit[]): Readonly<Record<DatasetEdit['kind'], number>> {
  const counts = { relabel: 0, exclude: 0, include: 0 };
  for (const { kind, positions } of edits) counts[kind] += positions.length;
  return counts;
}
