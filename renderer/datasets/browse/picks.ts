/** The chosen images of a data set: one byte for each position, 1 where it is chosen. Never changed in place. */
export interface Picks {
  readonly mask: Uint8Array;
  readonly count: number;
}

export function noPicks(images: number): Picks {
  return { mask: new Uint8Array(images), count: 0 };
}

/** These positions and no others. */
export function pickOnly(images: number, positions: ArrayLike<number>): Picks {
  return withPicks(noPicks(images), positions, true);
}

/** With these positions chosen too, or no longer chosen. Positions outside the data set are left out. */
export function withPicks(picks: Picks, positions: ArrayLike<number>, chosen: boolean): Picks {
  const mask = picks.mask.slice();
  let count = picks.count;
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i] ?? -1;
    const was = mask[position];
    if (was === undefined || (was === 1) === chosen) continue;
    mask[position] = chosen ? 1 : 0;
    count += chosen ? 1 : -1;
  }
  return { mask, count };
}

export function isPicked(picks: Picks, position: number): boolean {
  return picks.mask[position] === 1;
}

/** The chosen positions in ascending order. */
export function pickedPositions(picks: Picks): readonly number[] {
  const positions: number[] = [];
  for (let position = 0; position < picks.mask.length && positions.length < picks.count; position++) {
    if (picks.mask[position] === 1) positions.push(position);
  }
  return positions;
}

/** How many of the chosen images are among the shown ones. */
export function pickedAmong(picks: Picks, shown: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < shown.length; i++) count += picks.mask[shown[i] ?? -1] ?? 0;
  return count;
}
