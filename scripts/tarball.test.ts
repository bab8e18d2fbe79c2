import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkAgainstSums } from './electron.mjs';
import { unpackTarball } from './tarball.mjs';

let folder: string;
const at = (...path: string[]): string => join(folder, ...path);

function tar(...args: string[]): void {
  const { status, stderr } = spawnSync('tar', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pairlight-tarball-'));
  await mkdir(at('package', 'bin', 'deep'), { recursive: true });
  await writeFile(at('package', 'bin', 'empty'), '');
  await writeFile(at('package', 'bin', 'deep', 'large'), Buffer.alloc(300_001, 7));
  await writeFile(at('package', 'bin', `${'long'.repeat(40)}.txt`), 'long name');
  await writeFile(at('package', 'README.md'), 'not wanted');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test.each(['ustar', 'gnu', 'pax'])('unpacks the files below the prefix from a tarball in %s format', async (format) => {
  if (format === 'ustar') await rm(at('package', 'bin', `${'long'.repeat(40)}.txt`));
  tar('-czf', 'a.tgz', `--format=${format}`, 'package');
  const written = await unpackTarball(at('a.tgz'), 'package/bin/', at('out'));
  expect(written).toEqual(['deep/large', 'empty', ...(format === 'ustar' ? [] : [`${'long'.repeat(40)}.txt`])]);
  expect(await readFile(at('out', 'deep', 'large'))).toEqual(Buffer.alloc(300_001, 7));
  expect(existsSync(at('out', 'README.md'))).toBe(false);
});

test('refuses a path that leaves the folder, and creates no links', async () => {
  await writeFile(at('evil'), 'evil');
  await symlink('/etc/passwd', at('package', 'bin', 'link'));
  tar('-czf', 'a.tgz', 'package');
  expect(await unpackTarball(at('a.tgz'), 'package/bin/', at('out'))).not.toContain('link');
  tar('-czPf', 'b.tgz', '--transform', 's,^evil,package/bin/../../../evil2,', 'evil');
  await expect(unpackTarball(at('b.tgz'), 'package/bin/', at('out', 'a', 'b'))).rejects.toThrow(/outside its folder/);
});

test('a truncated tarball is an error', async () => {
  tar('-czf', 'a.tgz', 'package');
  await truncate(at('a.tgz'), 200);
  await expect(unpackTarball(at('a.tgz'), 'package/bin/', at('out'))).rejects.toThrow();
});

test('the check against the list of sums names a changed, a missing and an extra file', async () => {
  const sum = (text: string): string => createHash('sha256').update(text).digest('hex');
  await mkdir(at('dist', 'sub'), { recursive: true });
  await writeFile(at('dist', 'one'), '1');
  await writeFile(at('dist', 'sub', 'two'), '2');
  await writeFile(at('sums'), `${sum('1')}  one\n${sum('2')}  sub/two\n`);
  expect(await checkAgainstSums(at('dist'), at('sums'))).toBe(2);
  await writeFile(at('dist', 'sub', 'two'), '3');
  await expect(checkAgainstSums(at('dist'), at('sums'))).rejects.toThrow(/fails its SHA-256 check: sub\/two/);
  await writeFile(at('dist', 'extra'), '');
  await expect(checkAgainstSums(at('dist'), at('sums'))).rejects.toThrow(/not expected: extra/);
  await rm(at('dist', 'extra'));
  await rm(at('dist', 'one'));
  await expect(checkAgainstSums(at('dist'), at('sums'))).rejects.toThrow(/lacks a file: one/);
});
