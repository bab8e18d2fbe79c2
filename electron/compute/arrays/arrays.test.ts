import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeAtomic, writeError } from './atomic.ts';
import { formatNpy, npyHeader, parseNpy, readNpyRows, type NpyArray } from './npy.ts';
import { formatNpz, readNpz, writeNpz } from './npz.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pairlight-arrays-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const ARRAYS: Readonly<Record<string, NpyArray>> = {
  f32: { dtype: 'f32', shape: [2, 3], data: Float32Array.of(1.5, -0, NaN, 3e38, 1e-45, 2) },
  f64: { dtype: 'f64', shape: [], data: Float64Array.of(Math.PI) },
  u8: { dtype: 'u8', shape: [0, 4], data: new Uint8Array() },
  u16: { dtype: 'u16', shape: [3], data: Uint16Array.of(0, 65535, 7) },
  i32: { dtype: 'i32', shape: [1, 1, 2], data: Int32Array.of(-1, 2 ** 31 - 1) },
  i64: { dtype: 'i64', shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
  bool: { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
};

describe('NumPy files', () => {
  it('of every type come back as they were, from an archive too', async () => {
    for (const array of Object.values(ARRAYS)) expect(parseNpy(formatNpy(array), 'a')).toEqual(array);
    const file = join(folder, 'all.npz');
    for (const compress of [false, true]) {
      await writeNpz(file, ARRAYS, compress);
      expect(await readNpz(file)).toEqual(ARRAYS);
    }
    expect(formatNpz(ARRAYS)).toEqual(formatNpz(ARRAYS));
  });

  it('have the header that NumPy writes', () => {
    const text = new TextDecoder('latin1').decode(npyHeader('f32', [3]));
    expect(text.length % 64).toBe(0);
    expect(text.slice(10).trimEnd()).toBe("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }");
  });

  it('give rows in place, in any order', async () => {
    const file = join(folder, 'rows.npy');
    const data = Float32Array.from({ length: 30 }, (_, index) => index);
    await writeFile(file, formatNpy({ dtype: 'f32', shape: [10, 3], data }));
    const rows = await readNpyRows(file, [4, 5, 6, 0, 9, 9]);
    expect(rows.shape).toEqual([6, 3]);
    expect([...rows.data]).toEqual([12, 13, 14, 15, 16, 17, 18, 19, 20, 0, 1, 2, 27, 28, 29, 27, 28, 29]);
    expect((await readNpyRows(file)).data).toEqual(data);
    await expect(readNpyRows(file, [10])).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(readNpyRows(join(folder, 'none.npy'))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('that are damaged, foreign or hold objects are refused by name', async () => {
    const good = formatNpy(ARRAYS['f32']!);
    const altered = (from: string, to: string): Uint8Array =>
      Uint8Array.from(Buffer.from(Buffer.from(good).toString('latin1').replace(from, to), 'latin1'));
    expect(() => parseNpy(good.slice(0, -1), 'cut.npy')).toThrow(/cut\.npy is cut short/);
    expect(() => parseNpy(Uint8Array.of(1, 2, 3), 'x.npy')).toThrow(/x\.npy is not an NPY array/);
    expect(() => parseNpy(altered("'<f4'", "'|O8'"), 'o.npy')).toThrow(/Python objects/);
    expect(() => parseNpy(altered("'<f4'", "'>f4'"), 'b.npy')).toThrow(/type big-endian f32/);
    expect(() => parseNpy(altered('False', 'True '), 'f.npy')).toThrow(/Fortran order/);
    expect(() => formatNpy({ ...ARRAYS['f32']!, shape: [7] })).toThrow(/cannot have 6 elements/);
    const file = join(folder, 'bad.npz');
    await writeFile(file, 'no archive');
    await expect(readNpz(file)).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringContaining(file) as string,
    });
    const archive = formatNpz({ w: ARRAYS['f32']! });
    await writeFile(file, archive.slice(0, archive.length / 2));
    await expect(readNpz(file)).rejects.toMatchObject({ code: 'bad-data' });
  });
});

describe('atomic writes', () => {
  it('replace the whole file and leave nothing beside it', async () => {
    const file = join(folder, 'atomic', 'a.txt');
    await mkdir(join(folder, 'atomic'));
    await writeAtomic(file, 'one');
    await writeAtomic(file, new TextEncoder().encode('two'));
    expect(await readFile(file, 'utf8')).toBe('two');
    expect(await readdir(join(folder, 'atomic'))).toEqual(['a.txt']);
  });

  it('fail with an error that names the file, and keep the old content', async () => {
    const file = join(folder, 'atomic', 'b.txt');
    await mkdir(file);
    await expect(writeAtomic(file, 'x')).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('b.txt') as string,
    });
    expect(await readdir(join(folder, 'atomic'))).toEqual(['a.txt', 'b.txt']);
    await expect(writeAtomic(join(folder, 'missing', 'c.txt'), 'x')).rejects.toMatchObject({ code: 'io' });
    const failed = (code: string): unknown => Object.assign(new Error(code), { code });
    expect(writeError('f', failed('ENOSPC'))).toMatchObject({ code: 'library-full', retry: true });
    expect(writeError('f', failed('EROFS'))).toMatchObject({ code: 'library-read-only' });
  });
});
