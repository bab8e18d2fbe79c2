import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import type { SkippedFile } from '../../../shared/domain/dataset.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { decodeImage, readImageHead, type ImageHead } from './decode-image.ts';
import type { DecodedBlock, SourceItem } from './source.ts';

const BLOCK_IMAGES = 64;

/** An image in a file of its own. */
export interface ImageFile extends SourceItem {
  readonly path: string;
}

/** Image files whose headers were read, and how their pixels come. */
export interface ImageFiles {
  readonly items: readonly ImageFile[];
  readonly shape: ImageShape;
  /** Reads all images in the order of `items`. */
  readonly read: () => AsyncIterable<DecodedBlock>;
}

/**
 * Reads every file's header: what is no image is added to `skipped` with the reason. Images of other sizes are scaled to
 * cover the common size and cropped to its centre; grey images stay grey only if all are.
 * @param root folder that the names in messages begin at.
 * @param size [width, height] in pixels, or null for the size that most of the images have.
 * @returns null if no file is an image.
 */
export async function openImageFiles(
  root: string,
  files: readonly ImageFile[],
  size: readonly [number, number] | null,
  skipped: SkippedFile[],
): Promise<ImageFiles | null> {
  const heads = await inOrder(files, async (file) => readHead(file.path));
  const good = files.flatMap((file, index) => {
    const head = heads[index];
    if (head === undefined || 'reason' in head) {
      skipped.push({ file: relative(root, file.path), reason: head?.reason ?? 'cannot be read' });
      return [];
    }
    return [{ file, head }];
  });
  if (good.length === 0) return null;
  const [width, height] = size ?? commonSize(good.map(({ head }) => head));
  const channels = good.every(({ head }) => head.grey) ? 1 : 3;
  const shape: ImageShape = [height, width, channels];
  const items = good.map(({ file }) => file);
  return { items, shape, read: () => readBlocks(root, items, shape) };
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
