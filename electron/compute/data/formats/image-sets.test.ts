import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { itemsOf, skippedOf, testFolder, TREE_FIXTURES, type TestFolder } from '../fixtures/tree-sets.ts';

const expected = JSON.parse(readFileSync(join(TREE_FIXTURES, 'expected.json'), 'utf8')) as {
  flowers: number[];
  shards: Record<string, string>;
};
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let folder: TestFolder;
beforeEach(() => (folder = testFolder()));
afterEach(() => folder.dispose());

const flower = (number: number): string => `image_${String(number).padStart(4, '0')}.jpg`;

test('17 flowers: the class follows from the number, 80 images of each', async () => {
  for (const number of [1, 80, 81, 1280, 1281, 1360]) folder.put(`jpg/${flower(number)}`);
  folder.put('jpg/files.txt', '');
  folder.put('jpg/notes.doc', '');
  const source = await folder.open();
  expect(source).toMatchObject({ kind: 'flowers17', suggestedName: '17 Flowers', keepsClasses: true });
  expect(source.classes).toHaveLength(17);
  expect(source.items.map(({ label, split }) => [label, split])).toEqual(
    [0, 0, 1, 15, 16, 16].map((label) => [label, null]),
  );
  expect(skippedOf(source)).toEqual({ 'jpg/notes.doc': expect.stringMatching(/none of image_0001/) });
});

test('17 flowers: datasplits.mat, as SciPy writes it, gives the parts', async () => {
  expected.flowers.forEach((number) => folder.put(`17flowers/jpg/${flower(number)}`));
  copyFileSync(join(TREE_FIXTURES, 'datasplits.mat'), join(folder.root, 'datasplits.mat'));
  const source = await folder.open();
  expect(source.kind).toBe('flowers17');
  const splitOf = new Map(source.items.map(({ name, split }) => [name, split]));
  expect(expected.flowers.map((number) => splitOf.get(`17flowers/jpg/${flower(number)}`))).toEqual([
    ...Array.from({ length: 5 }, () => 'train'),
    ...Array.from({ length: 5 }, () => 'validation'),
    ...Array.from({ length: 5 }, () => 'test'),
  ]);
  expect(source.notes).toEqual([expect.stringMatching(/first of the three divisions in datasplits\.mat/)]);
  writeFileSync(join(folder.root, 'datasplits.mat'), 'damaged');
  await expect(folder.open()).rejects.toMatchObject({ code: 'bad-data', message: expect.stringMatching(/datasplits/) });
});

test('17 flowers: the 102 flowers are told apart, and so are folders per class with such numbers', async () => {
  for (const name of ['crab', 'emu']) folder.put(`${name}/image_0001.jpg`);
  expect((await folder.open()).kind).toBe('folder');
  await expect(folder.open(folder.root, { format: 'flowers17' })).rejects.toThrow(/holds no folder with image_0001/);
  const other = testFolder();
  other.put('jpg/image_1361.jpg');
  await expect(other.open()).rejects.toThrow(/image_1361\.jpg, but the 17 flowers end with image_1360\.jpg/);
  await other.dispose();
});

test('17flowers.tgz as it is published: 1,360 images of 17 classes', async (ctx) => {
  const path = join(import.meta.dirname, '../../../../../shared/data/17flowers.tgz');
  if (!existsSync(path)) return ctx.skip('17flowers.tgz is not beside this folder');
  const source = await folder.open(path);
  expect(source).toMatchObject({ kind: 'flowers17', skipped: [] });
  const counts = source.classes.map((_, label) => source.items.filter((item) => item.label === label).length);
  expect(counts).toEqual(Array.from({ length: 17 }, () => 80));
  for (const at of [0, 700, 1359]) expect((await source.load(at)).subarray(0, 2)).toEqual(Uint8Array.of(0xff, 0xd8));
});

function tiny(): void {
  folder.put('tiny/wnids.txt', 'n02\nn01\nn03\n');
  folder.put('tiny/words.txt', 'n01\tgoldfish, Carassius auratus\nn02\tcrane\nn03\tcrane\nn09\tother\n');
  for (const id of ['n01', 'n02', 'n03']) {
    folder.put(`tiny/train/${id}/${id}_boxes.txt`, `${id}_0.JPEG\t1\t2\t30\t40\n`);
    folder.put(`tiny/train/${id}/images/${id}_0.JPEG`);
  }
  folder.put(
    'tiny/val/val_annotations.txt',
    'val_0.JPEG\tn01\t0\t32\t44\t62\nval_1.JPEG\tn77\t0\t0\t1\t1\nval_9.JPEG\tn01\t0\t0\t1\t1\n',
  );
  for (const at of [0, 1, 2]) folder.put(`tiny/val/images/val_${at}.JPEG`);
  for (const at of [0, 1]) folder.put(`tiny/test/images/test_${at}.JPEG`);
}

test('Tiny ImageNet: classes in the order of wnids.txt, called by words.txt; boxes as columns', async () => {
  tiny();
  const source = await folder.open();
  expect(source).toMatchObject({
    kind: 'tiny-imagenet',
    suggestedName: 'Tiny ImageNet',
    classes: ['crane (n02)', 'goldfish', 'crane (n03)'],
    keepsClasses: true,
  });
  expect(itemsOf(source)).toEqual([
    'tiny/train/n02/images/n02_0.JPEG crane (n02) train',
    'tiny/train/n01/images/n01_0.JPEG goldfish train',
    'tiny/val/images/val_0.JPEG goldfish validation',
    'tiny/train/n03/images/n03_0.JPEG crane (n03) train',
  ]);
  expect(source.items[1]?.columns).toEqual({ wnid: 'n01', x0: 1, y0: 2, x1: 30, y1: 40 });
  expect(source.items[2]?.columns).toEqual({ wnid: 'n01', x0: 0, y0: 32, x1: 44, y1: 62 });
  expect(skippedOf(source)).toEqual({
    'tiny/val/images/val_1.JPEG': expect.stringMatching(/is of n77, a class that wnids\.txt lacks/),
    'tiny/val/images/val_2.JPEG': 'is not in val/val_annotations.txt',
    'tiny/val/images/val_9.JPEG': expect.stringMatching(/but not there/),
    'tiny/test': 'holds 2 images whose classes were never published',
  });
});

test('WebDataset as its own writer makes it: shards are parts of one set, attributes are kept', async () => {
  for (const name of ['train-000000', 'train-000001', 'val-000000']) {
    copyFileSync(join(TREE_FIXTURES, `flowers-${name}.tar`), join(folder.root, `flowers-${name}.tar`));
  }
  const source = await folder.open();
  expect(source).toMatchObject({ kind: 'webdataset', suggestedName: 'set', classes: ['0', '1', '2'], skipped: [] });
  expect(itemsOf(source)).toEqual(
    Array.from({ length: 9 }, (_, at) => {
      const shard = at < 4 ? 'train-000000' : at < 7 ? 'train-000001' : 'val-000000';
      const key = `part${Math.floor(at / 4)}/${String(at).padStart(6, '0')}`;
      return `flowers-${shard}.tar/${key}.png ${at % 3} ${at < 7 ? 'train' : 'validation'}`;
    }),
  );
  expect(source.items[5]?.columns).toEqual({ width: 6, who: 'p5' });
  for (const [at, { name }] of source.items.entries()) {
    expect(sha256(await source.load(at))).toBe(expected.shards[name.slice(name.indexOf('/') + 1)]);
  }
});

test('WebDataset: one tar by itself, with words as classes', async () => {
  const source = await folder.open(join(TREE_FIXTURES, 'words.tar'));
  expect(source).toMatchObject({ kind: 'webdataset', suggestedName: 'words', classes: ['cat', 'dog'] });
  expect(itemsOf(source)).toEqual(['0.png cat null', '1.png dog null', '2.png cat null', '3.png dog null']);
});

test('WebDataset: names beside the shards call the classes, and numbers beyond them are refused', async () => {
  copyFileSync(join(TREE_FIXTURES, 'flowers-train-000000.tar'), join(folder.root, 'a.tar'));
  folder.put('classnames.txt', 'daisy\nrose\ntulip\npansy\n');
  const source = await folder.open();
  expect(source).toMatchObject({ classes: ['daisy', 'rose', 'tulip', 'pansy'], keepsClasses: true });
  folder.put('classnames.txt', 'daisy\nrose\n');
  await expect(folder.open()).rejects.toMatchObject({
    code: 'bad-data',
    message: expect.stringMatching(/has class 2, but classnames\.txt names 2 classes, 0 to 1/),
  });
});

test('WebDataset: a shard that is damaged is listed, and so is a folder of other tars', async () => {
  copyFileSync(join(TREE_FIXTURES, 'words.tar'), join(folder.root, 'a.tar'));
  folder.put('b.tar', readFileSync(join(TREE_FIXTURES, 'words.tar')).subarray(0, 3000));
  folder.put('c.tar', 'no tar');
  const source = await folder.open();
  expect(source.items.map(({ name }) => name)).toContain('a.tar/0.png');
  expect(skippedOf(source)).toMatchObject({
    'b.tar/b.tar': expect.stringMatching(/cut short/),
    'c.tar': expect.stringMatching(/damaged|cut short/),
  });
  mkdirSync(join(folder.root, 'other'));
  copyFileSync(join(TREE_FIXTURES, 'good.tar'), join(folder.root, 'other', 'a.tar'));
  copyFileSync(join(TREE_FIXTURES, 'good-gnu.tar'), join(folder.root, 'other', 'b.tar'));
  await expect(folder.open(join(folder.root, 'other'))).rejects.toThrow(
    /holds no sample of WebDataset: an image such as/,
  );
});
