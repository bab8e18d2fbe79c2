import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { importDataset } from '../../electron/compute/data/import/import-dataset.ts';
import { openPacked } from '../../electron/compute/data/packed.ts';
import { importPlan } from '../../shared/domain/import-plan.ts';
import { newId } from '../../shared/domain/ids.ts';
import { runChild } from './child.ts';
import { randomPixels, writePacked } from './packed-set.ts';
import type { Order } from './prepare.ts';
import type { BenchNetwork } from './protocol.ts';

/** Batches in a data set to train on. */
const TRAINING_BATCHES = 16;

export interface Material {
  readonly dataset: string;
  readonly weights: string;
}

/** Weights and a data set in `folder` for a task on random images: one batch to attack, or several to train on. */
export async function prepareMaterial(
  folder: string,
  network: BenchNetwork,
  batch: number,
  use: 'attack' | 'train',
  enginePack: string | null,
  images = batch,
): Promise<Material> {
  const material = { dataset: join(folder, 'dataset'), weights: join(folder, 'weights.npz') };
  if (use === 'train') {
    await writePacked(material.dataset, network, randomPixels(network, TRAINING_BATCHES * batch), 'train');
    return material;
  }
  const order: Order = { network, images, batch, ...material, enginePack };
  await runChild('prepare.ts', order);
  return material;
}

/** The first `count` MNIST test images in so many equal parts, each a packed data set. @returns their folders. */
export async function mnistChunks(folder: string, source: string, count: number, parts: number): Promise<string[]> {
  const whole = join(folder, 'mnist');
  await mkdir(whole, { recursive: true });
  const alone = { checkpoint: async () => undefined, progress: () => undefined };
  const options = importPlan.parse({ path: source, format: 'idx', validationShare: 0 });
  await importDataset({ id: newId('dataset'), folder: whole, scratch: join(folder, 'scratch'), options }, alone);
  const dataset = await openPacked(whole);
  try {
    const positions = dataset.positions('test').subarray(0, count);
    if (positions.length < count) {
      throw new Error(`${source} has ${positions.length} test images; ${count} are needed.`);
    }
    const network = { shape: dataset.manifest.shape, classes: dataset.manifest.classes.length };
    const folders = Array.from({ length: parts }, (_, part) => join(folder, `part-${part}`));
    const size = count / parts;
    for (const [part, into] of folders.entries()) {
      const chosen = positions.subarray(part * size, (part + 1) * size);
      const labels = Uint8Array.from(chosen, (position) => dataset.labels[position] ?? 0);
      await writePacked(into, network, { images: dataset.readBytes(chosen), labels }, 'test');
    }
    return folders;
  } finally {
    dataset.close();
  }
}
