import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../../../shared/domain/errors.ts';
import { openTree } from './open-tree.ts';
import type { FileTree } from './tree.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'trees');
const fixture = (name: string): string => join(FIXTURES, name);
const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as {
  good: Record<string, string>;
  long: Record<string, string>;
};

let folder: string;
let scratch: string;
let tree: FileTree | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pairlight-trees-'));
  scratch = join(folder, 'scratch');
});
afterEach(async () => {
  await tree?.close();
  tree = null;
  rmSync(folder, { recursive: true });
});

async function open(path: string): Promise<FileTree> {
  tree = await openTree(path, { scratch });
  return tree;
}
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
async function hashesOf(one: FileTree): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const { path, bytes } of one.files) {
    const content = await one.read(path);
    expect(content.length).toBe(bytes);
    hashes[path] = sha256(content);
  }
  return hashes;
}
const reasons = (one: FileTree): Record<string, string> =>
  Object.fromEntries(one.skipped.map(({ file, reason }) => [file, reason]));
const put = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

test.each(['good.zip', 'good.tar', 'good-ustar.tar', 'good.tar.gz', 'good.tar.xz', 'good.tar.zst'])(
  '%s as Python wrote it: all files, byte for byte, read at once and copied',
  async (name) => {
    const one = await open(fixture(name));
    expect(one).toMatchObject({ root: fixture(name), chosen: null, skipped: [] });
    expect(await hashesOf(one)).toEqual(expected.good);
    for (const { path } of one.files.slice(0, 2)) {
      const copy = await one.onDisk(path);
      expect(copy.startsWith(scratch) && !copy.includes('cat')).toBe(true);
      expect(sha256(readFileSync(copy))).toBe(expected.good[path]);
      expect(await one.onDisk(path)).toBe(copy);
    }
  },
);

test.each(['good-gnu.tar', 'good-pax.tar'])('%s: names of more than 100 bytes are whole', async (name) => {
  expect(await hashesOf(await open(fixture(name)))).toEqual({ ...expected.good, ...expected.long });
});

test('an archive is told by its content, whatever its name', async () => {
  for (const name of ['good.zip', 'good.tar', 'good.tar.gz', 'good.tar.xz', 'good.tar.zst']) {
    const one = await open(put('upload.bin', readFileSync(fixture(name))));
    expect(one.files).toHaveLength(6);
    await one.close();
  }
});

test('names that lead outside, links, devices, doubles and nested archives in a tar are listed, nothing is written', async () => {
  const one = await open(fixture('evil.tar'));
  expect(one.files.map(({ path }) => path)).toEqual(['cat/Good.png']);
  const why = reasons(one);
  expect(why).toMatchObject({
    '../escape.png': expect.stringMatching(/leads outside/),
    'cat/../../escape.png': expect.stringMatching(/leads outside/),
    '..\\up.png': expect.stringMatching(/leads outside/),
    '/absolute.png': expect.stringMatching(/absolute path/),
    'C:/drive.png': expect.stringMatching(/drive/),
    'passwd.png': expect.stringMatching(/is a link \(to \/etc\/passwd\)/),
    'hard.png': expect.stringMatching(/is a link/),
    pipe: 'is a pipe, no file',
    device: 'is a device, no file',
    disk: 'is a device, no file',
    'cat/good.png': 'differs from cat/Good.png in capitals only: the first is taken',
    'cat/Good.png': 'is in the archive more than once: the first is taken',
    'inner.zip': expect.stringMatching(/archive within the archive/),
    '3 hidden': expect.stringMatching(/\.DS_Store, __MACOSX/),
  });
  expect(Object.keys(why)).toHaveLength(14);
  expect(readdirSync(folder)).toEqual([]);
});

test('the same of a zip, with methods that are not read', async () => {
  const one = await open(fixture('evil.zip'));
  expect(one.files.map(({ path }) => path)).toEqual(['again.pn1', 'cat/Good.png', 'cat/windows.png']);
  const why = reasons(one);
  expect(why).toMatchObject({
    '../escape.png': expect.stringMatching(/leads outside/),
    '..\\up.png': expect.stringMatching(/leads outside/),
    '/absolute.png': expect.stringMatching(/absolute path/),
    'C:/drive.png': expect.stringMatching(/drive/),
    'link.png': expect.stringMatching(/is a link/),
    pipe: expect.stringMatching(/device or pipe/),
    'method.png': expect.stringMatching(/compressed by method 12/),
    'cat/good.png': expect.stringMatching(/capitals only/),
    'again.pn1': expect.stringMatching(/more than once/),
    'inner.zip': expect.stringMatching(/archive within the archive/),
    '2 hidden': expect.any(String),
  });
  expect(Object.keys(why)).toHaveLength(11);
  expect(readdirSync(folder)).toEqual([]);
});

test('an encrypted entry is listed, the others are taken', async () => {
  const one = await open(fixture('encrypted.zip'));
  expect(one.files.map(({ path }) => path)).toEqual(['open.png']);
  expect(reasons(one)['secret.png']).toMatch(/is encrypted: unpack the archive with its password/);
});

test('entries that are not what the directory declares are refused one by one, read or copied', async () => {
  const one = await open(fixture('lying.zip'));
  expect(await one.read('good.png')).toHaveLength(one.files.find(({ path }) => path === 'good.png')!.bytes);
  for (const [path, message] of [
    ['less.png', /unpacks to more than the 10 bytes/],
    ['more.png', /unpacks to \d+ bytes instead of the 1000 bytes/],
    ['sum.png', /checksum is wrong/],
    ['gone.png', /does not hold it where its directory says/],
    ['cut.png', /unpacks to more than the 1000 bytes/],
  ] as const) {
    await expect(one.read(path), path).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(message),
    });
    await expect(one.onDisk(path), path).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(message),
    });
  }
  expect(readdirSync(scratch)).toEqual([]);
});

test('names in other encodings: UTF-8 where they are, else each byte a sign of its own', async () => {
  const one = await open(fixture('names.zip'));
  const names = one.files.map(({ path }) => path);
  expect(names).toContain('marked/花.png');
  expect(names).toContain('plain-/花é.png');
  expect(names).toContain('437---/é_ß_.png');
  expect(names).toHaveLength(5);
  expect(new Set(Object.values(await hashesOf(one))).size).toBe(5);
  await one.close();
  expect((await open(fixture('utf8.tar'))).files.map(({ path }) => path)).toEqual(['café/1.png', '花/1.png']);
  await tree!.close();
  expect((await open(fixture('latin.tar'))).files.map(({ path }) => path)).toEqual(['café/1.png']);
});

test('a zip that declares to unpack to 4 GB from 561 bytes is refused with both numbers', async () => {
  await expect(open(fixture('bomb.zip'))).rejects.toMatchObject({
    code: 'bad-data',
    message: expect.stringMatching(/unpacks from 561 bytes to at least 4\.0 GB, more than 200 times .* a bomb/),
  });
});

test('a tar.gz that goes on growing is stopped at 1 GiB, and nothing of it is left', async () => {
  // Members of gzip may follow each other: the first begins as a tar does, each of the others is 1 MiB of zeros.
  const zeros = gzipSync(new Uint8Array(2 ** 22));
  const first = gzipSync(readFileSync(fixture('good.tar')).subarray(0, 1024));
  const bomb = put('bomb.tar.gz', Buffer.concat([first, ...Array.from({ length: 400 }, () => zeros)]));
  await expect(open(bomb)).rejects.toMatchObject({
    code: 'bad-data',
    message: expect.stringMatching(/unpacks from .*MB to at least 1\.1 GB/),
  });
  expect(readdirSync(scratch)).toEqual([]);
});

test.each([
  ['good.zip', /its directory, at its end, cannot be read. Download it again/],
  ['good.tar.gz', null],
  ['good.tar.xz', null],
  ['good.tar.zst', null],
  ['good.tar', null],
] as const)(
  '%s cut short: what comes before is taken where that can be, and the rest is said',
  async (name, refusal) => {
    const whole = readFileSync(fixture(name));
    const cut = put(name, whole.subarray(0, Math.floor(whole.length * 0.4)));
    if (refusal) {
      await expect(open(cut)).rejects.toMatchObject({ code: 'bad-data', message: expect.stringMatching(refusal) });
      return;
    }
    try {
      const one = await open(cut);
      expect(one.files.length).toBeLessThan(6);
      expect(reasons(one)[name]).toMatch(/cut short.*: only what comes before was found/);
      const hashes = await hashesOf(one);
      for (const [path, hash] of Object.entries(hashes)) expect(hash).toBe(expected.good[path]);
    } catch (error) {
      // Blocks of xz and Zstandard that are not complete give nothing at all.
      expect(error).toMatchObject({ code: 'bad-data', message: expect.stringMatching(/cut short/) });
    }
  },
);

test('a tar damaged in its midst gives what comes before', async () => {
  const one = await open(fixture('damaged.tar'));
  expect(await hashesOf(one)).toEqual(Object.fromEntries(Object.entries(expected.good).slice(0, 2)));
  expect(reasons(one)['damaged.tar']).toMatch(/is damaged after 2 entries .*: only what comes before was found/);
});

test.each([
  ['x.zip', new Uint8Array(0), 'bad-data', /is empty \(0 bytes\)/],
  ['x.tar.gz', Buffer.from('<html>not found</html>'), 'bad-data', /name of an archive but does not begin like one/],
  ['x.tar', Buffer.from('no tar at all '.repeat(100)), 'bad-data', /is damaged at its beginning/],
  ['x.tgz', gzipSync(Buffer.from('text '.repeat(1000))), 'bad-data', /is compressed, but holds no tar archive/],
  ['x.tgz', gzipSync(Buffer.alloc(9)).subarray(0, 12), 'bad-data', /cannot be unpacked: it is cut short/],
  ['x.zip', Buffer.from('PK\x03\x04 and nothing more'), 'bad-data', /is cut short or damaged/],
  [
    'x.7z',
    Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 0]),
    'unsupported',
    /compressed by 7z, which is not read/,
  ],
  ['x.tar.bz2', readFileSync(fixture('good.tar.bz2')), 'unsupported', /bzip2.*pack it as zip, tar/],
  ['x.tar.xz', readFileSync(fixture('sha256.tar.xz')), 'bad-data', /check or filter of xz that is not read/],
])('%s that is none is refused, saying what to do (%#)', async (name, bytes, code, message) => {
  await expect(open(put(name, bytes))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  expect(existsSync(scratch) ? readdirSync(scratch) : []).toEqual([]);
});

test('what was unpacked is taken again for the same file, and not for one that changed', async () => {
  const path = put('good.tar.gz', readFileSync(fixture('good.tar.gz')));
  await (await open(path)).close();
  const [made] = readdirSync(scratch).filter((name) => name.endsWith('.tar'));
  const { ino } = statSync(join(scratch, made!));
  await (await open(path)).close();
  expect(statSync(join(scratch, made!)).ino).toBe(ino);
  utimesSync(path, 1, 1);
  await (await open(path)).close();
  expect(readdirSync(scratch).filter((name) => name.endsWith('.tar'))).toHaveLength(2);
});

test('unpacking tells how far it is, and stops when it is cancelled, leaving nothing', async () => {
  const noise = Buffer.from(Array.from({ length: 600 }, (_, at) => sha256(Buffer.from([at & 255, at >> 8]))).join(''));
  const path = put('big.tgz', gzipSync(Buffer.concat([readFileSync(fixture('good.tar')), noise, noise])));
  const done: number[] = [];
  await openTree(path, {
    scratch,
    control: { checkpoint: async () => undefined, progress: (work) => void done.push(work.done / work.total) },
  }).then((one) => one.close());
  expect(Math.max(...done)).toBe(1);
  rmSync(scratch, { recursive: true });
  const cancelled = openTree(path, {
    scratch,
    control: {
      progress: () => undefined,
      checkpoint: async () => {
        throw new AppError('cancelled', 'Cancelled.');
      },
    },
  });
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
  expect(readdirSync(scratch)).toEqual([]);
});

test('a disk without room for what an archive holds: refused with both numbers, before and while it is unpacked', async (ctx) => {
  mkdirSync(scratch);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', scratch], { stdio: 'ignore' });
  } catch {
    return ctx.skip('mounting a small disk takes rights that this user lacks');
  }
  try {
    const full = {
      code: 'library-full',
      message: expect.stringMatching(/it needs at least .*kB, and 0 bytes are free/),
    };
    await expect(open(fixture('good.tar.gz'))).rejects.toMatchObject(full);
    const one = await open(fixture('good.zip'));
    await expect(one.onDisk('pets/cat/0.png')).rejects.toMatchObject({ code: 'library-full' });
    expect(readdirSync(scratch)).toEqual([]);
  } finally {
    execFileSync('umount', [scratch]);
  }
});
