import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import { previewSource } from './probe.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-flowers-'));
  mkdirSync(join(root, 'jpg'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** An image of that number; decoders look at the content, not at the name. */
function put(number: number): void {
  const name = `image_${String(number).padStart(4, '0')}.jpg`;
  const image = encode({ width: 4, height: 4, channels: 3, depth: 8, data: new Uint8Array(48) });
  writeFileSync(join(root, 'jpg', name), image);
}
const preview = (more: object = {}) => previewSource(importPlan.parse({ path: root, ...more }), root);

test('the class follows from the number: 80 images of each of 17', async () => {
  for (const number of [1, 80, 81, 1280, 1281, 1360]) put(number);
  writeFileSync(join(root, 'jpg', 'files.txt'), '');
  writeFileSync(join(root, 'jpg', 'notes.doc'), '');
  writeFileSync(join(root, 'datasplits.mat'), '');
  const found = await preview({ size: [64, 64] });
  expect(found).toMatchObject({ format: 'flowers17', suggestedName: '17 Flowers', images: 6, shape: [64, 64, 3] });
  expect(found.classes).toHaveLength(17);
  expect(found.classes.filter(({ images }) => images > 0)).toEqual([
    { name: 'daffodil', images: 2 },
    { name: 'snowdrop', images: 1 },
    { name: 'windflower', images: 1 },
    { name: 'pansy', images: 2 },
  ]);
  expect(found.skipped.map(({ file }) => file)).toEqual(['notes.doc', 'datasplits.mat']);
});

test('the 102 flowers are told apart, and a folder without flowers is named', async () => {
  put(1361);
  await expect(preview()).rejects.toThrow(/image_1361\.jpg, but the 17 flowers end with image_1360\.jpg/);
  rmSync(join(root, 'jpg'), { recursive: true });
  await expect(preview({ format: 'flowers17' })).rejects.toThrow(/holds no image_0001\.jpg/);
});
