import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, isAbsolute, resolve, sep } from 'node:path';
import { Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
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

/** The content of one entry of at most `largest` bytes; null if there is none of that name. @throws AppError `engine-pack`. */
export async function readEntry(archive: string, name: string, largest: number): Promise<Buffer | null> {
  return reading(archive, async (zip) => {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== name) continue;
      if (entry.uncompressedSize > largest) throw new Error(`${name} is larger than ${largest} bytes`);
      return buffer(await zip.openReadStreamPromise(entry));
    }
    return null;
  });
}

/**
 * Unpacks the entries for which `place` gives a path (relative to `folder`), as streams.
 * Reports the bytes written so far. Resolves with every file written, its size and SHA-256.
 * @param options `sizes`: by path, what an entry's size must be, so that none grows beyond what was announced.
 * @throws AppError `engine-pack` when the archive is damaged or an entry would leave the folder; the signal's reason when aborted.
 */
export async function unzip(
  archive: string,
  folder: string,
  place: (entry: string) => string | null,
  options: {
    readonly onBytes?: (bytes: number) => void;
    readonly signal?: AbortSignal | undefined;
    readonly sizes?: ReadonlyMap<string, number>;
  } = {},
): Promise<readonly Unzipped[]> {
  const written: Unzipped[] = [];
  let total = 0;
  try {
    await reading(archive, async (zip) => {
      for await (const entry of zip.eachEntry()) {
        options.signal?.throwIfAborted();
        if (entry.fileName.endsWith('/')) continue;
        const path = place(entry.fileName);
        if (path === null) continue;
        const target = within(folder, path);
        const announced = options.sizes?.get(path);
        if (announced !== undefined && entry.uncompressedSize !== announced) {
          throw new Error(`${path} has ${entry.uncompressedSize} bytes instead of ${announced}`);
        }
        if (written.some((file) => file.path === path)) throw new Error(`it holds ${path} twice`);
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
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  }
  return written;
}

/** Opens an archive for `work` and closes it again; whatever goes wrong becomes an error that names the archive. */
async function reading<T>(archive: string, work: (zip: yauzl.ZipFile) => Promise<T>): Promise<T> {
  try {
    const zip = await yauzl.openPromise(archive, { autoClose: false });
    try {
      return await work(zip);
    } finally {
      zip.close();
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC') {
      throw new AppError('engine-pack', `There is no room left to unpack ${archive}.`, { cause: error });
    }
    throw new AppError(
      'engine-pack',
      `The archive ${archive} cannot be unpacked: ${message}. Nothing of it was used.`,
      {
        cause: error,
      },
    );
  }
}
