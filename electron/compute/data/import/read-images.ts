import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ArraySource, EncodedSource } from '../data-source.ts';
import { decodeMask } from '../pictures/mask.ts';
import { decodePicture } from '../pictures/decode.ts';
import type { Target } from '../pictures/target.ts';
import { transformRows } from '../pictures/rows.ts';
import { inOrder } from './in-order.ts';
import { maskPath } from './masks.ts';
import type { OpenedSource } from './open-source.ts';
import { reasonOf } from './reasons.ts';

/** An image as it is packed. */
export interface ReadImage {
  readonly item: number;
  readonly pixels: Uint8Array | Float32Array;
  /** Size in the source, upright. */
  readonly width: number;
  readonly height: number;
  /** Whether colour was turned to grey though the plan did not ask for grey. */
  readonly lostColour: boolean;
  /** [height, width] of the packed image, 255 in its key area; null if it has none. */
  readonly mask: Uint8Array | null;
  /** Why its mask was not taken. */
  readonly maskProblem: SkippedFile | null;
  /** Of the coded file, where originals are wanted. */
  readonly original: Original | null;
}

export interface Original {
  readonly bytes: number;
  readonly sha256: Uint8Array;
  /** The coded bytes, where copies are wanted. */
  readonly copy: Uint8Array | null;
}

/** An image that is left out. */
export interface LeftOut {
  readonly item: number;
  readonly skipped: SkippedFile;
}

export interface ReadWishes {
  readonly target: Target;
  readonly masks: string | null;
  readonly originals: 'none' | 'copy' | 'reference';
  /** Whether grey is only what most images have: colour that is lost is then told of. */
  readonly greyByChance: boolean;
}

/**
 * Reads items of a source in their order, as they are packed.
 * @param items ascending.
 * @throws AppError if the source is gone, `bad-data` for an array that is damaged.
 */
export function readImages(
  opened: OpenedSource,
  items: Uint32Array,
  wishes: ReadWishes,
): AsyncGenerator<ReadImage | LeftOut, void, undefined> {
  return opened.source.form === 'array'
    ? readRows(opened, opened.source, items, wishes)
    : readPictures(opened, opened.source, items, wishes);
}

function readPictures(
  { tree }: OpenedSource,
  source: EncodedSource,
  items: Uint32Array,
  wishes: ReadWishes,
): AsyncGenerator<ReadImage | LeftOut, void, undefined> {
  const { target, masks, originals, greyByChance } = wishes;
  const files = masks === null ? null : new Set(tree.files.map(({ path }) => path));

  const maskOf = async (
    name: string,
    size: { width: number; height: number },
  ): Promise<Pick<ReadImage, 'mask' | 'maskProblem'>> => {
    const file = masks === null ? null : maskPath(masks, name);
    if (file === null || !files?.has(file)) return { mask: null, maskProblem: null };
    try {
      return { mask: await decodeMask(await tree.read(file), target, size), maskProblem: null };
    } catch (error) {
      return { mask: null, maskProblem: { file, reason: `as a mask: ${await reasonOf(error, tree)}` } };
    }
  };

  const read = async (item: number): Promise<ReadImage | LeftOut> => {
    const name = source.items[item]?.name ?? '';
    try {
      const bytes = await source.load(item);
      const { pixels, head } = await decodePicture(bytes, target);
      return {
        item,
        pixels,
        width: head.width,
        height: head.height,
        lostColour: greyByChance && !head.grey,
        ...(await maskOf(name, head)),
        original:
          originals === 'none'
            ? null
            : {
                bytes: bytes.length,
                sha256: createHash('sha256').update(bytes).digest(),
                copy: originals === 'copy' ? bytes : null,
              },
      };
    } catch (error) {
      return { item, skipped: { file: name, reason: await reasonOf(error, tree) } };
    }
  };
  return inOrder(items, 2 * availableParallelism(), read);
}

async function* readRows(
  { tree }: OpenedSource,
  source: ArraySource,
  items: Uint32Array,
  { target }: ReadWishes,
): AsyncGenerator<ReadImage, void, undefined> {
  const [height, width, channels] = source.shape;
  const stride = height * width * channels;
  const size = target.height * target.width * target.channels;
  const wanted = new Uint8Array(source.items.length);
  for (const item of items) wanted[item] = 1;
  const last = items.at(-1) ?? -1;
  let expected = items[0] ?? 0;
  for await (const { first, count, pixels } of source.blocks(expected)) {
    if (first > expected) break;
    expected = first + count;
    const rows: number[] = [];
    for (let row = 0; row < count; row += 1) if (wanted[first + row] === 1) rows.push(row);
    if (rows.length > 0) {
      const taken = rows.length === count ? pixels.subarray(0, count * stride) : gather(pixels, rows, stride);
      const made = transformRows(taken, source.shape, target);
      for (const [at, row] of rows.entries()) {
        yield {
          item: first + row,
          pixels: made.subarray(at * size, (at + 1) * size),
          width,
          height,
          lostColour: false,
          mask: null,
          maskProblem: null,
          original: null,
        };
      }
    }
    if (expected > last) return;
  }
  throw new AppError(
    'bad-data',
    `${tree.root} ended early: image ${expected} of ${source.items.length} is not there. It is damaged or was changed meanwhile.`,
    { details: { file: tree.root } },
  );
}

type Samples = Uint8Array | Uint16Array | Float32Array;

/** Rows of an array, one after the other. */
function gather(pixels: Samples, rows: readonly number[], stride: number): Samples {
  const out =
    pixels instanceof Uint8Array
      ? new Uint8Array(rows.length * stride)
      : pixels instanceof Uint16Array
        ? new Uint16Array(rows.length * stride)
        : new Float32Array(rows.length * stride);
  rows.forEach((row, at) => out.set(pixels.subarray(row * stride, (row + 1) * stride), at * stride));
  return out;
}
