import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EncodedSource } from '../data-source.ts';
import { ARRAY_FIXTURES, closeSources, expectedSet, openSource } from '../fixtures/array-sets.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-parquet-'));
});
afterAll(async () => {
  await closeSources();
  rmSync(root, { recursive: true });
});

async function openParquetSet(path: string): Promise<EncodedSource> {
  const source = await openSource(path);
  if (source.form !== 'encoded' || source.kind !== 'parquet') throw new Error(`taken for ${source.kind}`);
  return source;
}

it.each(['parquet', 'parquet-plain'])('%s: every picture and label as pyarrow wrote them', async (name) => {
  const source = await openParquetSet(join(ARRAY_FIXTURES, name));
  const hash = createHash('sha256');
  const loaded = await Promise.all(source.items.map((_, index) => source.load(index)));
  for (const bytes of loaded) hash.update(decode(bytes).data);
  const { sha256, labels } = expectedSet(name);
  expect(hash.digest('hex')).toBe(sha256);
  expect(source.items.map(({ label }) => label)).toEqual(labels);
});

it('classes, parts and further columns are those of the hub', async () => {
  const source = await openParquetSet(join(ARRAY_FIXTURES, 'parquet'));
  expect(source).toMatchObject({ suggestedName: 'parquet', classes: ['cat', 'dog', 'owl'], keepsClasses: true });
  expect(source.items.filter(({ split }) => split === 'test')).toHaveLength(3);
  expect(source.items.find(({ split }) => split === 'train')).toEqual({
    name: 'data/train-00000-of-00002.parquet[0]',
    label: 0,
    split: 'train',
    columns: { source: 'field 0' },
  });
  const one = await openParquetSet(join(ARRAY_FIXTURES, 'parquet/data/test-00000-of-00001.parquet'));
  expect(one.items).toHaveLength(18);
  const plain = await openParquetSet(join(ARRAY_FIXTURES, 'parquet-plain/all.parquet'));
  expect(plain).toMatchObject({ suggestedName: 'all', classes: ['cat', 'dog', 'owl'] });
  expect(plain.keepsClasses).toBeUndefined();
});

it.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
  ['cut short', (bytes) => bytes.subarray(0, 900), /all.parquet is no Parquet file, or is damaged/],
  ['empty', () => Buffer.alloc(0), /all.parquet is no Parquet file, or is damaged/],
  ['something else', () => Buffer.from('<!doctype html>'.padEnd(400)), /all.parquet is no Parquet file, or is damaged/],
  ['of unknown compression', (bytes) => bytes.fill(0xff, 4, 80), /all.parquet is no Parquet file, or is damaged/],
  [
    'without labels',
    (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('label', 'lXbXl'), 'latin1'),
    /all.parquet has no column of labels \(it has img, lXbXl\)/,
  ],
])('a Parquet file that is %s: refused with the file and the reason', async (_, change, message) => {
  const folder = mkdtempSync(join(root, 'damaged-'));
  cpSync(join(ARRAY_FIXTURES, 'parquet-plain'), folder, { recursive: true });
  const file = join(folder, 'all.parquet');
  writeFileSync(file, change(readFileSync(file)));
  const error: unknown = await openParquetSet(folder)
    .then((source) => source.load(0))
    .catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: 'bad-data', message: expect.stringMatching(message) as string });
});
