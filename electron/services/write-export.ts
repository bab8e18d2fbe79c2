import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomic } from '../compute/arrays/atomic.ts';

/**
 * Writes a file where the user wants it, whole or not at all; its folder is made if it is missing.
 * @throws AppError `library-full`, `library-read-only` or `io`, naming the file.
 */
export async function writeExport(file: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeAtomic(file, bytes);
}
