import { createWriteStream, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ZipFile } from 'yazl';
import { ARRAY_FIXTURES, closeSources, expectedSet, openSource, readSet } from '../fixtures/array-sets.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-archived-'));
});
afterAll(async () => {
  await closeSources();
  rmSync(root, { recursive: true });
});

const filesOf = (name: string): string[] => {
  const folder = join(ARRAY_FIXTURES, name);
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => statSync(join(folder, file)).isFile());
};

async function zipped(name: string): Promise<string> {
  const zip = new ZipFile();
  for (const file of filesOf(name)) zip.addFile(join(ARRAY_FIXTURES, name, file), `${name}/${file}`);
  zip.end();
  const path = join(root, `${name}.zip`);
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

async function tarred(name: string): Promise<string> {
  const tar = pack();
  for (const file of filesOf(name)) {
    tar.entry({ name: `${name}/${file}` }, readFileSync(join(ARRAY_FIXTURES, name, file)));
  }
  tar.finalize();
  const path = join(root, `${name}.tar.gz`);
  await pipeline(tar, createGzip(), createWriteStream(path));
  return path;
}

it.each(['npy-parts', 'svhn', 'mat73', 'cifar-python-2', 'stl10', 'parquet'])(
  '%s is read out of a zip and a tar.gz as out of its folder',
  async (name) => {
    for (const path of [await zipped(name), await tarred(name)]) {
      const source = await openSource(path);
      const { sha256, labels } = expectedSet(name);
      expect(source.items.map(({ label }) => label)).toEqual(labels);
      if (source.form === 'array') expect((await readSet(source)).sha256).toBe(sha256);
      else
        expect(
          Buffer.from(await source.load(17))
            .subarray(1, 4)
            .toString(),
        ).toBe('PNG');
      await source.close?.();
    }
  },
);
