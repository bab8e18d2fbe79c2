import { AppError } from '../../../../shared/domain/errors.ts';
import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import { MOST_FILES } from './limits.ts';
import type { TreeFile } from './tree.ts';

/** Files of an archive within an archive; NPZ files are zip archives too, but data. */
const NESTED = /\.(zip|tar|tgz|tbz2?|txz|tzst|7z|rar|tar\.\w+)$/i;
const OF_THE_SYSTEM = new Set(['__macosx', 'thumbs.db', 'desktop.ini']);

/** Collects the files of a tree: refuses names that lead elsewhere, and says of everything left out why. */
export interface Listing {
  /** A file's path as it is taken, or null if it was left out. */
  take(name: string, bytes: number): string | null;
  leaveOut(name: string, reason: string): void;
  /** Counts a file of the system or a hidden one, if that is what the name says. */
  passOver(name: string): boolean;
  finish(): { readonly files: readonly TreeFile[]; readonly skipped: readonly SkippedFile[] };
}

/** @param inArchive whether names come from an archive, so that they may be anything, twice, or differ in case alone. */
export function createListing(root: string, inArchive: boolean): Listing {
  const files: TreeFile[] = [];
  const skipped: SkippedFile[] = [];
  const taken = new Map<string, string>();
  let passed = 0;
  const leaveOut = (name: string, reason: string): void => void skipped.push({ file: printable(name), reason });

  return {
    leaveOut,
    passOver(name) {
      const parts = name.split(/[\\/]/);
      if (!parts.some((part) => /^\.[^.]/.test(part) || OF_THE_SYSTEM.has(part.toLowerCase()))) return false;
      passed += 1;
      return true;
    },
    take(name, bytes) {
      const safe = inArchive ? safePath(name) : { path: name };
      if ('reason' in safe) {
        leaveOut(name, safe.reason);
        return null;
      }
      const { path } = safe;
      if (inArchive) {
        const before = taken.get(path.toLowerCase());
        if (before !== undefined) {
          leaveOut(
            path,
            before === path
              ? 'is in the archive more than once: the first is taken'
              : `differs from ${printable(before)} in capitals only: the first is taken`,
          );
          return null;
        }
        if (NESTED.test(path)) {
          leaveOut(path, 'is an archive within the archive: unpack it and choose it by itself');
          return null;
        }
        taken.set(path.toLowerCase(), path);
      }
      if (files.length >= MOST_FILES) {
        throw new AppError(
          'bad-data',
          `${root} holds more than ${MOST_FILES.toLocaleString('en')} files. Choose a folder or archive with fewer, or pack the images into arrays.`,
          { details: { file: root, limit: MOST_FILES } },
        );
      }
      files.push({ path, bytes });
      return path;
    },
    finish() {
      if (passed > 0) {
        const what = passed === 1 ? 'is a file' : 'are files';
        skipped.push({
          file: `${passed} hidden`,
          reason: `${what} that a system or tool put there (.DS_Store, __MACOSX and the like), no data`,
        });
      }
      return { files: files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)), skipped };
    },
  };
}

/** The path that an archive's name stands for, if it stays within the archive whichever system reads it. */
export function safePath(name: string): { readonly path: string } | { readonly reason: string } {
  const slashed = name.replaceAll('\\', '/');
  if (slashed.includes('\0')) return { reason: 'has a name with a zero byte' };
  if (slashed.startsWith('/')) return { reason: 'has an absolute path: it would lie outside the archive' };
  if (/^[a-z]:/i.test(slashed)) return { reason: 'begins with a drive: it would lie outside the archive' };
  const parts = slashed.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return { reason: 'leads outside the archive (..)' };
  return parts.length === 0 ? { reason: 'has no name' } : { path: parts.join('/') };
}

/** Names with control characters would garble a terminal. */
function printable(name: string): string {
  return name.replace(/[\x00-\x1f\x7f]/g, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A name as UTF-8, or null if its bytes are none. */
export function asUtf8(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}
