import { open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';

/**
 * Writes a file so that, after a crash at any instant, either the old or the new content is there:
 * temporary file beside it, fsync, rename, fsync of the folder.
 * @param bytes the content, or its parts in their order.
 * @throws AppError `library-full`, `library-read-only` or `io`, naming the file.
 */
export async function writeAtomic(file: string, bytes: Uint8Array | string | readonly Uint8Array[]): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.${Date.now().toString(36)}.tmp`);
  try {
    const handle = await open(temporary, 'w');
    try {
      for (const part of Array.isArray(bytes) ? (bytes as readonly Uint8Array[]) : [bytes as Uint8Array | string]) {
        await handle.appendFile(part);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(dirname(file));
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    throw writeError(file, cause);
  }
}

/** The error of a failed write as one for a person. */
export function writeError(file: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const details = { file, reason: code };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError('library-full', `There is no space left to write ${file}. Free some and try again.`, {
      cause,
      details,
      retry: true,
    });
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new AppError('library-read-only', `${file} cannot be written: its folder is read-only for this user.`, {
      cause,
      details,
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AppError('io', `${file} could not be written: ${reason}`, { cause, details });
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
