import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKED_FILES } from '../../electron/compute/data/packed.ts';
import { stream } from '../../electron/compute/random/stream.ts';
import type { DatasetManifest } from '../../shared/domain/dataset.ts';
import { newId } from '../../shared/domain/ids.ts';
import { SPLITS, type Split } from '../../shared/domain/shape.ts';
import type { BenchNetwork } from './protocol.ts';

/** Images as a packed data set holds them: [images, height, width, channels] of 0…255, and their classes. */
export interface Pixels {
  readonly images: Uint8Array;
  readonly labels: ArrayLike<number>;
}

/** Writes a packed data set whose images all belong to one split. Makes the folder. @returns the data set's id. */
export async function writePacked(
  folder: string,
  { shape, classes }: Pick<BenchNetwork, 'shape' | 'classes'>,
  { images, labels }: Pixels,
  split: Split,
): Promise<string> {
  const count = labels.length;
  const splits = new Uint8Array(count).fill(SPLITS.indexOf(split));
  const labelBytes = new Uint8Array(2 * count);
  const view = new DataView(labelBytes.buffer);
  const classCounts = new Array<number>(classes).fill(0);
  for (let image = 0; image < count; image += 1) {
    const label = labels[image] ?? 0;
    view.setUint16(2 * image, label, true);
    classCounts[label] = (classCounts[label] ?? 0) + 1;
  }
  const manifest: DatasetManifest = {
    format: 1,
    id: newId('dataset'),
    name: 'bench',
    images: count,
    shape,
    classes: classCounts.map((_, index) => String(index)),
    splits: { train: 0, validation: 0, test: 0, [split]: count },
    classCounts,
    source: { kind: 'idx', paths: [], attribution: null },
    splitSeed: 0,
    hash: createHash('sha256').update(images).update(labelBytes).update(splits).digest('hex'),
    skipped: [],
    created: new Date().toISOString(),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, PACKED_FILES.images), images);
  await writeFile(join(folder, PACKED_FILES.labels), labelBytes);
  await writeFile(join(folder, PACKED_FILES.splits), splits);
  await writeFile(join(folder, PACKED_FILES.manifest), JSON.stringify(manifest));
  return manifest.id;
}

/** Noise images and random labels, the same for the same network and count. */
export function randomPixels({ shape, classes }: BenchNetwork, count: number): Pixels {
  const random = stream(0, 'bench', shape.join('x'), count);
  const images = new Uint8Array(count * shape[0] * shape[1] * shape[2]);
  for (let at = 0; at < images.length; at += 1) images[at] = random.bits() >>> 24;
  return { images, labels: Uint8Array.from({ length: count }, () => random.integer(classes)) };
}
