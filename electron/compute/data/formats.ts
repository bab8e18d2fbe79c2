import { readdir } from 'node:fs/promises';
import type { DatasetFormat } from '../../../shared/domain/dataset-format.ts';
import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import { isCifar, openCifar } from './cifar.ts';
import { isFlowers17, openFlowers17 } from './flowers17.ts';
import { looksLikeIdx, openIdx, parseIdxName } from './idx.ts';
import { openImageFolder } from './image-folder.ts';
import { openNpz } from './npz-set.ts';
import type { ImageSource } from './source.ts';

/** A layout of images and labels on disk. */
interface FormatReader {
  readonly name: DatasetFormat;
  /** Whether the path looks like it. */
  fits(path: string, isFolder: boolean): Promise<boolean>;
  /** @throws AppError `bad-data` or `invalid-input` that names the path and says what was expected. */
  open(path: string, options: ImportPlan): Promise<ImageSource>;
}

/** In the order in which they are tried; the last takes any folder. */
export const FORMAT_READERS: readonly FormatReader[] = [
  {
    name: 'npz',
    fits: async (path, isFolder) => !isFolder && path.toLowerCase().endsWith('.npz'),
    open: openNpz,
  },
  {
    name: 'idx',
    fits: async (path, isFolder) =>
      isFolder
        ? (await readdir(path)).some((name) => parseIdxName(name))
        : parseIdxName(path) !== null || (await looksLikeIdx(path)),
    open: openIdx,
  },
  { name: 'cifar', fits: isCifar, open: openCifar },
  {
    name: 'flowers17',
    fits: async (path, isFolder) => isFolder && (await isFlowers17(path)),
    open: (path, { size }) => openFlowers17(path, size),
  },
  {
    name: 'folder',
    fits: async (_path, isFolder) => isFolder,
    open: (path, { size }) => openImageFolder(path, size),
  },
];
