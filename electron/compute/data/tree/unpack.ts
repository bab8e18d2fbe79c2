import { createReadStream, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import zlib from 'node:zlib';
import xz from 'xz-decompress';
import { AppError } from '../../../../shared/domain/errors.ts';
import { badData } from '../../arrays/byte-stream.ts';
import type { ArchiveKind } from './archive-kind.ts';
import { isTarHead } from './archive-kind.ts';
import { bombReason, isBomb, type TreeOptions } from './limits.ts';
import { noRoom, roomIn, scratchName, writeScratch } from './scratch.ts';

const CHUNK = 1 << 18;
const BLOCK = 512;

export interface UnpackedTar {
  readonly tar: string;
  /** What is wrong with the archive, if its beginning could be unpacked; null if nothing is. */
  readonly damage: string | null;
}

/**
 * Unpacks a compressed tar as a stream into one plain tar in the scratch folder; one that is there already, of the same
 * file of the same size and time, is taken.
 * @throws AppError `bad-data` for a file that holds no tar, cannot be unpacked from its beginning on or is a bomb;
 *   `library-full`; `unsupported` where this Node or reader lacks the method; `cancelled`.
 */
export async function unpackTar(
  path: string,
  kind: Exclude<ArchiveKind, 'zip' | 'tar'>,
  identity: string,
  { scratch, control }: TreeOptions,
): Promise<UnpackedTar> {
  const tar = join(scratch, `${scratchName(identity)}.tar`);
  const note = `${tar}.json`;
  mkdirSync(scratch, { recursive: true });
  if (statSync(note, { throwIfNoEntry: false }) && statSync(tar, { throwIfNoEntry: false })) {
    return { tar, damage: (JSON.parse(readFileSync(note, 'utf8')) as { damage: string | null }).damage };
  }
  const total = statSync(path).size;
  const room = roomIn(scratch);
  const source = createReadStream(path, { highWaterMark: CHUNK });
  let unpacked = 0;
  let damage: string | null = null;

  async function* checked(): AsyncGenerator<Uint8Array> {
    const stream = unpackedBytes(path, kind, source);
    try {
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        if (unpacked === 0 && !looksLikeTar(chunk)) {
          throw badData(path, 'is compressed, but holds no tar archive. Unpack it and choose what comes out');
        }
        unpacked += chunk.length;
        if (isBomb(unpacked, source.bytesRead)) throw badData(path, bombReason(unpacked, source.bytesRead));
        if (unpacked > room) throw noRoom(path, unpacked, room);
        yield chunk;
        await control?.checkpoint();
        const message = `Unpacking ${basename(path)}`;
        control?.progress({ done: Math.min(source.bytesRead, total), total, unit: 'bytes', message });
      }
    } catch (error) {
      if (error instanceof AppError || (error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
      if (unpacked < BLOCK) throw badData(path, `cannot be unpacked: it ${damageOf(error)}. Download it again`, error);
      damage = damageOf(error);
    } finally {
      stream.destroy();
      source.destroy();
    }
  }

  await writeScratch(tar, checked(), path);
  writeFileSync(note, JSON.stringify({ damage }));
  return { tar, damage };
}

function unpackedBytes(path: string, kind: 'tar.gz' | 'tar.xz' | 'tar.zst', source: Readable): Readable {
  // Errors of the file reach the reader of what is unpacked.
  const through = (stream: NodeJS.ReadWriteStream & Readable): Readable => {
    source.on('error', (error) => stream.destroy(error));
    return source.pipe(stream);
  };
  if (kind === 'tar.gz') return through(zlib.createGunzip({ chunkSize: CHUNK }));
  if (kind === 'tar.xz') {
    const packed = Readable.toWeb(source) as unknown as ReadableStream<Uint8Array>;
    return Readable.fromWeb(new xz.XzReadableStream(packed) as unknown as WebStream<Uint8Array>);
  }
  if (typeof zlib.createZstdDecompress !== 'function') {
    throw new AppError(
      'unsupported',
      `${path} is compressed by Zstandard, which this Node ${process.version} cannot unpack (22.15 and 23.8 on can). Unpack it and choose the folder, or pack it as tar.gz.`,
      { details: { file: path } },
    );
  }
  return through(zlib.createZstdDecompress({ chunkSize: CHUNK }));
}

function looksLikeTar(chunk: Uint8Array): boolean {
  return isTarHead(chunk) || chunk.length < BLOCK || chunk.subarray(0, BLOCK).every((byte) => byte === 0);
}

/** What zlib and xz say, in words. */
function damageOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (/unexpected end|error code 8/i.test(message)) return 'is cut short';
  if (/error code 6/i.test(message)) return 'uses a check or filter of xz that is not read: pack it as tar.gz';
  if (/memory|window|error code 4/i.test(`${code} ${message}`)) {
    return 'needs more memory to be unpacked than is allowed: pack it as tar.gz';
  }
  return 'is damaged';
}
