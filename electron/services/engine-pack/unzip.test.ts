import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unzip } from './unzip.ts';

let folder: string;
const archive = (): string => join(folder, 'a.zip');
const target = (): string => join(folder, 'target');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pairlight-unzip-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(entries: Record<string, string>): Promise<void> {
  const data = Object.fromEntries(Object.entries(entries).map(([name, text]) => [name, strToU8(text)]));
  await writeFile(archive(), zipSync(data));
}

test('unpacks only the chosen entries, with their sizes and sums', async () => {
  await write({ 'lib/a.so': 'library', 'include/b.h': 'header', 'other/c.py': 'no' });
  const files = await unzip(archive(), target(), (name) => (name.startsWith('lib/') ? name.slice(4) : null));
  expect(files).toEqual([{ path: 'a.so', bytes: 7, sha256: createHash('sha256').update('library').digest('hex') }]);
  expect(await readFile(join(target(), 'a.so'), 'utf8')).toBe('library');
  expect(existsSync(join(target(), 'c.py'))).toBe(false);
});

test.each(['../evil', 'lib/../../evil', '/evil', '..\\evil'])(
  'refuses the entry %j and writes nothing outside',
  async (name) => {
    await write({ [name]: 'evil' });
    await expect(unzip(archive(), target(), (entry) => entry)).rejects.toMatchObject({ code: 'engine-pack' });
    expect(existsSync(join(folder, 'evil'))).toBe(false);
    expect(existsSync('/evil')).toBe(false);
  },
);

test('refuses a destination outside the folder even when the entry itself looks harmless', async () => {
  await write({ 'lib/a.so': 'library' });
  await expect(unzip(archive(), target(), () => '../evil')).rejects.toThrow(/outside its folder/);
  expect(existsSync(join(folder, 'evil'))).toBe(false);
});

test('names the archive when it is truncated or its content does not fit its checksum', async () => {
  await write({ 'lib/a.so': 'library '.repeat(1000) });
  const whole = await readFile(archive());
  await writeFile(archive(), whole.subarray(0, whole.length - 40));
  await expect(unzip(archive(), target(), (entry) => entry)).rejects.toThrow(/a\.zip cannot be unpacked/);
  const flipped = Buffer.from(whole);
  flipped[45] = flipped[45]! ^ 0xff;
  await writeFile(archive(), flipped);
  await expect(unzip(archive(), target(), (entry) => entry)).rejects.toThrow(/a\.zip cannot be unpacked/);
});

test('an aborted unpacking rejects with the reason', async () => {
  await write({ 'lib/a.so': 'library' });
  const reason = new Error('stop');
  await expect(unzip(archive(), target(), (entry) => entry, { signal: AbortSignal.abort(reason) })).rejects.toBe(
    reason,
  );
});
