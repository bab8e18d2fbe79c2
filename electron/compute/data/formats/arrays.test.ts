import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DatasetFormat } from '../../../../shared/domain/dataset-format.ts';
import { writeNpz } from '../../arrays/npz.ts';
import { NO_CLASS } from '../data-source.ts';
import type { ArraySource } from '../data-source.ts';
import { ARRAY_FIXTURES, closeSources, expectedSet, openArrays, readSet } from '../fixtures/array-sets.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-arrays-'));
});
afterAll(async () => {
  await closeSources();
  rmSync(root, { recursive: true });
});

/** Name of the fixture, what is chosen within it, its format, and what else is true of it. */
const SETS: readonly [string, DatasetFormat, object][] = [
  ['npy-pair', 'npy', { suggestedName: 'npy-pair', classes: ['0', '1', '2'] }],
  ['npy-parts', 'npy', {}],
  ['npy-fortran', 'npy', { classes: ['cat', 'dog', 'owl'] }],
  ['npy-big-endian', 'npy', {}],
  ['npz/parts.npz', 'npz', { suggestedName: 'parts' }],
  ['npz/channels-first.npz', 'npz', { classes: ['a', 'b', 'c'] }],
  ['npz/adversarial.npz', 'npz', { classes: ['cat', 'dog', 'owl', 'emu'], keepsClasses: true }],
  ['svhn', 'mat', { suggestedName: 'SVHN', classes: Array.from({ length: 10 }, (_, digit) => String(digit)) }],
  ['mat/images-first.mat', 'mat', { classes: ['a', 'b', 'c'] }],
  ['mat/rows.mat', 'mat', {}],
  ['mat73', 'mat', { suggestedName: 'SVHN' }],
  ['mat73-h5py', 'mat', { classes: ['a', 'b', 'c'] }],
  ['cifar-python-2', 'cifar-python', { suggestedName: 'CIFAR-10', keepsClasses: true }],
  ['cifar-python-5', 'cifar-python', { suggestedName: 'CIFAR-10', keepsClasses: true }],
  ['cifar-python2', 'cifar-python', { suggestedName: 'CIFAR-100', classes: { length: 100 } }],
  ['stl10', 'stl10', { suggestedName: 'STL-10', keepsClasses: true }],
];

it.each(SETS)('%s: every pixel and label as Python reads them', async (name, kind, facts) => {
  const source = await openArrays(join(ARRAY_FIXTURES, name), kind);
  expect(source).toMatchObject(facts);
  const { bytes, ...read } = await readSet(source);
  expect(read).toEqual(expectedSet(name));
  const from = Math.floor(source.items.length / 2);
  const rest = await readSet(source, from);
  expect(Buffer.compare(rest.bytes, bytes.subarray(bytes.length - rest.bytes.length))).toBe(0);
  await source.close?.();
});

it('parts are told by the names of arrays, files and folders; a saved adversarial set is a test set', async () => {
  const parts = await openArrays(join(ARRAY_FIXTURES, 'npy-parts/y_test.npy'), 'npy');
  expect(parts.items.map(({ split }) => split)).toEqual([
    ...Array<string>(10).fill('train'),
    ...Array<string>(4).fill('test'),
  ]);
  const source = await openArrays(join(ARRAY_FIXTURES, 'npz/parts.npz'), 'npz');
  expect([...new Set(source.items.map(({ split }) => split))]).toEqual(['train', 'validation', 'test']);
  expect(source.items[10]).toEqual({ name: 'parts.npz: x_val[0]', label: 0, split: 'validation' });
  await source.close?.();
  const adversarial = await openArrays(join(ARRAY_FIXTURES, 'npz/adversarial.npz'), 'npz');
  expect(new Set(adversarial.items.map(({ split }) => split))).toEqual(new Set(['test']));
  await adversarial.close?.();
  const svhn = await openArrays(join(ARRAY_FIXTURES, 'svhn/test_32x32.mat'), 'mat');
  expect(svhn.items.filter(({ split }) => split === 'train')).toHaveLength(30);
  const folder = join(root, 'folders');
  for (const part of ['train', 'val'])
    cpSync(join(ARRAY_FIXTURES, 'npy-pair'), join(folder, part), { recursive: true });
  const folders = await openArrays(folder, 'npy');
  expect(folders).toMatchObject({ suggestedName: 'folders', items: { length: 24 } });
  expect(folders.items[12]?.split).toBe('validation');
});

it('an exported selection has its parts and class names again', async () => {
  const file = join(root, 'few.npz');
  const settings = new TextEncoder().encode(JSON.stringify({ classes: ['cat', 'dog', 'owl'] }));
  await writeNpz(file, {
    images: { dtype: 'u8', shape: [4, 2, 2, 1], data: Uint8Array.from({ length: 16 }, (_, at) => at) },
    labels: { dtype: 'i64', shape: [4], data: BigInt64Array.of(2n, 0n, 0n, 2n) },
    splits: { dtype: 'u8', shape: [4], data: Uint8Array.of(0, 2, 1, 255) },
    settings: { dtype: 'u8', shape: [settings.length], data: settings },
  });
  const source = await openArrays(file, 'npz');
  expect(source).toMatchObject({ classes: ['cat', 'dog', 'owl'], keepsClasses: true });
  expect(source.items.map(({ label, split }) => [label, split])).toEqual([
    [2, 'train'],
    [0, 'test'],
    [0, 'validation'],
    [2, null],
  ]);
  await source.close?.();
});

it('labels out of range are listed image by image; a set where half are, or that counts from 1, is refused', async () => {
  const settings = new TextEncoder().encode(JSON.stringify({ classes: ['cat', 'dog', 'owl'] }));
  const open = async (name: string, labels: readonly number[], named: boolean): Promise<ArraySource> => {
    const file = join(root, `${name}.npz`);
    await writeNpz(file, {
      images: { dtype: 'u8', shape: [5, 2, 2], data: new Uint8Array(20) },
      labels: { dtype: 'i64', shape: [5], data: BigInt64Array.from(labels, BigInt) },
      ...(named && { settings: { dtype: 'u8', shape: [settings.length], data: settings } }),
    });
    return openArrays(file, 'npz');
  };
  const below = await open('below', [0, -1, 2, 0, 2], false);
  expect(below.classes).toEqual(['0', '2']);
  expect(below.items.map(({ label }) => label)).toEqual([0, NO_CLASS, 1, 0, 1]);
  expect(below.skipped).toEqual([{ file: 'images[1]', reason: 'has the label -1, which is no class' }]);
  const beyond = await open('beyond', [0, 1, 7, 0, 2], true);
  expect(beyond.items.map(({ label }) => label)).toEqual([0, 1, NO_CLASS, 0, 2]);
  expect(beyond.skipped).toEqual([{ file: 'images[2]', reason: 'has the label 7, which is no class' }]);
  await expect(open('most', [0, -1, -1, -1, 2], false)).rejects.toThrow(/labels has the label -1, where whole numbers/);
  await expect(open('from-one', [1, 2, 3, 1, 2], true)).rejects.toThrow(/has the label 3, but only 3 classes/);
});

it('what was taken for granted about axes and labels is said', async () => {
  const notes = async (name: string, kind: DatasetFormat): Promise<string> => {
    const source = await openArrays(join(ARRAY_FIXTURES, name), kind);
    await source.close?.();
    return (source.notes ?? []).join('\n');
  };
  expect(await notes('npz/channels-first.npz', 'npz')).toMatch(/\[7, 3, 5, 4\]: its channels come first/);
  expect(await notes('mat/rows.mat', 'mat')).toMatch(
    /3072 numbers for an image were taken as red, green and blue planes/,
  );
  expect(await notes('npy-big-endian', 'npy')).toMatch(/the place of its 1 is the class/);
  expect(await notes('svhn', 'mat')).toMatch(/label 10 stands for the digit 0/);
});

it.each([
  ['data_batch_1', /data_batch_1 holds __builtin__.eval. Pickles can execute code, so only/],
  ['test_batch', /test_batch holds an array of Python objects. Pickles can execute code/],
])('a pickle with more than arrays (%s): refused by name, and nothing is executed', async (file, message) => {
  const folder = mkdtempSync(join(root, 'pickle-'));
  cpSync(join(ARRAY_FIXTURES, 'pickles', file), join(folder, file));
  const error = await openArrays(folder, 'cifar-python').catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'bad-data', message: expect.stringMatching(message) as string });
});

it.each([
  ['npz/objects.npz', /images holds Python objects. Loading them would execute code/],
  ['npz/object-labels.npz', /labels holds Python objects. Loading them would execute code/],
])('%s: refused, for code would run', async (name, message) => {
  const error = await openArrays(join(ARRAY_FIXTURES, name), 'npz').catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'bad-data', message: expect.stringMatching(message) as string });
});

/** A copy of a fixture's folder in which one file was damaged. */
function damaged(name: string, file: string, change: (bytes: Buffer) => Buffer): string {
  const copy = mkdtempSync(join(root, 'damaged-'));
  cpSync(join(ARRAY_FIXTURES, name), copy, { recursive: true });
  writeFileSync(join(copy, file), change(readFileSync(join(copy, file))));
  return copy;
}
const cut = (bytes: Buffer): Buffer => bytes.subarray(0, Math.floor(0.6 * bytes.length));
const empty = (): Buffer => Buffer.alloc(0);
const text = (): Buffer => Buffer.from('<!doctype html><title>404</title>'.padEnd(700, ' '));
const replaced = (from: string, to: string) => (bytes: Buffer) =>
  Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1');

it.each<[string, string, DatasetFormat, (bytes: Buffer) => Buffer, RegExp]>([
  ['npy-pair', 'images.npy', 'npy', cut, /images.npy is cut short: it has 596 of the 1080 bytes/],
  ['npy-pair', 'images.npy', 'npy', empty, /images.npy is not an NPY array/],
  ['npy-pair', 'labels.npy', 'npy', cut, /labels.npy is cut short/],
  ['npy-pair', 'images.npy', 'npy', text, /images.npy is not an NPY array/],
  ['npy-pair', 'images.npy', 'npy', (bytes) => Buffer.concat([bytes, bytes]), /images.npy has 2288 bytes, more than/],
  ['npy-pair', 'images.npy', 'npy', replaced('(12, 6, 5, 3)', '(9, 8, 5, 3 )'), /neither end has 12 images/],
  [
    'npy-pair',
    'images.npy',
    'npy',
    replaced('(12, 6, 5, 3)', '(12, 6, 5, -3'),
    /header that cannot be read|has the shape/,
  ],
  ['npy-pair', 'images.npy', 'npy', replaced('|u1', '|i1'), /pixels of type int8, where uint8/],
  ['npy-pair', 'images.npy', 'npy', replaced('|u1', '|O1'), /Python objects/],
  ['npy-pair', 'images.npy', 'npy', replaced('(12, 6, 5, 3)', '(12, 9, 5, 2)'), /has the shape \[12, 9, 5, 2\]/],
  ['npz', 'parts.npz', 'npz', cut, /parts.npz is not a NumPy archive/],
  ['npz', 'parts.npz', 'npz', text, /parts.npz is not a NumPy archive/],
  ['npz', 'parts.npz', 'npz', (bytes) => bytes.fill(0x55, 200, 400), /parts.npz: x_train (is|has)/],
  [
    'npz',
    'adversarial.npz',
    'npz',
    (bytes) => bytes.fill(0x3f, 500, 501),
    /adversarial.npz: adversarial is damaged: its check/,
  ],
  ['svhn', 'train_32x32.mat', 'mat', cut, /train_32x32.mat is cut short or damaged/],
  ['svhn', 'train_32x32.mat', 'mat', text, /train_32x32.mat is no MAT-file of version 5 or 7.3/],
  ['svhn', 'train_32x32.mat', 'mat', empty, /train_32x32.mat is no MAT-file/],
  ['svhn', 'train_32x32.mat', 'mat', (bytes) => bytes.fill(0x55, 1000, 1500), /train_32x32.mat is damaged/],
  [
    'cifar-python-5',
    'data_batch_1',
    'cifar-python',
    cut,
    /data_batch_1 is no pickle of Python that can be read, or is dam/,
  ],
  ['cifar-python-2', 'batches.meta', 'cifar-python', text, /batches.meta is no pickle of Python/],
  ['stl10', 'train_X.bin', 'stl10', cut, /train_X.bin has \d+ bytes, which is no whole number of images of 27648/],
  ['stl10', 'train_X.bin', 'stl10', empty, /train_X.bin has 0 bytes/],
  ['stl10', 'train_y.bin', 'stl10', () => Buffer.of(1, 11), /has the label 11 for image 1, where 1 to 10/],
  ['stl10', 'train_y.bin', 'stl10', () => Buffer.of(1), /train_y.bin has 1 labels, but train_X.bin has 2 images/],
  ['mat73', 'train_32x32.mat', 'mat', cut, /train_32x32.mat is no HDF5 file|is damaged/],
  ['mat73', 'train_32x32.mat', 'mat', (bytes) => bytes.fill(0x55, 3000, bytes.length), /train_32x32.mat(: X)? is/],
])('%s with a damaged %s (%s): refused with the file and the reason', async (name, file, kind, change, message) => {
  const folder = damaged(name, file, change);
  const path = name === 'npz' ? join(folder, file) : folder;
  const error: unknown = await openArrays(path, kind)
    .then((source) => readSet(source))
    .catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'bad-data', message: expect.stringMatching(message) as string });
});

it('arrays without labels, without images, or of several sets say what is missing', async () => {
  const message = async (path: string, kind: DatasetFormat): Promise<string> =>
    openArrays(path, kind).then(
      () => 'was opened',
      (cause: Error) => cause.message,
    );
  const folder = mkdtempSync(join(root, 'odd-'));
  cpSync(join(ARRAY_FIXTURES, 'npy-pair/images.npy'), join(folder, 'images.npy'));
  expect(await message(folder, 'npy')).toMatch(/images.npy has no array "labels" or "y" beside it/);
  cpSync(join(ARRAY_FIXTURES, 'npy-pair/images.npy'), join(folder, 'photos.npy'));
  rmSync(join(folder, 'images.npy'));
  expect(await message(join(folder, 'photos.npy'), 'npy')).toMatch(/has no array "images", "x" or "adversarial"/);
  expect(await message(join(ARRAY_FIXTURES, 'npz'), 'npz')).toMatch(/holds several data sets/);
});
