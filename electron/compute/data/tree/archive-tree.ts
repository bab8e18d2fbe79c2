import { statSync, type Stats } from 'node:fs';
import { AppError } from '../../../../shared/domain/errors.ts';
import { archiveKind } from './archive-kind.ts';
import type { TreeOptions } from './limits.ts';
import { openTar } from './tar-tree.ts';
import type { FileTree } from './tree.ts';
import { unpackTar } from './unpack.ts';
import { openZip } from './zip-tree.ts';

/** An archive's files, or null for a file that is none. @throws AppError as `openTree`. */
export async function openArchive(path: string, options: TreeOptions): Promise<FileTree | null> {
  const kind = await archiveKind(path);
  if (kind === null) return null;
  const { size, mtimeMs } = statOf(path);
  const identity = `${path}\n${size}\n${mtimeMs}`;
  if (kind === 'zip') return openZip(path, identity, options);
  const plain = kind === 'tar' ? { tar: path, damage: null } : await unpackTar(path, kind, identity, options);
  return openTar(plain.tar, { shown: path, identity, damage: plain.damage }, options);
}

/** @throws AppError `not-found` or `io`. */
export function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new AppError('not-found', `${path} does not exist.`, { cause, details: { file: path } });
    }
    throw new AppError('io', `${path} cannot be read. Check its permissions and links.`, {
      cause,
      details: { file: path },
    });
  }
}
