/** One column of a {@link DataTable}. */
export interface Column<Row> {
  readonly key: string;
  readonly label: string;
  /** A fixed CSS grid track, the same for every row: `80px`, `minmax(140px, 2fr)`; never `auto`. */
  readonly width: string;
  readonly align?: 'left' | 'right' | 'center';
  /** What sorts the column, and its text where no slot draws it. Columns without it cannot be sorted. */
  readonly value?: (row: Row) => string | number | null;
  /** Fuller heading for a tooltip. */
  readonly help?: string;
  /** The heading is for screen readers only. */
  readonly quiet?: boolean;
}

export interface Sorting {
  readonly key: string;
  readonly descending: boolean;
}

const collator = new Intl.Collator('en', { numeric: true });

/** Rows in the order of `sorting`; empty values last in both directions, equal ones in their given order. */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sorting: Sorting | null,
): readonly Row[] {
  const value = columns.find((column) => column.key === sorting?.key)?.value;
  if (!value || !sorting) return rows;
  const direction = sorting.descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const left = value(a);
    const right = value(b);
    if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
    if (typeof left === 'number' && typeof right === 'number') return direction * (left - right);
    return direction * collator.compare(String(left), String(right));
  });
}

/** The sorting after a click on a heading: ascending, descending, then as given. */
export function nextSorting(current: Sorting | null, key: string): Sorting | null {
  if (current?.key !== key) return { key, descending: false };
  return current.descending ? null : { key, descending: true };
}

/** Selection after choosing the row at `to`, with the row at `anchor` as the other end of a range. */
export function selectRows(
  ids: readonly string[],
  selected: readonly string[],
  to: number,
  how: { readonly anchor: number | null; readonly extend: boolean; readonly toggle: boolean },
): readonly string[] {
  const id = ids[to];
  if (id === undefined) return selected;
  if (how.extend && how.anchor !== null) return ids.slice(Math.min(how.anchor, to), Math.max(how.anchor, to) + 1);
  if (how.toggle) return selected.includes(id) ? selected.filter((other) => other !== id) : [...selected, id];
  return [id];
}
