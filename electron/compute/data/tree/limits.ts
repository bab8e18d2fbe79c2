import type { Control } from '../../jobs/control.ts';

/** Largest file that is read into memory at once, in bytes. */
export const LARGEST_READ = 512 * 2 ** 20;
/** Beyond so many unpacked bytes an archive may not grow by more than a factor of {@link BOMB_RATIO}. */
const BOMB_FROM = 2 ** 30;
const BOMB_RATIO = 200;
/** Most files that one source may have: their names alone take some hundred megabytes. */
export const MOST_FILES = 3_000_000;

/** Whether so many bytes out of so few are no data but an attempt to fill the disk. */
export function isBomb(unpacked: number, packed: number): boolean {
  return unpacked > BOMB_FROM && unpacked > BOMB_RATIO * Math.max(1, packed);
}

/** Why {@link isBomb} refuses, in words. */
export function bombReason(unpacked: number, packed: number): string {
  return `unpacks from ${inWords(packed)} to at least ${inWords(unpacked)}, more than ${BOMB_RATIO} times as much: this is no data set but a bomb, and is not unpacked`;
}

/** Bytes with a unit: `1.5 GB`. */
export function inWords(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** How a tree is opened. */
export interface TreeOptions {
  /** Names within the folder that alone are taken. */
  readonly only?: readonly string[] | undefined;
  /** Folder for unpacked archives; it is made when it is needed, and the caller removes it. */
  readonly scratch: string;
  readonly control?: Control | undefined;
}
