import { createHash, hash as digestOf } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetManifest } from '../../../../shared/domain/dataset.ts';
import type { DatasetTaskSpecOf } from '../../../../shared/domain/dataset-task.ts';
import type { DatasetCheck } from '../../../../shared/domain/dataset-view.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { Control } from '../../jobs/control.ts';
import { ITEMS_FILE, openItems, type Items } from '../items.ts';
import { PACKED_FILES, openPacked, readManifest } from '../packed.ts';

/** Bytes that are hashed at once. */
const READ_BYTES = 2 ** 20;
/** Most images that are named. */
const MOST_NAMED = 1000;

/**
 * Reads everything of a packed data set and compares it with its hashes. Of sets with an items file it is known which
 * images are damaged; of older ones only that something is.
 * @throws AppError `cancelled`; what is wrong with the set is in the answer.
 */
export async function verifyPacked(
  { dataset: folder, hash: known }: Pick<DatasetTaskSpecOf<'verify'>, 'dataset' | 'hash'>,
  control: Control,
): Promise<DatasetCheck> {
  try {
    const manifest = readManifest(folder);
    if (manifest.hash !== known) {
      return fault(`${join(folder, PACKED_FILES.manifest)} is not that of this data set: its hash is another one.`);
    }
    const items = openItems(join(folder, ITEMS_FILE));
    try {
      return await compare(folder, manifest, items, control);
    } finally {
      items?.close();
    }
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code === 'cancelled') throw thrown;
    return fault(thrown.message);
  }
}

const fault = (message: string, damaged: readonly number[] = []): DatasetCheck => ({
  ok: false,
  message,
  damaged: damaged.slice(0, MOST_NAMED),
});

async function compare(
  folder: string,
  manifest: DatasetManifest,
  items: Items | null,
  control: Control,
): Promise<DatasetCheck> {
  const { images, shape, pixels, hash } = manifest;
  const stride = shape[0] * shape[1] * shape[2] * (pixels === 'f32' ? 4 : 1);
  const file = join(folder, pixels === 'f32' ? PACKED_FILES.floats : PACKED_FILES.images);
  const all = createHash('sha256');
  const damaged: number[] = [];
  await requireSize(file, images * stride);
  const handle = await open(file, 'r');
  try {
    const chunk = Math.max(1, Math.floor(READ_BYTES / stride));
    const block = new Uint8Array(chunk * stride);
    for (let start = 0; start < images; start += chunk) {
      const count = Math.min(chunk, images - start);
      const bytes = block.subarray(0, count * stride);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start * stride);
      if (bytesRead < bytes.length) return fault(`${file} ends early, at byte ${start * stride + bytesRead}.`);
      all.update(bytes);
      const rows = items?.rows(Array.from({ length: count }, (_, at) => start + at));
      rows?.forEach((row, at) => {
        if (!row) return;
        const found = digestOf('sha256', bytes.subarray(at * stride, (at + 1) * stride), 'buffer');
        if (found.compare(row.hash, 0, row.hash.length, 0, row.hash.length) !== 0) damaged.push(start + at);
      });
      control.progress({ done: start + count, total: images, unit: 'images', message: '' });
      await control.checkpoint();
    }
  } finally {
    await handle.close();
  }
  if (damaged.length > 0) return fault(namedImages(file, damaged), damaged);
  // Checks sizes and values, and names the file that is wrong.
  (await openPacked(folder)).close();
  const rest = [
    PACKED_FILES.labels,
    PACKED_FILES.splits,
    ...(manifest.masks === undefined ? [] : [PACKED_FILES.masks]),
  ];
  for (const name of rest) await hashFile(join(folder, name), all);
  if (all.digest('hex') === hash) {
    return { ok: true, message: `All ${images} images, labels and splits are as they were imported.`, damaged: [] };
  }
  const where = items
    ? `All images are as they were imported, so the damage is in ${rest.map((name) => join(folder, name)).join(' or ')}.`
    : `Which file is damaged cannot be told: ${[file, ...rest.map((name) => join(folder, name))].join(', ')}.`;
  return fault(`The data set is not what was imported. ${where} Import it again.`);
}

function namedImages(file: string, damaged: readonly number[]): string {
  const some = damaged.slice(0, 10).join(', ');
  const which = damaged.length === 1 ? `Image ${some} is` : `${damaged.length} images are`;
  const list = damaged.length === 1 ? '' : ` (${some}${damaged.length > 10 ? ', …' : ''})`;
  return `${which} damaged in ${file}${list}. Import the data set again.`;
}

async function requireSize(file: string, expected: number): Promise<void> {
  const found = (await stat(file).catch(() => null))?.size;
  if (found === expected) return;
  const problem = found === undefined ? 'is missing' : `has ${found} bytes where ${expected} belong`;
  throw new AppError('bad-data', `${file} ${problem}. Import the data set again.`, { details: { file } });
}

async function hashFile(file: string, into: { update(bytes: Uint8Array): unknown }): Promise<void> {
  const handle = await open(file, 'r');
  try {
    const block = new Uint8Array(READ_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(block, 0, block.length, null);
      if (bytesRead === 0) return;
      into.update(block.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
