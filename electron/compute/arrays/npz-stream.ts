import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { openPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import { AppError } from '../../../shared/domain/errors.ts';
import { badData, contentOf, dropBytes, headOf, headOfChunks, inflateError } from './byte-stream.ts';
import type { NamedFile } from './byte-stream.ts';
import { NPY_HEAD_BYTES, parseNpyLayout } from './npy-header.ts';
import { ELEMENT_BYTES } from './elements.ts';
import { shapeSize } from './npy.ts';
import { cutShort } from './stored.ts';
import type { AnyStored } from './stored.ts';

/** Names of classes and the like may have so many bytes. */
const TEXT_LIMIT = 16 * 2 ** 20;

/** The arrays of a NumPy archive, each read as a stream. */
export interface NpzFile {
  /** By name, without `.npy`. */
  readonly arrays: ReadonlyMap<string, AnyStored>;
  close(): void;
}

/**
 * Opens a NumPy archive, stored or compressed, of which only the headers are read.
 * @throws AppError `bad-data` for a file that is no archive or is damaged.
 */
export async function openNpz(file: NamedFile): Promise<NpzFile> {
  const zip = await openPromise(file.path, { autoClose: false }).catch((cause: unknown) => {
    throw badData(file.name, 'is not a NumPy archive (NPZ), or is damaged', cause);
  });
  try {
    const arrays = new Map<string, AnyStored>();
    for (const entry of await entriesOf(zip, file.name)) {
      if (!entry.fileName.endsWith('.npy')) continue;
      const key = entry.fileName.slice(0, -4);
      const name = `${file.name}: ${key}`;
      arrays.set(key, await storedNpy(name, entry.uncompressedSize, (start) => memberBytes(zip, entry, name, start)));
    }
    return { arrays, close: () => zip.close() };
  } catch (cause) {
    zip.close();
    throw cause;
  }
}

/**
 * The array of an NPY file.
 * @param bytes size of the file.
 * @throws AppError `io` for a file that cannot be read; what else is wrong is thrown once the array is asked for.
 */
export async function openNpy(file: NamedFile, bytes: number): Promise<AnyStored> {
  await headOf(file, 1);
  return storedNpy(file.name, bytes, (start) => contentOf(file, start));
}

/** An array by its header; what is wrong with it is thrown once it is asked for. */
async function storedNpy(
  name: string,
  size: number,
  content: (start: number) => AsyncIterable<Uint8Array>,
): Promise<AnyStored> {
  try {
    const { elements, shape, columnMajor, offset } = parseNpyLayout(
      await headOfChunks(content(0), NPY_HEAD_BYTES),
      name,
    );
    if (elements.kind === 'numbers') {
      const expected = shapeSize(shape) * ELEMENT_BYTES[elements.type];
      if (size !== offset + expected) throw cutShort(name, expected, Math.max(0, size - offset));
      const { type, bigEndian } = elements;
      const bytes = (start: number): AsyncIterable<Uint8Array> => content(offset + start);
      return { kind: 'numbers', name, shape, columnMajor, type, stored: type, bigEndian, bytes };
    }
    const width = elements.length * (elements.wide ? 4 : 1);
    return {
      kind: 'texts',
      name,
      shape,
      async texts() {
        const length = shapeSize(shape) * width;
        if (length > TEXT_LIMIT) throw badData(name, 'has more than 16 MiB of text');
        const bytes = await headOfChunks(content(offset), length);
        if (bytes.length < length) throw badData(name, 'is cut short. Save it again');
        return Array.from({ length: shapeSize(shape) }, (_, at) =>
          textOf(bytes.subarray(at * width, (at + 1) * width), elements.wide, elements.bigEndian),
        );
      },
    };
  } catch (error) {
    return { kind: 'refused', name, error };
  }
}

function textOf(bytes: Uint8Array, wide: boolean, bigEndian: boolean): string {
  if (!wide) return new TextDecoder().decode(bytes).replace(/\0+$/, '');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const points = Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(4 * at, !bigEndian));
  return points
    .map((point) => (point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point)))
    .join('')
    .replace(/\0+$/, '');
}

async function entriesOf(zip: ZipFile, name: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  try {
    for await (const entry of zip.eachEntry()) entries.push(entry);
  } catch (cause) {
    throw badData(name, 'is damaged: its list of arrays cannot be read', cause);
  }
  return entries;
}

/** From byte `start` on; near the beginning with a check of the sum of all. */
async function* memberBytes(zip: ZipFile, entry: Entry, name: string, start: number): AsyncGenerator<Uint8Array> {
  if (start > entry.uncompressedSize) return;
  const stored = entry.compressionMethod === 0;
  const skipped = stored && start > NPY_HEAD_BYTES ? start : 0;
  let stream: Readable;
  try {
    stream = await zip.openReadStreamPromise(entry, skipped > 0 ? { start: skipped } : {});
  } catch (cause) {
    throw badData(name, 'cannot be read: it is encrypted, damaged or compressed in an unknown way', cause);
  }
  try {
    yield* dropBytes(
      skipped === 0
        ? checked(stream as AsyncIterable<Uint8Array>, entry.crc32, name)
        : (stream as AsyncIterable<Uint8Array>),
      start - skipped,
    );
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw inflateError(name, cause) ?? badData(name, 'is damaged: its data cannot be read. Save it again', cause);
  } finally {
    stream.destroy();
  }
}

/** The stream, which fails at its end if its bytes are not those that were written. */
async function* checked(stream: AsyncIterable<Uint8Array>, expected: number, name: string): AsyncGenerator<Uint8Array> {
  let sum = 0;
  for await (const chunk of stream) {
    sum = crc32(chunk, sum);
    yield chunk;
  }
  if (sum !== expected) throw badData(name, 'is damaged: its check sum does not fit. Copy or save it again');
}
