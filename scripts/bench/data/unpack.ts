import { createReadStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

/** The files of a `tar.gz` that is trusted, into a folder. */
export async function unpackTar(archive: string, folder: string): Promise<void> {
  const entries = extract();
  createReadStream(archive).pipe(createGunzip()).pipe(entries);
  for await (const entry of entries) {
    if (entry.header.type !== 'file') {
      entry.resume();
      continue;
    }
    const file = join(folder, entry.header.name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, await buffer(entry));
  }
}
