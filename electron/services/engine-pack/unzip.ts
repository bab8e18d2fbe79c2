import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, isAbsolute, resolve, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { AppError } from '../../../shared/domain/errors.ts';

export interface Unzipped {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** `path` inside `folder`; a path that would leave it is refused. */
function within(folder: string, path: string): string {
  const target = resolve(folder, path);
  if (isAbsolute(path) || path.includes('\\') || !target.startsWith(resolve(folder) + sep)) {
    throw new AppError(
      'engine-pack',
      `The archive holds an entry outside its folder: ${path}. Nothing of it was used.`,
    );
  }
  return target;
}

/**
 * Unpacks the entries for which `place` gives a path (relative to `folder`), as streams.
 * Reports the bytes written so far. Resolves with every file written, its size and SHA-256.
 * @throws AppError `engine-pack` when the archive is damaged or an entry would leave the folder; the signal's reason when aborted.
 */
export async function unzip(
  archive: string,
  folder: string,
  place: (entry: string) => string | null,
  options: { readonly onBytes?: (bytes: number) => void; readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly Unzipped[]> {
  const written: Unzipped[] = [];
  let total = 0;
  try {
    const zip = await yauzl.openPromise(archive, { autoClose: false });
    try {
      for await (const entry of zip.eachEntry()) {
        options.signal?.throwIfAborted();
        if (entry.fileName.endsWith('/')) continue;
        const path = place(entry.fileName);
        if (path === null) continue;
        const target = within(folder, path);
        await mkdir(dirname(target), { recursive: true });
        const hash = createHash('sha256');
        let bytes = 0;
        const meter = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            hash.update(chunk);
            bytes += chunk.length;
            total += chunk.length;
            options.onBytes?.(total);
            done(null, chunk);
          },
        });
        const stream = await zip.openReadStreamPromise(entry);
        await pipeline(stream, meter, createWriteStream(target), options.signal ? { signal: options.signal } : {});
        written.push({ path, bytes, sha256: hash.digest('hex') });
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof AppError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC') throw new AppError('engine-pack', `There is no room left in ${folder}.`, { cause: error });
    throw new AppError('engine-pack', `The archive ${archive} cannot be unpacked: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return written;
}
