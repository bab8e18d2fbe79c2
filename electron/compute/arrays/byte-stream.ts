import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError } from '../../../shared/domain/errors.ts';

/** A file on disk, and what to call it in messages. */
export interface NamedFile {
  readonly path: string;
  readonly name: string;
}

/** An error of a damaged file: its name, then what is wrong with it. */
export function badData(file: string, what: string, cause?: unknown): AppError {
  return new AppError('bad-data', `${file} ${what}.`, { cause, details: { file } });
}

/** Whether a file begins as gzip does. */
export async function isGzip({ path, name }: NamedFile): Promise<boolean> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw unreadable(name, cause);
  });
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

/**
 * The file's bytes from `start` on, gunzipped if it is compressed; `start` counts unpacked bytes.
 * @throws AppError `bad-data` naming a file that is cut short or damaged, `io` for one that cannot be read.
 */
export async function* contentOf(file: NamedFile, start = 0): AsyncGenerator<Uint8Array> {
  const compressed = await isGzip(file);
  const raw = createReadStream(file.path, { highWaterMark: 1 << 20, start: compressed ? 0 : start });
  // The pipeline ends both streams together; what went wrong is thrown by the iteration.
  const stream: Readable = compressed ? pipeline(raw, createGunzip(), () => undefined) : raw;
  try {
    yield* dropBytes(stream as AsyncIterable<Uint8Array>, compressed ? start : 0);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw inflateError(file.name, cause) ?? unreadable(file.name, cause);
  } finally {
    raw.destroy();
    stream.destroy();
  }
}

/** An error of zlib as one for a person, or null for any other error. */
export function inflateError(name: string, cause: unknown): AppError | null {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (code === 'Z_BUF_ERROR') {
    return badData(name, 'is cut short: the compressed data end early. Download it again', cause);
  }
  return code.startsWith('Z_')
    ? badData(name, 'is damaged: its compressed data cannot be read. Download it again', cause)
    : null;
}

/** The first bytes of a file, unpacked: `length` of them, or all of a shorter one. @throws AppError as `contentOf`. */
export async function headOf(file: NamedFile, length = 64): Promise<Uint8Array> {
  return headOfChunks(contentOf(file), length);
}

/** The first `length` bytes of a stream, or all of a shorter one. */
export async function headOfChunks(chunks: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    total += chunk.length;
    if (total >= length) break;
  }
  return new Uint8Array(Buffer.concat(parts)).subarray(0, length);
}

/** The stream without its first `count` bytes. */
export async function* dropBytes(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of chunks) {
    const skip = Math.min(left, chunk.length);
    left -= skip;
    if (chunk.length > skip) yield skip === 0 ? chunk : chunk.subarray(skip);
  }
}

/** The first `count` bytes of a stream, as they come. */
export async function* takeBytes(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  if (left <= 0) return;
  for await (const chunk of chunks) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

function unreadable(name: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AppError('io', `${name} could not be read: ${reason}. Check that it is still there and readable.`, {
    cause,
    details: { file: name },
  });
}
