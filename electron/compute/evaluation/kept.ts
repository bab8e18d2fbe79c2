import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { writeAtomic, writeError } from '../arrays/atomic.ts';
import { formatNpy, readNpyRows } from '../arrays/npy.ts';
import { imageSize } from '../attacks/base/examples.ts';
import type { Subject } from '../attacks/base/examples.ts';
import type { KeptExamples } from '../attacks/base/kept.ts';
import { networkSpec, weightList } from '../models/network.ts';

/** Folder, within a transfer's, of the adversarial examples as they were made on the source. */
export const KEPT_FOLDER = 'made';
const INDEX = 'made.json';

const keptIndex = z.object({
  key: z.string(),
  /** Rows of each file: positions in the data set. */
  chunks: z.array(z.object({ file: z.string(), restart: z.int(), positions: z.array(z.int()) })),
});
type KeptIndex = z.infer<typeof keptIndex>;

/** Where one image lies. */
interface Place {
  readonly file: string;
  readonly row: number;
}

export interface OpenKept extends KeptExamples {
  /** Whether there are examples of other evaluations among these positions. */
  hasOthers(positions: ArrayLike<number>): boolean;
}

/** Tells sources apart that do not give the same adversarial examples: by network and weights, or by id without these. */
export async function sourceHash({ network, weights, predictor }: Subject, id: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(networkSpec(network)));
  if (predictor) hash.update(id);
  for (const tensor of predictor ? [] : weightList(network, weights)) {
    const data = await tensor.data<'float32'>();
    hash.update(tensor.shape.join()).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/**
 * The adversarial examples that are kept in `folder`, an evaluation's, and may be read from others.
 * @param others folders of earlier evaluations; those whose key is another one, or that cannot be read, count for nothing.
 * @param key of everything that an adversarial example follows from, besides its image and restart.
 */
export async function openKept(
  folder: string,
  others: readonly string[],
  key: string,
  shape: ImageShape,
): Promise<OpenKept> {
  const own = join(folder, KEPT_FOLDER);
  const places = new Map<string, Place>();
  const known = new Set<number>();
  const enter = (from: string, { chunks }: Pick<KeptIndex, 'chunks'>): void => {
    for (const { file, restart, positions } of chunks) {
      positions.forEach((position, row) => places.set(`${restart} ${position}`, { file: join(from, file), row }));
    }
  };
  for (const other of others) {
    const index = await readIndex(join(other, KEPT_FOLDER), key);
    if (!index) continue;
    enter(join(other, KEPT_FOLDER), index);
    for (const { positions } of index.chunks) positions.forEach((position) => known.add(position));
  }
  const found = await readIndex(own, key);
  if (found) enter(own, found);
  else await rm(own, { recursive: true, force: true });
  const chunks = found?.chunks ?? [];
  return {
    hasOthers: (positions) => Array.from(positions).some((position) => known.has(position)),
    read: async (restart, positions) => {
      const asked = positions.flatMap((position) => {
        const place = places.get(`${restart} ${position}`);
        return place ? [{ position, ...place }] : [];
      });
      const images = new Map<number, Float32Array>();
      for (const file of new Set(asked.map((one) => one.file))) {
        const there = asked.filter((one) => one.file === file);
        const rows = there.map(({ row }) => row);
        const array = await readNpyRows(file, rows).catch(() => null);
        const size = imageSize(shape);
        // A file that is gone or damaged is no reason to fail: its examples are made anew.
        if (!(array?.data instanceof Float32Array) || array.data.length !== rows.length * size) continue;
        const { data } = array;
        there.forEach(({ position }, at) => images.set(position, data.slice(at * size, (at + 1) * size)));
      }
      return images;
    },
    write: async (restart, made) => {
      if (made.length === 0) return;
      await mkdir(own, { recursive: true }).catch((cause: unknown) => {
        throw writeError(own, cause);
      });
      const size = imageSize(shape);
      const data = new Float32Array(made.length * size);
      made.forEach(({ image }, row) => data.set(image, row * size));
      const chunk = { file: `${chunks.length}.npy`, restart, positions: made.map(({ position }) => position) };
      await writeAtomic(join(own, chunk.file), formatNpy({ dtype: 'f32', shape: [made.length, ...shape], data }));
      chunks.push(chunk);
      await writeAtomic(join(own, INDEX), JSON.stringify({ key, chunks } satisfies KeptIndex));
      enter(own, { chunks: [chunk] });
    },
  };
}

async function readIndex(folder: string, key: string): Promise<KeptIndex | null> {
  const text = await readFile(join(folder, INDEX), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const parsed = keptIndex.safeParse(JSON.parse(text));
    return parsed.success && parsed.data.key === key ? parsed.data : null;
  } catch {
    return null;
  }
}
