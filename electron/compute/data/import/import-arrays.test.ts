import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { datasetManifest, duplicatesFile, importPreview } from '../../../../shared/domain/dataset.ts';
import type { DatasetManifest } from '../../../../shared/domain/dataset.ts';
import { importPlan } from '../../../../shared/domain/import-plan.ts';
import type { ImportPlanInput } from '../../../../shared/domain/import-plan.ts';
import { readNpyRows } from '../../arrays/npy.ts';
import { writeNpz } from '../../arrays/npz.ts';
import { stream } from '../../random/stream.ts';
import { openItems } from '../items.ts';
import { openPacked } from '../packed.ts';
import { channelStatistics } from '../statistics.ts';
import { importDataset } from './import-dataset.ts';
import { previewImport } from './preview.ts';
import { sampleFile } from './sample-name.ts';

let root: string;
let made = 0;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-import-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const alone = { checkpoint: async (): Promise<void> => undefined, progress: (): void => undefined };
const COUNT = 60;
const SIZE = 5 * 4 * 3;

/** Noise; image i is of class i % 3. */
function noise(): Uint8Array {
  const random = stream(2, 'pixels');
  return Uint8Array.from({ length: COUNT * SIZE }, () => random.bits() >>> 24);
}

async function source(data = noise()): Promise<string> {
  const file = join(root, 'set.npz');
  await writeNpz(file, {
    images: { dtype: 'u8', shape: [COUNT, 5, 4, 3], data },
    labels: { dtype: 'u8', shape: [COUNT], data: Uint8Array.from({ length: COUNT }, (_, at) => at % 3) },
  });
  return file;
}

async function run(plan: ImportPlanInput): Promise<{ manifest: DatasetManifest; folder: string }> {
  const folder = join(root, `out-${(made += 1)}`);
  mkdirSync(folder);
  const job = { id: 'dataset-0123456789', folder, scratch: join(folder, 'scratch'), options: importPlan.parse(plan) };
  return { manifest: await importDataset(job, alone), folder };
}

async function look(plan: ImportPlanInput): Promise<ReturnType<typeof importPreview.parse>> {
  const scratch = join(root, 'scratch');
  mkdirSync(scratch, { recursive: true });
  return previewImport({ plan: importPlan.parse(plan), scratch, sample: 'abcdefgh-01', library: root }, alone);
}

test('every image is packed bit for bit, with what is known of it, and the hash covers all arrays', async () => {
  const data = noise();
  const { manifest, folder } = await run({ path: await source(data), name: 'noise' });
  expect(datasetManifest.parse(manifest)).toMatchObject({
    name: 'noise',
    images: COUNT,
    shape: [5, 4, 3],
    classes: ['0', '1', '2'],
    classCounts: [20, 20, 20],
    pixels: 'u8',
    skipped: [],
    duplicates: { exact: 0, near: null, acrossSplits: 0 },
    plan: { path: join(root, 'set.npz'), name: 'noise', seed: 0 },
  });
  const file = (name: string): Buffer => readFileSync(join(folder, name));
  expect(file('images.u8').equals(data)).toBe(true);
  const hash = createHash('sha256').update(file('images.u8')).update(file('labels.u16')).update(file('splits.u8'));
  expect(manifest.hash).toBe(hash.digest('hex'));

  const items = openItems(join(folder, 'items.db'))!;
  expect(items.count).toBe(COUNT);
  const [row] = items.rows([7]);
  const pixels = data.subarray(7 * SIZE, 8 * SIZE);
  const mean = pixels.reduce((sum, value) => sum + value, 0) / SIZE / 255;
  const variance = pixels.reduce((sum, value) => sum + (value / 255 - mean) ** 2, 0) / SIZE;
  expect(row).toMatchObject({ position: 7, width: 4, height: 5, phash: null, columns: null });
  expect(row!.brightness).toBeCloseTo(mean, 9);
  expect(row!.contrast).toBeCloseTo(Math.sqrt(variance), 9);
  expect(Buffer.from(row!.hash).toString('hex')).toBe(createHash('sha256').update(pixels).digest('hex').slice(0, 32));
  expect(items.values().brightness[7]).toBe(row!.brightness);
  items.close();

  const packed = await openPacked(folder);
  const truth = channelStatistics(
    packed,
    Uint32Array.from({ length: COUNT }, (_, at) => at),
  );
  packed.close();
  manifest.statistics!.mean.forEach((value, channel) => expect(value).toBeCloseTo(truth.mean[channel]!, 12));
  manifest.statistics!.deviation.forEach((value, channel) => expect(value).toBeCloseTo(truth.deviation[channel]!, 12));
});

test('classes are chosen, renamed and put in order, and each has no more images than the limit', async () => {
  const path = await source();
  const classes = [
    { from: '2', name: 'two' },
    { from: '0', name: 'zero' },
  ];
  const { manifest, folder } = await run({ path, classes, limitPerClass: 7, seed: 5 });
  expect(manifest).toMatchObject({ images: 14, classes: ['two', 'zero'], classCounts: [7, 7] });
  const packed = await openPacked(folder);
  const data = noise();
  const known = new Map(
    Array.from({ length: COUNT }, (_, at) => [data.subarray(at * SIZE, (at + 1) * SIZE).join(), at % 3]),
  );
  for (let at = 0; at < 14; at += 1)
    expect(known.get(packed.readBytes([at]).join())).toBe(packed.labels[at] === 0 ? 2 : 0);
  packed.close();
  expect((await run({ path, classes, limitPerClass: 7, seed: 5 })).manifest.hash).toBe(manifest.hash);
  expect((await run({ path, classes, limitPerClass: 7, seed: 6 })).manifest.hash).not.toBe(manifest.hash);

  expect(await look({ path, classes, limitPerClass: 7 })).toMatchObject({
    images: 14,
    classes: [
      { name: 'two', images: 7 },
      { name: 'zero', images: 7 },
    ],
    found: ['0', '1', '2'].map((name) => ({ name, images: 20 })),
  });
  const wrong = [{ from: '9', name: 'nine' }, classes[0]!];
  await expect(run({ path, classes: wrong })).rejects.toMatchObject({
    code: 'invalid-input',
    message: 'The source has no class 9. It has 0, 1, 2.',
  });
});

test('the folds have every image once as a test image, each class alike in all, and the seed decides', async () => {
  const path = await source();
  const seen = new Uint8Array(COUNT);
  for (let fold = 0; fold < 4; fold += 1) {
    const { manifest, folder } = await run({ path, splits: 'folds', folds: 4, fold, seed: 9 });
    expect(manifest.splits).toEqual({ train: 40, validation: 5, test: 15 });
    const packed = await openPacked(folder);
    const tests = packed.positions('test');
    packed.close();
    for (const label of [0, 1, 2]) expect([...tests].filter((at) => at % 3 === label)).toHaveLength(5);
    for (const at of tests) seen[at] = seen[at]! + 1;
  }
  expect([...new Set(seen)]).toEqual([1]);
  await expect(run({ path, splits: 'folds', folds: 4, fold: 4 })).rejects.toMatchObject({ code: 'invalid-input' });
});

test('equal images are listed with their splits, or taken once and said so', async () => {
  const data = noise();
  data.copyWithin(3 * SIZE, 0, SIZE);
  data.copyWithin(4 * SIZE, 0, SIZE);
  const path = await source(data);
  const all = await run({ path, testShare: 0.3 });
  const pairs = JSON.parse(readFileSync(join(all.folder, 'duplicates.json'), 'utf8'));
  expect(pairs).toEqual({
    pairs: [
      [0, 3, 0],
      [0, 4, 0],
    ],
    total: 2,
  });
  const packed = await openPacked(all.folder);
  const across = [3, 4].filter((at) => packed.splits[at] !== packed.splits[0]).length;
  packed.close();
  expect(all.manifest.duplicates).toEqual({ exact: 2, near: null, acrossSplits: across });
  expect(all.manifest.notes).toContain('Images with equal pixels are in different classes: 1 pair.');

  const once = await run({ path, dropDuplicates: true });
  expect(once.manifest).toMatchObject({ images: COUNT - 2, duplicates: { exact: 0 } });
  expect(once.manifest.skipped).toHaveLength(2);
  expect(once.manifest.skipped[0]!.reason).toMatch(/^has exactly the pixels of .*0/);
  expect(readFileSync(join(once.folder, 'skipped.csv'), 'utf8').split('\n')).toHaveLength(4);
});

test('images a few levels apart are near duplicates, and a warning says where they leak', async () => {
  const data = new Uint8Array(COUNT * SIZE);
  const random = stream(4, 'pixels');
  for (let at = 0; at < data.length; at += 1) data[at] = 20 + (random.bits() >>> 24) * 0.8;
  for (let at = 0; at < SIZE; at += 1) data[6 * SIZE + at] = data[at]! + 1;
  const { manifest, folder } = await run({ path: await source(data), nearDuplicates: 2 });
  expect(manifest.duplicates!.near).toBeGreaterThanOrEqual(1);
  const { pairs } = duplicatesFile.parse(JSON.parse(readFileSync(join(folder, 'duplicates.json'), 'utf8')));
  expect(pairs.map(([a, b]) => [a, b])).toContainEqual([0, 6]);
});

test('a preview counts as the import does, and its sample holds images after the transformation', async () => {
  const plan = { path: await source(), size: [8, 6] as [number, number], fit: 'stretch' as const, testShare: 0.25 };
  const preview = await look(plan);
  const { manifest, folder } = await run(plan);
  expect(importPreview.parse(preview)).toMatchObject({
    format: 'npz',
    images: manifest.images,
    shape: manifest.shape,
    splits: manifest.splits,
    sizes: [{ width: 4, height: 5, images: COUNT }],
  });
  expect(manifest.shape).toEqual([6, 8, 3]);
  const sample = await readNpyRows(join(root, 'scratch', sampleFile(preview.sample!.id)));
  expect(sample.shape).toEqual([24, 6, 8, 3]);
  const packed = await openPacked(folder);
  const all = new Set(Array.from({ length: COUNT }, (_, at) => packed.readBytes([at]).join()));
  packed.close();
  for (let at = 0; at < 24; at += 1) {
    expect(all.has((sample.data as Uint8Array).subarray(at * 144, (at + 1) * 144).join())).toBe(true);
  }
});

test('a saved adversarial set becomes a test set with the very same float32 pixels and all its classes', async () => {
  // Values between n/255: 8 bits could not hold them.
  const data = Float32Array.from({ length: 48 }, (_, at) => (at + 0.37) / 48);
  const path = join(root, 'attacked.npz');
  await writeNpz(path, {
    adversarial: { dtype: 'f32', shape: [3, 4, 4, 1], data },
    labels: { dtype: 'i32', shape: [3], data: Int32Array.of(2, 0, 2) },
    logits_clean: { dtype: 'f32', shape: [3, 5], data: new Float32Array(15) },
  });
  const { manifest, folder } = await run({ path });
  expect(manifest).toMatchObject({
    pixels: 'f32',
    classes: ['0', '1', '2', '3', '4'],
    classCounts: [1, 0, 2, 0, 0],
    splits: { train: 0, validation: 0, test: 3 },
  });
  const packed = await openPacked(folder);
  expect(packed.readImages([2, 0])).toEqual(Float32Array.of(...data.subarray(32), ...data.subarray(0, 16)));
  expect([...packed.readBytes([0])]).toEqual([...data.subarray(0, 16)].map((value) => Math.round(255 * value)));
  packed.close();
});

test('one class is refused, and so is a path that is not there', async () => {
  const path = join(root, 'one.npz');
  await writeNpz(path, {
    images: { dtype: 'u8', shape: [2, 2, 2, 1], data: new Uint8Array(8) },
    labels: { dtype: 'u8', shape: [2], data: new Uint8Array(2) },
  });
  await expect(run({ path })).rejects.toMatchObject({
    code: 'bad-data',
    message: expect.stringMatching(/has 1 class of images \(0\); a classifier needs at least two/),
  });
  await expect(run({ path: join(root, 'nowhere') })).rejects.toMatchObject({ code: 'not-found' });
});
