import type { SkippedFile } from '../../../../shared/domain/dataset.ts';

/** A file below what the user chose, whether it lies in a folder or in an archive. */
export interface TreeFile {
  /** Below the tree's root, with `/` between folders, without `.` and `..`. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * The files of a folder or archive. An archive is never unpacked into files: what needs a file of its own gets one in the
 * scratch folder, under a name that the archive has no say in.
 */
export interface FileTree {
  /** The folder or archive, absolute. */
  readonly root: string;
  /** The file that the user pointed at, if it was one and no archive: `files` then are those of its folder. */
  readonly chosen: string | null;
  /** In the order of their paths by code point. */
  readonly files: readonly TreeFile[];
  /** What was left out, and why: links that lead outside or in circles, devices, names that escape, archives within archives. */
  readonly skipped: readonly SkippedFile[];
  /**
   * The bytes of a file.
   * @throws AppError `bad-data` that names the file if it is damaged, gone or larger than its entry says.
   */
  read(path: string): Promise<Uint8Array>;
  /** A path on disk to read the file at random places: the file itself, or a copy in the scratch folder. */
  onDisk(path: string): Promise<string>;
  /**
   * Opens a file that is an archive as a tree of its own, which the caller closes; null for one that is none. Only a folder
   * does that: archives within archives are left out.
   * @throws AppError as `openTree` does.
   */
  openInner?(path: string): Promise<FileTree | null>;
  /** Closes files; calling it twice is harmless. The scratch folder is the caller's. */
  close(): Promise<void>;
}
