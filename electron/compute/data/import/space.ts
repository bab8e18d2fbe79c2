import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import { ITEMS_FILE } from '../items.ts';
import { PACKED_FILES } from '../packed.ts';
import type { ChosenItems } from './chosen-items.ts';
import type { OpenedSource } from './open-source.ts';
import type { Survey } from './survey.ts';

/** Of an image beside its pixels: label, split, and its row in the items file. */
const BYTES_BESIDE = 3 + 160;

export interface ImportSize {
  readonly opened: OpenedSource;
  readonly chosen: ChosenItems;
  readonly seen: Survey;
  readonly plan: ImportPlan;
}

/** What an import will take up, in bytes. */
export function bytesNeeded({ opened, chosen, seen, plan }: ImportSize): number {
  const images = chosen.items.length - seen.unreadable.size;
  return images * bytesEach({ seen, plan }) + copiesOf(opened, chosen, plan);
}

function bytesEach({ seen, plan }: Pick<ImportSize, 'seen' | 'plan'>): number {
  const [height, width, channels] = seen.shape;
  const pixels = height * width * channels * (seen.target.depth === 'f32' ? 4 : 1);
  return pixels + (plan.masks === null ? 0 : height * width) + BYTES_BESIDE;
}

function copiesOf({ tree, source }: OpenedSource, { items }: ChosenItems, plan: ImportPlan): number {
  if (plan.originals !== 'copy' || source.form === 'array') return 0;
  const sizeOf = new Map(tree.files.map(({ path, bytes }) => [path, bytes]));
  return items.reduce((sum, item) => sum + (sizeOf.get(source.items[item]?.name ?? '') ?? 0), 0);
}

export async function bytesFree(folder: string): Promise<number> {
  const disk = await statfs(folder);
  return disk.bavail * disk.bsize;
}

/**
 * @param copied bytes of originals that are there already.
 * @throws AppError `library-full` if the disk does not hold what is still to be written.
 */
export async function requireSpace(size: ImportSize, folder: string, copied: number): Promise<void> {
  const needed = bytesNeeded(size) - copied - (await bytesWritten(folder));
  const free = await bytesFree(folder);
  if (free < needed) throw noSpace(folder, needed, free);
}

/** What an import that was ended left, which it writes over or goes on from. */
async function bytesWritten(folder: string): Promise<number> {
  const files = [PACKED_FILES.images, PACKED_FILES.floats, PACKED_FILES.masks, ITEMS_FILE];
  const sizes = await Promise.all(
    files.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

export function noSpace(folder: string, needed: number, free: number, cause?: unknown): AppError {
  return new AppError(
    'library-full',
    `The data set needs ${inMebibytes(needed)} more, but the disk of ${folder} has ${inMebibytes(free)} left. Free some space and resume the import: it goes on where it was.`,
    { cause, details: { needed, free, file: folder }, retry: true },
  );
}

const inMebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MiB`;
