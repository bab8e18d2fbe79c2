/** A stretch of the shown images that belongs together; an empty label is the one group of an ungrouped wall. */
export interface WallGroup {
  readonly label: string;
  /** Slot of its first image among the shown ones. */
  readonly start: number;
  readonly count: number;
}

interface PlacedGroup extends WallGroup {
  /** Distance of its heading, or of its first row if it has none, from the top, in pixels. */
  readonly top: number;
  /** Where its first row of images begins. */
  readonly body: number;
  readonly bottom: number;
}

/** Where every image of a wall lies. A slot is a place among the shown images, from 0. */
export interface WallLayout {
  readonly columns: number;
  /** Side of an image's square, and distance from one to the next, in pixels. */
  readonly cell: number;
  readonly pitch: number;
  readonly height: number;
  readonly slots: number;
  readonly groups: readonly PlacedGroup[];
}

export const WALL_GAP = 4;
export const WALL_PAD = 12;
export const HEADING = 30;

/**
 * Lays images out in rows, each group beginning with a heading and a row of its own. Squares grow from `size` until the
 * rows fill the width.
 * @param width of the wall in pixels
 * @param size least side of a square in pixels
 */
export function layoutWall(groups: readonly WallGroup[], width: number, size: number): WallLayout {
  const inner = width - 2 * WALL_PAD + WALL_GAP;
  const columns = Math.max(1, Math.floor(inner / (size + WALL_GAP)));
  const cell = Math.max(1, Math.min(Math.max(size, inner / columns - WALL_GAP), width - 2 * WALL_PAD));
  const pitch = cell + WALL_GAP;
  let top = 0;
  let slots = 0;
  const placed = groups.map((group) => {
    const body = top + (group.label === '' ? WALL_PAD : HEADING);
    const bottom = body + Math.ceil(group.count / columns) * pitch;
    const place = { ...group, top, body, bottom };
    top = bottom;
    slots += group.count;
    return place;
  });
  return { columns, cell, pitch, height: top - WALL_GAP + WALL_PAD, slots, groups: placed };
}

/** Position among the groups of the last one that begins at or above `y`; 0 for an empty wall. */
function groupAt(groups: readonly PlacedGroup[], begins: (group: PlacedGroup) => boolean): number {
  let low = 0;
  let high = groups.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const group = groups[middle];
    if (group && begins(group)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The group that a slot belongs to. */
export function groupOfSlot(layout: WallLayout, slot: number): PlacedGroup | undefined {
  return layout.groups[groupAt(layout.groups, ({ start }) => start <= slot)];
}

/** Upper left corner of a slot's square. */
export function placeOf(layout: WallLayout, slot: number): readonly [x: number, y: number] {
  const group = groupOfSlot(layout, slot);
  const within = slot - (group?.start ?? 0);
  return [
    WALL_PAD + (within % layout.columns) * layout.pitch,
    (group?.body ?? 0) + Math.floor(within / layout.columns) * layout.pitch,
  ];
}

/** A part of a group that is in sight: its slots from `first` up to but not with `end`. */
interface Sight {
  readonly group: PlacedGroup;
  readonly first: number;
  readonly end: number;
}

/** What lies between two heights, group by group, whole rows. */
export function inSight(layout: WallLayout, top: number, bottom: number): readonly Sight[] {
  const found: Sight[] = [];
  for (let at = groupAt(layout.groups, (group) => group.top <= top); at < layout.groups.length; at += 1) {
    const group = layout.groups[at];
    if (!group || group.top > bottom) break;
    const rows = Math.ceil(group.count / layout.columns);
    const from = Math.min(rows, Math.max(0, Math.floor((top - group.body) / layout.pitch)));
    const to = Math.min(rows, Math.max(0, Math.floor((bottom - group.body) / layout.pitch) + 1));
    found.push({
      group,
      first: group.start + from * layout.columns,
      end: Math.max(
        group.start + from * layout.columns,
        Math.min(group.start + group.count, group.start + to * layout.columns),
      ),
    });
  }
  return found;
}

/** What lies at a point of the wall: a slot, the heading of a group, or nothing. */
export function whatIsAt(
  layout: WallLayout,
  x: number,
  y: number,
): { readonly slot: number } | { readonly group: PlacedGroup } | null {
  const group = layout.groups[groupAt(layout.groups, ({ top }) => top <= y)];
  if (!group || y < group.top) return null;
  if (y < group.body) return group.label === '' ? null : { group };
  const column = Math.floor((x - WALL_PAD) / layout.pitch);
  const row = Math.floor((y - group.body) / layout.pitch);
  const inside = (x - WALL_PAD) % layout.pitch < layout.cell && (y - group.body) % layout.pitch < layout.cell;
  const within = row * layout.columns + column;
  if (x < WALL_PAD || column >= layout.columns || within >= group.count || !inside) return null;
  return { slot: group.start + within };
}

/** Slots whose squares a rectangle touches, in order. */
export function slotsWithin(
  layout: WallLayout,
  [left, top]: readonly [number, number],
  [right, bottom]: readonly [number, number],
): readonly number[] {
  const firstColumn = Math.max(0, Math.ceil((left - WALL_PAD - layout.cell) / layout.pitch));
  const lastColumn = Math.min(layout.columns - 1, Math.floor((right - WALL_PAD) / layout.pitch));
  const found: number[] = [];
  for (const { group, first, end } of inSight(layout, top, bottom)) {
    for (let row = first; row < end; row += layout.columns) {
      const y = group.body + ((row - group.start) / layout.columns) * layout.pitch;
      if (y > bottom || y + layout.cell < top) continue;
      for (let column = firstColumn; column <= lastColumn && row + column < end; column += 1) found.push(row + column);
    }
  }
  return found;
}

/** Where a key leads from a slot; null for other keys. Up and down keep the column, across groups too. */
export function slotAfter(layout: WallLayout, slot: number, key: string, rowsInSight: number): number | null {
  const last = layout.slots - 1;
  const clamp = (wanted: number): number => Math.min(last, Math.max(0, wanted));
  switch (key) {
    case 'ArrowRight':
      return clamp(slot + 1);
    case 'ArrowLeft':
      return clamp(slot - 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'ArrowDown':
      return rowsAway(layout, slot, 1);
    case 'ArrowUp':
      return rowsAway(layout, slot, -1);
    case 'PageDown':
      return rowsAway(layout, slot, rowsInSight);
    case 'PageUp':
      return rowsAway(layout, slot, -rowsInSight);
    default:
      return null;
  }
}

function rowsAway(layout: WallLayout, slot: number, rows: number): number {
  let at = slot;
  for (let step = 0; step < Math.abs(rows); step += 1) {
    const next = oneRow(layout, at, Math.sign(rows));
    if (next === at) break;
    at = next;
  }
  return at;
}

function oneRow(layout: WallLayout, slot: number, by: number): number {
  const index = groupAt(layout.groups, ({ start }) => start <= slot);
  const group = layout.groups[index];
  if (!group) return slot;
  const { columns } = layout;
  const within = slot - group.start;
  const column = within % columns;
  const row = Math.floor(within / columns) + by;
  const rows = Math.ceil(group.count / columns);
  if (row >= 0 && row < rows) return group.start + Math.min(group.count - 1, row * columns + column);
  const other = layout.groups[index + by];
  if (!other) return slot;
  const otherRow = by > 0 ? 0 : Math.ceil(other.count / columns) - 1;
  return other.start + Math.min(other.count - 1, otherRow * columns + column);
}
