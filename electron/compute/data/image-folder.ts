import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, extname, join, relative } from 'node:path';
import type { SkippedFile } from '../../../shared/domain/dataset.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { ImageShape, Split } from '../../../shared/domain/shape.ts';
import { decodeImage, readImageHead, type ImageHead } from './decode-image.ts';
import type { DecodedBlock, ImageSource, SourceItem } from './source.ts';

const EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.bmp', '.avif']);
const IGNORED = new Set(['thumbs.db', 'desktop.ini']);
const SPLIT_FOLDERS: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  test: 'test',
  testing: 'test',
};
const BLOCK_IMAGES = 64;

interface ImageFile extends SourceItem {
  readonly path: string;
}

/**
 * Lists a folder of images: one subfolder per class, or `train`, `val`, `test` with one subfolder per class each.
 * Every image's header is read: images that have none, empty class folders and stray files are left out with reasons.
 * Images of other sizes are scaled to cover the common size and cropped to its centre; grey images stay grey only if all are.
 * @param size [width, height] in pixels, or null for the size that most of the images have.
 * @throws AppError `bad-data` if no class folder has an image.
 */
export async function openImageFolder(path: string, size: readonly [number, number] | null): Promise<ImageSource> {
  const skipped: SkippedFile[] = [];
  const listed = await listImages(path, skipped);
  if (listed.files.length === 0) throw noImages(path, skipped);
  const heads = await inOrder(listed.files, async (file) => readHead(file.path));
  const good = listed.files.flatMap((file, index) => {
    const head = heads[index];
    if (head === undefined || 'reason' in head) {
      skipped.push({ file: relative(path, file.path), reason: head?.reason ?? 'cannot be read' });
      return [];
    }
    return [{ file, head }];
  });
  if (good.length === 0) throw noImages(path, skipped);
  const [width, height] = size ?? commonSize(good.map(({ head }) => head));
  const channels = good.every(({ head }) => head.grey) ? 1 : 3;
  const shape: ImageShape = [height, width, channels];
  const used = [...new Set(good.map(({ file }) => file.label))].sort((a, b) => a - b);
  const labelOf = new Map(used.map((label, index) => [label, index]));
  for (const [label, name] of listed.classes.entries()) {
    if (!labelOf.has(label))
      skipped.push({ file: name, reason: 'is a class folder without an image that can be read' });
  }
  const files = good.map(({ file }) => ({ ...file, label: labelOf.get(file.label) ?? 0 }));
  return {
    kind: 'folder',
    paths: [path],
    suggestedName: basename(path),
    shape,
    classes: used.map((label) => listed.classes[label] ?? String(label)),
    items: files,
    skipped,
    read: () => readBlocks(path, files, shape),
  };
}

interface Listing {
  readonly classes: readonly string[];
  readonly files: readonly ImageFile[];
}

async function listImages(root: string, skipped: SkippedFile[]): Promise<Listing> {
  const top = await subfolders(root, root, skipped);
  if (top.length === 0) {
    throw new AppError(
      'bad-data',
      `${root} has no subfolders. Put the images of each class into a folder of its own, named after the class.`,
      {
        details: { file: root },
      },
    );
  }
  const isSplit = top.every((name) => SPLIT_FOLDERS[name.toLowerCase()] !== undefined);
  const groups = isSplit
    ? await Promise.all(
        top.map(async (name) => ({
          folder: join(root, name),
          split: SPLIT_FOLDERS[name.toLowerCase()] ?? null,
          classes: await subfolders(root, join(root, name), skipped),
        })),
      )
    : [{ folder: root, split: null, classes: top }];
  const classes = [...new Set(groups.flatMap((group) => group.classes))].sort(byName);
  const files: ImageFile[] = [];
  for (const group of groups) {
    for (const name of group.classes) {
      const folder = join(group.folder, name);
      const label = classes.indexOf(name);
      for (const file of await imagesBelow(root, folder, skipped))
        files.push({ path: file, label, split: group.split });
    }
  }
  return { classes, files };
}

async function subfolders(root: string, folder: string, skipped: SkippedFile[]): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (isIgnored(entry.name)) continue;
    if (statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory()) names.push(entry.name);
    else skipped.push({ file: relative(root, join(folder, entry.name)), reason: 'lies outside the class folders' });
  }
  return names.sort(byName);
}

async function imagesBelow(root: string, folder: string, skipped: SkippedFile[]): Promise<string[]> {
  const files: string[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => !one.isDirectory() && !isIgnored(one.name))) {
    const path = join(entry.parentPath, entry.name);
    if (EXTENSIONS.has(extname(entry.name).toLowerCase())) files.push(path);
    else
      skipped.push({
        file: relative(root, path),
        reason: 'is not an image file (JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF)',
      });
  }
  return files.sort(byName);
}

/** By name, numbers in names by value: the same on every machine. */
function byName(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : 1);
}

function isIgnored(name: string): boolean {
  return name.startsWith('.') || IGNORED.has(name.toLowerCase());
}

async function readHead(file: string): Promise<ImageHead | { readonly reason: string }> {
  try {
    return await readImageHead(file);
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

function commonSize(heads: readonly ImageHead[]): [number, number] {
  const counts = new Map<string, { readonly size: [number, number]; count: number }>();
  for (const { width, height } of heads) {
    const entry = counts.get(`${width}×${height}`) ?? { size: [width, height] as [number, number], count: 0 };
    entry.count += 1;
    counts.set(`${width}×${height}`, entry);
  }
  return [...counts.values()].reduce((best, entry) => (entry.count > best.count ? entry : best)).size;
}

async function* readBlocks(root: string, files: readonly ImageFile[], shape: ImageShape): AsyncIterable<DecodedBlock> {
  const stride = shape[0] * shape[1] * shape[2];
  for (let start = 0; start < files.length; start += BLOCK_IMAGES) {
    const block = files.slice(start, start + BLOCK_IMAGES);
    const decoded = await inOrder(block, (file) => decode(file.path, shape));
    const items: number[] = [];
    const skipped: SkippedFile[] = [];
    const pixels = new Uint8Array(block.length * stride);
    decoded.forEach((image, index) => {
      if ('reason' in image) {
        skipped.push({ file: relative(root, block[index]?.path ?? ''), reason: image.reason });
        return;
      }
      pixels.set(image.pixels, items.length * stride);
      items.push(start + index);
    });
    yield { items, pixels: pixels.subarray(0, items.length * stride), skipped };
  }
}

async function decode(
  file: string,
  shape: ImageShape,
): Promise<{ readonly pixels: Uint8Array } | { readonly reason: string }> {
  try {
    return { pixels: await decodeImage(file, shape) };
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

/** Why a file is left out, in words; the decoder's own are for its authors. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && 'syscall' in error) return `cannot be read: ${text}`;
  if (text.startsWith('the pixel format')) return text;
  return /format could not be determined|Guess format/i.test(text)
    ? 'does not decode: it is no image of a known format, whatever its name says'
    : 'does not decode: the file is damaged or cut short';
}

/** `work` on every item, as many at once as there are cores, results in the order of the items. */
async function inOrder<A, B>(items: readonly A[], work: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = new Array<B>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as A);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}

function noImages(path: string, skipped: readonly SkippedFile[]): AppError {
  const first = skipped[0];
  const example = first ? ` For example, ${first.file} ${first.reason}.` : '';
  return new AppError('bad-data', `${path} has no class folder with an image that can be read.${example}`, {
    details: { file: path, skipped: skipped.length },
  });
}
