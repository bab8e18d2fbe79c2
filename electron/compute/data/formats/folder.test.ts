import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { itemsOf, png, skippedOf, testFolder, TREE_FIXTURES, type TestFolder } from '../fixtures/tree-sets.ts';

let folder: TestFolder;
beforeEach(() => (folder = testFolder()));
afterEach(() => folder.dispose());

test('one folder per class: classes by name, numbers in names by value', async () => {
  for (const name of ['class 10', 'class 2']) for (const i of [10, 9, 1]) folder.put(`${name}/${i}.png`, png(i));
  const source = await folder.open();
  expect(source).toMatchObject({ kind: 'folder', suggestedName: 'set', classes: ['class 2', 'class 10'], skipped: [] });
  expect(itemsOf(source)).toEqual([
    'class 2/1.png class 2 null',
    'class 2/9.png class 2 null',
    'class 2/10.png class 2 null',
    'class 10/1.png class 10 null',
    'class 10/9.png class 10 null',
    'class 10/10.png class 10 null',
  ]);
  expect(await source.load(2)).toEqual(Buffer.from(png(10)));
});

test('folders called train, val, test are the splits, in a folder around them and in capitals too', async () => {
  for (const part of ['Train', 'valid', 'test'])
    for (const name of ['a', 'b']) folder.put(`wrap/${part}/${name}/1.png`);
  folder.put('wrap/test/unlabelled.png');
  const source = await folder.open();
  expect(source).toMatchObject({ suggestedName: 'wrap', classes: ['a', 'b'] });
  expect(itemsOf(source)).toEqual([
    'wrap/test/a/1.png a test',
    'wrap/Train/a/1.png a train',
    'wrap/valid/a/1.png a validation',
    'wrap/test/b/1.png b test',
    'wrap/Train/b/1.png b train',
    'wrap/valid/b/1.png b validation',
  ]);
  expect(skippedOf(source)).toEqual({ 'wrap/test/unlabelled.png': 'lies in test, but in no class folder there' });
});

test('what lies beside the splits is no split, and listed', async () => {
  for (const part of ['train', 'val', 'masks']) for (const name of ['a', 'b']) folder.put(`${part}/${name}/1.png`);
  const source = await folder.open();
  expect(itemsOf(source)).toEqual([
    'train/a/1.png a train',
    'val/a/1.png a validation',
    'train/b/1.png b train',
    'val/b/1.png b validation',
  ]);
  const reason = 'lies in masks, which is none of the splits beside it';
  expect(skippedOf(source)).toEqual({ 'masks/a/1.png': reason, 'masks/b/1.png': reason });
});

test('a class may be called train where others are no splits, and have folders of its own', async () => {
  for (const name of ['train', 'plane', 'ship/old']) folder.put(`${name}/1.png`);
  expect((await folder.open()).classes).toEqual(['plane', 'ship', 'train']);
});

test('what is no image and what lies outside the class folders is listed', async () => {
  for (const name of ['cat/1.png', 'dog/1.JPG', 'stray.png', 'cat/notes.txt', 'dog/.DS_Store']) folder.put(name);
  const source = await folder.open();
  expect(source.items).toHaveLength(2);
  expect(skippedOf(source)).toEqual({
    'stray.png': 'lies outside the class folders',
    'cat/notes.txt': expect.stringMatching(/is not an image file/),
    '1 hidden': expect.any(String),
  });
});

test('key areas beside the images are no images', async () => {
  for (const name of ['cat/1.png', 'dog/1.png', 'masks/cat/1.png', 'masks/dog/1.png']) folder.put(name);
  expect((await folder.open()).classes).toEqual(['cat', 'dog', 'masks']);
  const source = await folder.open(folder.root, { masks: 'masks/{folder}/{stem}.png' });
  expect(source.classes).toEqual(['cat', 'dog']);
  expect(source.items).toHaveLength(2);
});

test('classes that differ in capitals only stay apart, with a note', async (ctx) => {
  for (const name of ['Cat/1.png', 'cat/2.png', 'dog/1.png']) folder.put(name);
  if (existsSync(join(folder.root, 'CAT'))) return ctx.skip('this disk does not tell capitals apart');
  const source = await folder.open();
  expect(source.classes).toHaveLength(3);
  expect(source.notes).toEqual([expect.stringMatching(/cat and Cat|Cat and cat/)]);
});

test('an archive is read like the folder that it was made of', async () => {
  for (const name of ['good.zip', 'good.tar.xz']) {
    const source = await folder.open(join(TREE_FIXTURES, name));
    expect(source).toMatchObject({ kind: 'folder', suggestedName: 'pets', classes: ['cat', 'dog'], skipped: [] });
    expect(source.items).toHaveLength(6);
    expect(Buffer.from(await source.load(5)).toString('latin1', 1, 4)).toBe('PNG');
  }
});

test('of an archive with traps the good is taken and the rest listed', async () => {
  const source = await folder.open(join(TREE_FIXTURES, 'evil.zip'));
  expect(itemsOf(source)).toEqual(['cat/Good.png cat null', 'cat/windows.png cat null']);
  expect(source.skipped.length).toBeGreaterThan(10);
});

test('loose images, and a file in place of a folder, are refused saying what to do', async () => {
  const path = folder.put('1.png');
  await expect(folder.open()).rejects.toMatchObject({
    code: 'bad-data',
    message: expect.stringMatching(/has no subfolders.*Put the images of each class into a folder/),
  });
  await expect(folder.open(path, { format: 'folder' })).rejects.toMatchObject({
    code: 'invalid-input',
    message: expect.stringMatching(/is a file where a folder is expected/),
  });
});
