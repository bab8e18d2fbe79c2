import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainConfig, type TrainConfigInput } from '../../../shared/domain/training.ts';
import { startPoints } from '../attacks/base/start.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { trainingBatches } from '../training/batches.ts';
import { planTraining } from '../training/plan.ts';
import { epsilonShareAt } from '../training/schedule.ts';
import { openPacked, PACKED_FILES, type PackedDataset } from './packed.ts';
import type { Pipeline, PreparedBatch } from './pipeline.ts';

let scratch: string;
let dataset: PackedDataset;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-pipeline-'));
  await writeBars(join(scratch, 'data'));
  dataset = await openPacked(join(scratch, 'data'));
});
afterAll(async () => {
  dataset.close();
  await rm(scratch, { recursive: true, force: true });
});

const AUGMENTED = { flip: true, cropPadding: 2, cutout: 4 };

function open(
  trainer: TrainConfigInput['trainer'],
  {
    first = 0,
    thread,
    defence = 'at',
    defenceSettings = {},
  }: { first?: number; thread?: URL | null; defence?: string; defenceSettings?: Record<string, number> } = {},
  data = dataset,
): { pipeline: Pipeline; total: number } {
  const config = trainConfig.parse({
    dataset: BARS_ID,
    architecture: 'small-cnn',
    defence,
    defenceSettings,
    trainer: { epochs: 2, batchSize: 20, ...trainer },
    seed: 5,
  });
  const plan = planTraining(config, data);
  return { pipeline: trainingBatches(config, data, plan, first, thread), total: plan.total };
}

type Batch = Readonly<Record<string, Float32Array | Int32Array | Uint32Array>>;

/** A batch's numbers in memory of their own. */
function copy({ examples, points }: PreparedBatch): Batch {
  return {
    images: examples.images.slice(),
    labels: examples.labels,
    indices: examples.indices,
    ...(points && { start: points.start.slice(), lower: points.lower.slice(), upper: points.upper.slice() }),
  };
}

/** All numbers of batches in short: equal for equal bits. */
function digest(...batches: readonly Batch[]): string {
  const hash = createHash('sha256');
  for (const batch of batches) for (const [name, values] of Object.entries(batch)) hash.update(name).update(values);
  return hash.digest('hex');
}

/** All batches from step `first` on, and how many of them the thread made. */
async function batchesOf(
  trainer: TrainConfigInput['trainer'],
  options: Parameters<typeof open>[1] = {},
): Promise<{ batches: readonly Batch[]; ahead: number; note: string | null }> {
  const { pipeline, total } = open(trainer, options);
  const batches: Batch[] = [];
  for (let step = options.first ?? 0; step < total; step += 1) {
    const batch = await pipeline.take(step);
    const before = copy(batch);
    // Some batches are taken at once, some after the thread had a turn.
    if (step % 3 === 1) await pipeline.started.then(() => new Promise((resolve) => setTimeout(resolve, 10)));
    // What is lent stays as it is while later batches are made.
    expect(digest(copy(batch))).toBe(digest(before));
    batches.push(before);
    batch.release();
  }
  const { ahead, note } = pipeline;
  await pipeline.dispose();
  return { batches, ahead, note };
}

describe('batches made ahead', () => {
  it('are the same numbers as batches made on the spot, and as those of a training that begins in the middle', async () => {
    const threaded = await batchesOf(AUGMENTED);
    expect(threaded.ahead).toBeGreaterThan(0);
    expect(threaded.note).toBeNull();
    const here = await batchesOf(AUGMENTED, { thread: null });
    expect(here.ahead).toBe(0);
    expect(digest(...threaded.batches)).toBe(digest(...here.batches));
    const later = await batchesOf(AUGMENTED, { first: 4 });
    expect(digest(...later.batches)).toBe(digest(...here.batches.slice(4)));
  });

  it('without augmentation are the images of the file, with the start and bounds of the inner attack', async () => {
    const { batches } = await batchesOf({ epsilonWarmup: 0.5 });
    const perEpoch = batches.length / 2;
    batches.forEach((batch, step) => {
      const indices = batch['indices'] as Uint32Array;
      const images = dataset.readImages(indices);
      const labels = Int32Array.from(indices, (position) => dataset.labels[position]!);
      const epsilon =
        0.25 * epsilonShareAt({ epsilonWarmup: 0.5, epsilonSchedule: 'linear', epsilonStart: 0 }, step, batches.length);
      const plan = { epsilon, randomStart: true };
      const points = startPoints(images, indices, plan, 5, Math.floor(step / perEpoch));
      expect(digest(batch)).toBe(digest({ images, labels, indices, ...points }));
    });
  });

  it('vary each example by itself: the same whatever the batch size, another in each epoch', async () => {
    const byExample = async (batchSize: number, epoch: number): Promise<Map<number, string>> => {
      const { batches } = await batchesOf({ ...AUGMENTED, batchSize }, { thread: null, defence: 'natural' });
      const half = batches.length / 2;
      return new Map(
        batches.slice(epoch * half, (epoch + 1) * half).flatMap((batch) => {
          const images = batch['images'] as Float32Array;
          const indices = Array.from(batch['indices']!);
          const size = images.length / indices.length;
          return indices.map((index, row) => [index, images.subarray(row * size, (row + 1) * size).join()] as const);
        }),
      );
    };
    const [small, large, later] = await Promise.all([byExample(7, 0), byExample(32, 0), byExample(32, 1)]);
    expect(small.size).toBe(dataset.positions('train').length);
    for (const [index, pixels] of small) expect(large.get(index)).toBe(pixels);
    const changed = [...later].filter(([index, pixels]) => large.get(index) !== pixels).length;
    expect(changed).toBeGreaterThan(0.8 * later.size);
  });

  it('of a defence with pixel noise are the images with noise of its deviation, in [0, 1], made ahead or not', async () => {
    const noisy = { defence: 'lsq', defenceSettings: { noise: 0.02 } };
    const { batches } = await batchesOf({}, noisy);
    expect(digest(...batches)).toBe(digest(...(await batchesOf({}, { ...noisy, thread: null })).batches));
    const changes = batches.flatMap((batch) => {
      const plain = dataset.readImages(batch['indices'] as Uint32Array);
      const images = Array.from(batch['images'] as Float32Array);
      expect(images.every((pixel) => pixel >= 0 && pixel <= 1)).toBe(true);
      // Pixels so far from black and white are not cut.
      return images.flatMap((pixel, at) => (Math.abs(plain[at]! - 0.5) < 0.4 ? [pixel - plain[at]!] : []));
    });
    const mean = changes.reduce((sum, change) => sum + change, 0) / changes.length;
    const square = changes.reduce((sum, change) => sum + change * change, 0) / changes.length;
    expect(changes.length).toBeGreaterThan(10_000);
    expect(Math.abs(mean)).toBeLessThan(0.001);
    expect(Math.sqrt(square)).toBeCloseTo(0.02, 3);
  });

  it('have no start for trainings without an inner attack', async () => {
    const { batches } = await batchesOf({}, { defence: 'natural' });
    expect(Object.keys(batches[0]!)).toEqual(['images', 'labels', 'indices']);
  });
});

describe('a thread that is not there', () => {
  it.each([
    ['cannot be found', new URL('./no-such-thread.ts', import.meta.url), /no-such-thread/],
    ['fails', new URL('data:text/javascript,throw new Error("no memory")'), /no memory/],
    ['ends', new URL('data:text/javascript,process.exit(0)'), /has ended/],
  ])('%s: batches are made between the steps, with a note', async (_, thread, reason) => {
    const { batches, note } = await batchesOf(AUGMENTED, { thread });
    expect(note).toMatch(reason);
    expect(digest(...batches)).toBe(digest(...(await batchesOf(AUGMENTED, { thread: null })).batches));
  });
});

it.each([
  ['in the thread', undefined],
  ['on the spot', null],
])('an image file that is cut short, read %s, is an error that names the file', async (_, thread) => {
  const folder = join(scratch, `cut-${String(thread)}`);
  await writeBars(folder);
  const data = await openPacked(folder);
  const { pipeline } = open({ epochs: 50 }, thread === undefined ? {} : { thread }, data);
  try {
    await pipeline.started;
    let step = 0;
    const next = async (): Promise<void> => (await pipeline.take(step++)).release();
    for (let more = 0; more < 3; more += 1) await next();
    expect(pipeline.ahead).toBe(thread === null ? 0 : 3);
    await truncate(join(folder, PACKED_FILES.images), 10);
    const failure = (async () => {
      // Two batches may have been made before.
      for (let more = 0; more < 3; more += 1) await next();
    })();
    await expect(failure).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringContaining(PACKED_FILES.images),
    });
  } finally {
    await pipeline.dispose();
    data.close();
  }
});

it('its thread ends with it', async () => {
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length;
  const { pipeline } = open({});
  (await pipeline.take(0)).release();
  await pipeline.dispose();
  expect(process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length).toBe(before);
});
