import { z } from 'zod';
import { AppError } from './errors.ts';

/** Each a thousand times the one before; with an `i` after it (GiB), 1024 times. */
const UNITS = ['', 'k', 'm', 'g', 't'];
/** A job process without any work takes about this, in bytes. */
const SMALLEST_LIMIT = 100e6;

/** Resident memory that one job may use, in bytes; null: as much as there is. */
export const memoryLimit = z.int().min(SMALLEST_LIMIT).nullable();

/** `2.3 GB`; below one, `820 MB`. Decimal, as file sizes are. */
export function memoryText(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** `6G`, `800 MB`, `1.5gb` or a number of bytes. @throws AppError `invalid-input` that names `where`. */
export function parseMemory(text: string, where: string): number {
  const [, number, unit = '', binary] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*$/i.exec(text) ?? [];
  const bytes = Math.round(Number(number) * (binary ? 1024 : 1000) ** UNITS.indexOf(unit.toLowerCase()));
  if (memoryLimit.safeParse(bytes).success) return bytes;
  throw new AppError(
    'invalid-input',
    `${where}: “${text}” is not a size of at least ${memoryText(SMALLEST_LIMIT)}; write it as 6G or 800M.`,
  );
}
