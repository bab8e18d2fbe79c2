import { AppError } from '../../shared/domain/errors.ts';

/** SQLite's primary result codes (sqlite.org/rescode.html) that a person can do something about. */
const SQLITE = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

/**
 * A failure of the file system or of SQLite as an error for a person.
 * @param where the file or folder it happened to.
 */
export function storeError(where: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const { code = '', errcode } = cause as { readonly code?: string; readonly errcode?: number };
  const primary = errcode === undefined ? null : errcode & 0xff;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const options = { cause, details: { file: where, reason: code } };
  if (code === 'ENOSPC' || code === 'EDQUOT' || primary === SQLITE.full) {
    return new AppError(
      'library-full',
      `There is no space left for the library: ${where} could not be written. Free some space and try again.`,
      { ...options, retry: true },
    );
  }
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM' || primary === SQLITE.readOnly) {
    return new AppError(
      'library-read-only',
      `The library cannot be written: ${where} is read-only for this user. Change its permissions, or choose another folder with --library.`,
      options,
    );
  }
  if (primary === SQLITE.busy || primary === SQLITE.locked) {
    return new AppError('library-busy', `Another program keeps ${where} locked. Close it and try again.`, {
      ...options,
      retry: true,
    });
  }
  if (primary === SQLITE.corrupt || primary === SQLITE.notADatabase) {
    return new AppError(
      'bad-data',
      `${where} is damaged or is not a Pairlight library (${reason}). Put back a copy from the folder backups beside it, or choose another folder with --library.`,
      options,
    );
  }
  if (code === 'ENOTDIR' || code === 'EEXIST') {
    return new AppError(
      'invalid-input',
      `${where} is a file where a folder is needed. Choose a folder with --library.`,
      options,
    );
  }
  return new AppError('io', `${where} could not be read or written: ${reason}`, options);
}
