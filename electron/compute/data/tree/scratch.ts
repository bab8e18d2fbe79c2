import { createHash } from 'node:crypto';
import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../../shared/domain/errors.ts';
import { inWords } from './limits.ts';

/** Disk space that is left to others. */
const RESERVE = 64 * 2 ** 20;

/** A name within the scratch folder that follows from a text, but not by its choice. */
export function scratchName(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

/** Bytes that may still be written to the folder's disk. */
export function roomIn(folder: string): number {
  mkdirSync(folder, { recursive: true });
  const disk = statfsSync(folder);
  return Math.max(0, disk.bavail * disk.bsize - RESERVE);
}

/** @param needed bytes, or null where only the disk itself knows. */
export function noRoom(what: string, needed: number | null, room: number, cause?: unknown): AppError {
  const need = needed === null ? 'more space' : `at least ${inWords(needed)}`;
  return new AppError(
    'library-full',
    `There is no room to unpack ${what}: it needs ${need}, and ${inWords(room)} are free. Make room, or unpack it on another disk and choose the folder.`,
    { cause, details: { file: what, needed, free: room }, retry: true },
  );
}

/**
 * Writes chunks into a new file, which appears under its name only when it is complete.
 * @param what named in messages.
 * @throws AppError `library-full`; whatever `chunks` throws. Nothing is left behind then.
 */
export async function writeScratch(target: string, chunks: AsyncIterable<Uint8Array>, what: string): Promise<void> {
  const folder = join(target, '..');
  const part = `${target}.part`;
  mkdirSync(folder, { recursive: true });
  const file = await open(part, 'w');
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.close();
    await rename(part, target);
  } catch (error) {
    await file.close();
    await rm(part, { force: true });
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw noRoom(what, null, roomIn(folder), error);
    throw error;
  }
}

/**
 * Copies of files in the scratch folder, each made once.
 * @param identity tells this source, as it is now, from others.
 */
export function createCopies(
  scratch: string,
  identity: string,
): (path: string, bytes: number, chunks: () => Promise<AsyncIterable<Uint8Array>>) => Promise<string> {
  const made = new Map<string, Promise<string>>();
  return (path, bytes, chunks) => {
    const known = made.get(path);
    if (known) return known;
    const copy = (async () => {
      const room = roomIn(scratch);
      const target = join(scratch, scratchName(`${identity}\n${path}`));
      if (statSync(target, { throwIfNoEntry: false })?.size === bytes) return target;
      if (bytes > room) throw noRoom(path, bytes, room);
      await writeScratch(target, await chunks(), path);
      return target;
    })();
    made.set(path, copy);
    copy.catch(() => made.delete(path));
    return copy;
  };
}
