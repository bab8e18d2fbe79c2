import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { datasetManifest, type DatasetManifest } from '../../../../shared/domain/dataset.ts';
import { readNpyRows } from '../../arrays/npy.ts';
import { readNpz } from '../../arrays/npz.ts';
import type { Control } from '../../jobs/control.ts';
import { writeItems } from '../items.ts';
import { openPacked } from '../packed.ts';
import { makeVersion } from './edit.ts';
import { exportSelection } from './export.ts';
import { writeStatistics } from './statistics.ts';
import { verifyPacked } from './verify.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-tasks-'));
const set = join(root, 'set');
const control: Control = { checkpoint: async () => undefined, progress: () => undefined };
const IMAGES = 6;
/** [6, 2, 3, 3], values that 8 bits cannot hold. */
const pixels = Float32Array.from({ length: IMAGES * 18 }, (_, at) => ((at * 7919) % 10_007) / 10_006);
const labels = [0, 1, 2, 0, 1, 2];
const splits = Uint8Array.from([0, 0, 0, 1, 2, 2]);
let manifest: DatasetManifest;

/** A set of floats with key areas, class names that no folder may have, and columns. */
beforeAll(() => {
  mkdirSync(set);
  const labelBytes = Uint8Array.from(labels.flatMap((label) => [label, 0]));
  const masks = Uint8Array.from({ length: IMAGES * 6 }, (_, at) => (at % 2) * 255);
  const bytes = new Uint8Array(pixels.buffer);
  const hash = createHash('sha256').update(bytes).update(labelBytes).update(splits).update(masks).digest('hex');
  manifest = datasetManifest.parse({
    format: 1,
    id: 'dataset-00000000aa',
    name: 'Floats',
    images: IMAGES,
    shape: [2, 3, 3],
    classes: ['a/b', 'A_B', '..'],
    splits: { train: 3, validation: 1, test: 2 },
    classCounts: [2, 2, 2],
    pixels: 'f32',
    masks: IMAGES,
    source: { kind: 'npz', paths: [root], attribution: null },
    splitSeed: 0,
    hash,
    skipped: [],
    created: new Date(0).toISOString(),
  });
  writeFileSync(join(set, 'images.f32'), bytes);
  writeFileSync(join(set, 'labels.u16'), labelBytes);
  writeFileSync(join(set, 'splits.u8'), splits);
  writeFileSync(join(set, 'masks.u8'), masks);
  writeFileSync(join(set, 'manifest.json'), JSON.stringify(manifest));
  writeItems(
    join(set, 'items.db'),
    Array.from({ length: IMAGES }, (_, position) => ({
      position,
      name: `images[${position}]`,
      width: 3 + (position % 2),
      height: 2,
      brightness: 0.5,
      contrast: 0.1,
      hash: createHash('sha256')
        .update(bytes.subarray(position * 72, (position + 1) * 72))
        .digest()
        .subarray(0, 16),
      phash: null,
      columns: position === 1 ? { note: 'with "quotes", and a comma' } : null,
    })),
  );
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a data set of floats with key areas', () => {
  it('has the statistics of its pixels, by channel and class', async () => {
    const { channels, sizes, images } = await writeStatistics(set, control);
    expect(images).toBe(IMAGES);
    for (const [channel, { mean, deviation, pixels: bars }] of channels.entries()) {
      const own = [...pixels].filter((_, at) => at % 3 === channel);
      const average = own.reduce((sum, value) => sum + value, 0) / own.length;
      expect(mean).toBeCloseTo(average, 6);
      expect(deviation).toBeCloseTo(
        Math.sqrt(own.reduce((sum, value) => sum + (value - average) ** 2, 0) / own.length),
        6,
      );
      expect(bars.counts.reduce((sum, count) => sum + count)).toBe(own.length);
      expect(bars.counts[0]).toBe(own.filter((value) => value < 1 / 64).length);
    }
    expect(sizes).toEqual([
      { width: 3, height: 2, images: 3 },
      { width: 4, height: 2, images: 3 },
    ]);
    const { shape, data } = await readNpyRows(join(set, 'mean.npy'));
    expect(shape).toEqual([4, 2, 3, 3]);
    expect(data[18 + 5]).toBeCloseTo(((pixels[5] ?? 0) + (pixels[3 * 18 + 5] ?? 0)) / 2, 6);
  });

  it('is verified, its key areas too', async () => {
    expect(await verifyPacked({ dataset: set, hash: manifest.hash }, control)).toMatchObject({ ok: true, damaged: [] });
    const masks = readFileSync(join(set, 'masks.u8'));
    writeFileSync(
      join(set, 'masks.u8'),
      Uint8Array.from(masks, (value, at) => (at === 3 ? 255 - value : value)),
    );
    const { ok, message } = await verifyPacked({ dataset: set, hash: manifest.hash }, control);
    expect([ok, message]).toEqual([false, expect.stringMatching(/masks\.u8/)]);
    writeFileSync(join(set, 'masks.u8'), masks);
    expect(await verifyPacked({ dataset: set, hash: '0'.repeat(64) }, control)).toMatchObject({ ok: false });
  });

  it('has versions whose hash covers what is shared, and which outlive it', async () => {
    const work = { task: 'edit', dataset: set, id: 'dataset-00000000bb', name: 'v2', created: 'now' } as const;
    const target = join(root, 'v2');
    const edits = [
      { kind: 'exclude', positions: [3] } as const,
      { kind: 'relabel', positions: [0], label: 2 } as const,
    ];
    const made = await makeVersion(
      { ...work, target, edits: edits.map((edit) => ({ ...edit, positions: [...edit.positions] })) },
      control,
    );
    expect(made).toMatchObject({ splits: { train: 3, validation: 0, test: 2 }, classCounts: [0, 2, 3], excluded: 1 });
    expect(existsSync(join(target, 'statistics.json'))).toBe(false);
    expect(await verifyPacked({ dataset: target, hash: made.hash }, control)).toMatchObject({ ok: true });
    const copy = join(root, 'copy');
    expect(
      await exportSelection(
        { task: 'export', dataset: target, target: copy, format: 'folder', positions: null },
        control,
      ),
    ).toBe(5);
    rmSync(copy, { recursive: true });
    const packed = await openPacked(target);
    expect([...packed.labels]).toEqual([2, 1, 2, 0, 1, 2]);
    packed.close();
    expect(statSync(join(target, 'images.f32')).nlink).toBe(2);
  });

  it('is exported as NPZ to the last bit, as PNG of 16 bits, as CSV with quotes where they are needed', async () => {
    const positions = Uint32Array.of(5, 1);
    const work = { task: 'export', dataset: set, positions } as const;
    await exportSelection({ ...work, target: join(root, 'x.npz'), format: 'npz' }, control);
    const arrays = await readNpz(join(root, 'x.npz'));
    expect(arrays['images']).toMatchObject({ dtype: 'f32', shape: [2, 2, 3, 3] });
    expect([...(arrays['images']?.data ?? [])]).toEqual([...pixels.subarray(90, 108), ...pixels.subarray(18, 36)]);
    const folder = join(root, 'png');
    await exportSelection({ ...work, target: folder, format: 'folder' }, control);
    expect(readdirSync(folder).sort()).toEqual(['A_B (1)', 'a_b', 'class 2', 'manifest.csv']);
    const png = decode(readFileSync(join(folder, 'A_B (1)', '1.png')));
    expect(png).toMatchObject({ width: 3, height: 2, channels: 3, depth: 16 });
    expect([...png.data]).toEqual([...pixels.subarray(18, 36)].map((value) => Math.round(65_535 * value)));
    await exportSelection({ ...work, target: join(root, 'x.csv'), format: 'csv' }, control);
    const [head, first, second] = readFileSync(join(root, 'x.csv'), 'utf8').split('\n');
    expect(head).toBe('position,class,label,split,name,width,height,brightness,contrast,note');
    expect(first).toBe('5,..,2,test,images[5],4,2,0.5,0.1,');
    expect(second).toBe('1,A_B,1,train,images[1],4,2,0.5,0.1,"with ""quotes"", and a comma"');
  });

  it('whose export fails leaves nothing behind, and says where', async () => {
    const target = join(set, 'labels.u16', 'below', 'a.csv');
    const made = exportSelection({ task: 'export', dataset: set, target, format: 'csv', positions: null }, control);
    await expect(made).rejects.toMatchObject({ message: expect.stringContaining(target) });
    const stopped: Control = { ...control, checkpoint: () => Promise.reject(new Error('stop')) };
    for (const format of ['npz', 'csv', 'folder'] as const) {
      const path = join(root, `stopped.${format}`);
      await expect(
        exportSelection({ task: 'export', dataset: set, target: path, format, positions: null }, stopped),
      ).rejects.toThrow('stop');
    }
    expect(readdirSync(root).filter((name) => name.includes('stopped'))).toEqual([]);
  });
});
