import { computed, ref } from 'vue';

/** Row and column of a cell, from 0. */
export type CellAt = readonly [row: number, column: number];

export interface GridShape {
  readonly rows: number;
  readonly columns: number;
  /** Cells that can be reached; gaps are jumped over. */
  readonly isCell: (row: number, column: number) => boolean;
  /** The cell that Tab reaches first, if no other was reached before. */
  readonly first: CellAt | null;
}

const STEPS: Readonly<Record<string, CellAt>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Where a key leads from a cell; null where there is nothing more in that direction, or for other keys. */
export function cellAfter(shape: GridShape, [row, column]: CellAt, key: string, far: boolean): CellAt | null {
  const step = STEPS[key];
  if (step) return nextCell(shape, [row + step[0], column + step[1]], step);
  if (key === 'Home') return nextCell(shape, [far ? 0 : row, 0], [0, 1]) ?? (far ? firstCell(shape) : null);
  if (key !== 'End') return null;
  const last = shape.columns - 1;
  return nextCell(shape, [far ? shape.rows - 1 : row, last], [0, -1]) ?? (far ? lastCell(shape) : null);
}

function nextCell({ rows, columns, isCell }: GridShape, [row, column]: CellAt, [down, right]: CellAt): CellAt | null {
  for (let [r, c] = [row, column]; r >= 0 && r < rows && c >= 0 && c < columns; [r, c] = [r + down, c + right]) {
    if (isCell(r, c)) return [r, c];
  }
  return null;
}

function firstCell(shape: GridShape): CellAt | null {
  for (let row = 0; row < shape.rows; row += 1) {
    const found = nextCell(shape, [row, 0], [0, 1]);
    if (found) return found;
  }
  return null;
}

function lastCell(shape: GridShape): CellAt | null {
  for (let row = shape.rows - 1; row >= 0; row -= 1) {
    const found = nextCell(shape, [row, shape.columns - 1], [0, -1]);
    if (found) return found;
  }
  return null;
}

/**
 * Arrow keys, Home, End, Ctrl+Home and Ctrl+End between the cells of a table, of which Tab reaches one. What `cell` gives
 * belongs on the element of each cell that takes the focus: `v-bind="keys.cell(row, column)"`.
 */
export function useGridKeys(shape: () => GridShape) {
  const reached = ref<CellAt | null>(null);
  const stop = computed<CellAt | null>(() => {
    const now = shape();
    return reached.value && now.isCell(...reached.value) ? reached.value : (now.first ?? firstCell(now));
  });

  function onKeydown(event: KeyboardEvent, at: CellAt): void {
    if (!(event.currentTarget instanceof HTMLElement)) return;
    const next = cellAfter(shape(), at, event.key, event.ctrlKey || event.metaKey);
    if (!next && !(event.key in STEPS)) return;
    event.preventDefault();
    // Before what else the cell does with these keys: a menu would open with the arrow down.
    event.stopImmediatePropagation();
    if (!next) return;
    reached.value = next;
    const table = event.currentTarget.closest('table');
    table?.querySelector<HTMLElement>(`[data-cell="${next.join(' ')}"]`)?.focus();
  }

  const cell = (row: number, column: number) => ({
    'data-cell': `${row} ${column}`,
    tabindex: stop.value?.[0] === row && stop.value[1] === column ? 0 : -1,
    onFocus: () => {
      reached.value = [row, column];
    },
    onKeydownCapture: (event: KeyboardEvent) => onKeydown(event, [row, column]),
  });

  return { cell };
}
