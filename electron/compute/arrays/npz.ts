import { readFile } from 'node:fs/promises';
import { unzipSync, zipSync } from 'fflate';
import { AppError } from '../../../shared/domain/errors.ts';
import { writeAtomic } from './atomic.ts';
import { formatNpy, parseNpy, type NpyArray } from './npy.ts';

export type NpzArrays = Readonly<Record<string, NpyArray>>;

/**
 * Reads a NumPy archive, stored or compressed. Array names come without `.npy`.
 * @param source a file, or the bytes of one.
 * @throws AppError `not-found`, or `bad-data` naming the file and array.
 */
export async function readNpz(source: string | Uint8Array): Promise<NpzArrays> {
  const name = typeof source === 'string' ? source : 'The archive';
  const bytes = typeof source === 'string' ? await readBytes(source) : source;
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes);
  } catch (cause) {
    throw new AppError('bad-data', `${name} is not a NumPy archive (NPZ), or is damaged.`, {
      cause,
      details: { file: name },
    });
  }
  return Object.fromEntries(
    Object.entries(entries)
      .filter(([key]) => key.endsWith('.npy'))
      .map(([key, data]) => [key.slice(0, -4), parseNpy(data, `${name}: ${key.slice(0, -4)}`)]),
  );
}

/** The bytes of a NumPy archive. Weights hardly compress, so entries are stored unless asked otherwise. */
export function formatNpz(arrays: NpzArrays, compress = false): Uint8Array {
  const entries = Object.entries(arrays).map(([key, array]) => [`${key}.npy`, formatNpy(array)] as const);
  return zipSync(Object.fromEntries(entries), { level: compress ? 6 : 0, mtime: new Date(1980, 0, 1) });
}

/** Writes a NumPy archive atomically. @throws AppError `library-full`, `library-read-only`, `io`. */
export async function writeNpz(file: string, arrays: NpzArrays, compress = false): Promise<void> {
  await writeAtomic(file, formatNpz(arrays, compress));
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new AppError('not-found', `${file} cannot be read.`, { cause, details: { file } });
  }
}
