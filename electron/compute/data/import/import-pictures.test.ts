import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { encode } from 'fast-png';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DatasetManifest } from '../../../../shared/domain/dataset.ts';
import { importPlan } from '../../../../shared/domain/import-plan.ts';
import type { ImportPlanInput } from '../../../../shared/domain/import-plan.ts';
import type { Control } from '../../jobs/control.ts';
import { openItems } from '../items.ts';
import { openPacked } from '../packed.ts';
import { importDataset } from './import-dataset.ts';
import { previewImport } from './preview.ts';

let root: string;
let source: string;
let made = 0;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-pictures-'));
  source = join(root, 'pets');
  mkdirSync(source);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const alone: Control = { checkpoint: async () => undefined, progress: () => undefined };

function put(name: string, bytes: Uint8Array): void {
  mkdirSync(dirname(join(source, name)), { recursive: true });
  writeFileSync(join(source, name), bytes);
}
/** A PNG of one value, its first pixel another. */
function png(value: number, width = 8, height = 6, channels: 1 | 3 = 1): Uint8Array {
  const data = new Uint8Array(width * height * channels).fill(value);
  data[0] = 255 - value;
  return encode({ width, height, channels, depth: 8, data });
}
function folderFor(): string {
  const folder = join(root, `out-${(made += 1)}`);
  mkdirSync(folder);
  return folder;
}
async function run(
  plan: Partial<ImportPlanInput> = {},
  control = alone,
): Promise<{ manifest: DatasetManifest; folder: string }> {
  const folder = folderFor();
  const options = importPlan.parse({ path: source, validationShare: 0, testShare: 0, ...plan });
  const job = { id: 'dataset-0123456789', folder, scratch: join(root, 'scratch'), options };
  return { manifest: await importDataset(job, control), folder };
}

test('good pictures are imported, everything else is listed with its reason, in full beside the set', async () => {
  for (const at of Array.from({ length: 4 }).keys()) {
    put(`cat/${at}.png`, png(10 + at));
    put(`dog/${at}.png`, png(60 + at));
  }
  put('cat/cut.png', png(99, 40, 40).subarray(0, 60));
  put('cat/empty.png', new Uint8Array());
  put('dog/text.png', Buffer.from('no image at all'));
  const { manifest, folder } = await run();
  expect(manifest).toMatchObject({ images: 8, classes: ['cat', 'dog'], classCounts: [4, 4], shape: [6, 8, 1] });
  const reasons = Object.fromEntries(manifest.skipped.map(({ file, reason }) => [file, reason]));
  expect(reasons).toEqual({
    'cat/cut.png': expect.stringMatching(/damaged or cut short/),
    'cat/empty.png': expect.stringMatching(/is empty/),
    'dog/text.png': expect.stringMatching(/no image of a known format/),
  });
  expect(readFileSync(join(folder, 'skipped.csv'), 'utf8').trim().split('\n')).toHaveLength(4);
  const items = openItems(join(folder, 'items.db'))!;
  expect(items.rows([0, 7]).map((row) => row?.name)).toEqual(['cat/0.png', 'dog/3.png']);
  items.close();
});

test('more than 500 files that were left out are all in the list beside the set, 500 of them in the manifest', async () => {
  for (const at of Array.from({ length: 3 }).keys()) for (const name of ['a', 'b']) put(`${name}/${at}.png`, png(at));
  for (let at = 0; at < 620; at += 1) put(`a/broken ${at}.png`, Buffer.from(`broken, "really" ${at}`));
  const { manifest, folder } = await run();
  expect(manifest.skipped).toHaveLength(501);
  expect(manifest.skipped.at(-1)!.reason).toBe('and 120 more, all of them in skipped.csv');
  expect(readFileSync(join(folder, 'skipped.csv'), 'utf8').trim().split('\n')).toHaveLength(621);
});

test('key areas are found by the rule, packed beside the images, and no images themselves', async () => {
  const half = new Uint8Array(48);
  for (let y = 0; y < 6; y += 1) half.fill(255, 8 * y, 8 * y + 4);
  for (const name of ['cat', 'dog']) {
    for (const at of [1, 2, 3]) {
      put(`${name}/${at}.png`, png(at * 20));
      if (at !== 2)
        put(`areas/${name}/${at}.mask.png`, encode({ width: 8, height: 6, channels: 1, depth: 8, data: half }));
    }
  }
  put('areas/dog/3.mask.png', png(255, 30, 6));
  const plan = { masks: 'areas/{folder}/{stem}.mask.png' };
  const scratch = join(root, 'scratch');
  mkdirSync(scratch);
  const options = importPlan.parse({ path: source, ...plan });
  const preview = await previewImport({ plan: options, scratch, sample: 'abcdefgh-01', library: root }, alone);
  expect(preview).toMatchObject({ images: 6, masks: 4, classes: [{ name: 'cat' }, { name: 'dog' }] });

  const { manifest, folder } = await run(plan);
  expect(manifest).toMatchObject({ images: 6, masks: 3, classes: ['cat', 'dog'] });
  expect(manifest.skipped).toEqual([
    { file: 'areas/dog/3.mask.png', reason: expect.stringMatching(/^as a mask: .*30 × 6/) },
  ]);
  const packed = await openPacked(folder);
  expect([...packed.readMasks([0])]).toEqual([...half]);
  expect([...packed.readMasks([1])]).toEqual([...new Uint8Array(48)]);
  packed.close();
  const hash = createHash('sha256');
  for (const name of ['images.u8', 'labels.u16', 'splits.u8', 'masks.u8'])
    hash.update(readFileSync(join(folder, name)));
  expect(manifest.hash).toBe(hash.digest('hex'));
});

test('originals are copied, or remembered with their hashes', async () => {
  for (const name of ['a', 'b']) for (const at of [1, 2]) put(`${name}/${at}.png`, png(at));
  const sha = createHash('sha256')
    .update(readFileSync(join(source, 'b/1.png')))
    .digest('hex');
  for (const originals of ['copy', 'reference'] as const) {
    const { folder } = await run({ originals });
    const db = new DatabaseSync(join(folder, 'items.db'), { readOnly: true });
    const rows = db.prepare('SELECT position, file, sha256 FROM originals ORDER BY position').all();
    db.close();
    expect(rows).toHaveLength(4);
    expect(Buffer.from(rows[2]!['sha256'] as Uint8Array).toString('hex')).toBe(sha);
    expect(rows[2]!['file']).toBe(originals === 'copy' ? '0000002.png' : 'b/1.png');
    const copies = join(folder, 'originals');
    expect(existsSync(copies)).toBe(originals === 'copy');
    if (originals === 'copy') {
      expect(readdirSync(copies)).toHaveLength(4);
      expect(readFileSync(join(copies, '0000002.png')).equals(readFileSync(join(source, 'b/1.png')))).toBe(true);
    }
  }
});

test('a source that vanishes during the import is named; the import goes on once it is back, to the same bytes', async () => {
  for (const name of ['a', 'b']) for (let at = 0; at < 40; at += 1) put(`${name}/${at}.png`, png(at));
  const away = join(root, 'away');
  const folder = folderFor();
  const options = importPlan.parse({ path: source });
  const job = { id: 'dataset-0123456789', folder, scratch: join(root, 'scratch'), options };
  const control: Control = {
    ...alone,
    progress: ({ done, message }) => {
      if (message === 'Importing' && done === 20) renameSync(source, away);
    },
  };
  await expect(importDataset(job, control)).rejects.toMatchObject({
    code: 'not-found',
    retry: true,
    message: expect.stringContaining(`${source} is gone`),
  });
  expect(existsSync(join(folder, 'manifest.json'))).toBe(false);
  renameSync(away, source);
  const manifest = await importDataset(job, alone);
  expect(manifest).toMatchObject({ images: 80, skipped: [] });
  expect(manifest.hash).toBe((await run({ validationShare: 0.1, testShare: 0.2 })).manifest.hash);
});

test('colour wins over grey, floats keep what 16 bits hold, and bytes say what they lose', async () => {
  const deep = (value: number): Uint8Array =>
    encode({ width: 4, height: 4, channels: 1, depth: 16, data: new Uint16Array(16).fill(value) });
  for (const [at, name] of ['a', 'a', 'b', 'b'].entries()) put(`${name}/${at}.png`, deep(1000 * at + 7));
  const bytes = await run();
  expect(bytes.manifest).toMatchObject({ pixels: 'u8', shape: [4, 4, 1] });
  expect(bytes.manifest.notes?.join()).toMatch(/16 bits a sample/);
  const floats = await run({ depth: 'f32' });
  expect(floats.manifest.pixels).toBe('f32');
  const packed = await openPacked(floats.folder);
  expect(packed.readImages([3])[0]).toBe(Math.fround(3007 / 65_535));
  packed.close();
  put('b/colour.png', png(9, 4, 4, 3));
  expect((await run()).manifest.shape).toEqual([4, 4, 3]);
});
