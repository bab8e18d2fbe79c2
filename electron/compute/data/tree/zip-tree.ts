import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { badData } from '../../arrays/byte-stream.ts';
import { bombReason, inWords, isBomb, LARGEST_READ, type TreeOptions } from './limits.ts';
import { asUtf8, createListing, type Listing } from './listing.ts';
import { createCopies } from './scratch.ts';
import type { FileTree } from './tree.ts';

/** Bytes of the directory that are read at once. */
const WINDOW = 1 << 18;
const CHECK_EVERY = 1000;
const STORED = 0;
const DEFLATED = 8;
const UTF8_FLAG = 0x800;
const UNICODE_PATH = 0x7075;
/** File types of Unix in the upper half of the external attributes. */
const UNIX = 3;
const TYPE_MASK = 0o170000;
const LINK = 0o120000;
const FILE = 0o100000;
const FOLDER = 0o040000;

const inflateRaw = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const readInto = promisify(read);

/**
 * The files of a zip archive, read where they lie.
 * @throws AppError `bad-data` if its directory cannot be read or it is a bomb.
 */
export async function openZip(path: string, identity: string, options: TreeOptions): Promise<FileTree> {
  const reader = new WindowReader(path);
  const zip = await yauzl
    .fromRandomAccessReaderPromise(reader, reader.size, {
      autoClose: false,
      decodeStrings: false,
      validateEntrySizes: false,
    })
    .catch((error: unknown) => {
      reader.dispose();
      const why =
        reader.size === 0 ? 'is empty (0 bytes)' : 'is cut short or damaged: its directory, at its end, cannot be read';
      throw badData(path, `${why}. Download it again`, error);
    });
  try {
    const listing = createListing(path, true);
    const entries = new Map<string, Entry>();
    await readDirectory(zip, path, reader.size, listing, entries, options);
    return treeOf(path, zip, reader, entries, listing, createCopies(options.scratch, identity));
  } catch (error) {
    zip.close();
    throw error;
  }
}

async function readDirectory(
  zip: ZipFile,
  path: string,
  size: number,
  listing: Listing,
  entries: Map<string, Entry>,
  { control }: TreeOptions,
): Promise<void> {
  let seen = 0;
  let unpacked = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      seen += 1;
      unpacked += entry.uncompressedSize;
      if (isBomb(unpacked, size)) throw badData(path, bombReason(unpacked, size));
      const name = nameOf(entry);
      if (!/[\\/]$/.test(name) && !listing.passOver(name)) {
        const reason = whyNot(entry);
        const taken = reason === null ? listing.take(name, entry.uncompressedSize) : null;
        if (taken !== null) entries.set(taken, entry);
        else if (reason !== null) listing.leaveOut(name, reason);
      }
      if (seen % CHECK_EVERY === 0) await control?.checkpoint();
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'AppError') throw error;
    if (entries.size === 0) throw badData(path, 'is damaged: its directory cannot be read. Download it again', error);
    const after = `${seen} ${seen === 1 ? 'entry' : 'entries'}`;
    listing.leaveOut(basename(path), `is damaged after ${after} of its directory: only what comes before was found`);
  }
}

function treeOf(
  root: string,
  zip: ZipFile,
  reader: WindowReader,
  entries: ReadonlyMap<string, Entry>,
  listing: Listing,
  copies: ReturnType<typeof createCopies>,
): FileTree {
  const entryOf = (path: string): Entry => {
    const entry = entries.get(path);
    if (!entry) throw badData(path, 'is not in the archive');
    return entry;
  };
  const startOf = async (path: string, entry: Entry): Promise<number> => {
    try {
      return (await zip.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart;
    } catch (error) {
      throw badData(path, 'is damaged: the archive does not hold it where its directory says', error);
    }
  };
  return {
    root,
    chosen: null,
    ...listing.finish(),
    async read(path) {
      const entry = entryOf(path);
      const bytes = Math.max(entry.uncompressedSize, entry.compressedSize);
      if (bytes > LARGEST_READ) {
        throw badData(path, `has ${inWords(bytes)}, more than the ${inWords(LARGEST_READ)} that are read of one file`);
      }
      const start = await startOf(path, entry);
      const packed = new Uint8Array(entry.compressedSize);
      const { bytesRead } = await readInto(reader.file, packed, 0, packed.length, start);
      if (bytesRead < packed.length) throw badData(path, 'is cut short: the archive ends within it');
      const content = entry.compressionMethod === STORED ? packed : await inflate(path, packed, entry.uncompressedSize);
      if (content.length !== entry.uncompressedSize) throw sizeProblem(path, entry, content.length);
      if (zlib.crc32(content) !== entry.crc32) throw badData(path, 'is damaged: its checksum is wrong');
      return content;
    },
    async onDisk(path) {
      const entry = entryOf(path);
      return copies(path, entry.uncompressedSize, async () => {
        const start = await startOf(path, entry);
        return unpacked(path, entry, reader._readStreamForRange(start, start + entry.compressedSize));
      });
    },
    async close() {
      zip.close();
    },
  };
}

/** The content of an entry as a stream, which ends with an error where it is not what the directory says. */
async function* unpacked(path: string, entry: Entry, packed: Readable): AsyncGenerator<Uint8Array> {
  let found = 0;
  let checksum = 0;
  const inflating = entry.compressionMethod === STORED ? null : zlib.createInflateRaw({ chunkSize: WINDOW });
  if (inflating) packed.on('error', (error) => inflating.destroy(error)).pipe(inflating);
  try {
    for await (const chunk of (inflating ?? packed) as AsyncIterable<Buffer>) {
      found += chunk.length;
      if (found > entry.uncompressedSize) throw sizeProblem(path, entry, found);
      checksum = zlib.crc32(chunk, checksum);
      yield chunk;
    }
  } catch (error) {
    throw String((error as NodeJS.ErrnoException).code).startsWith('Z_') ? damaged(path, error) : error;
  } finally {
    inflating?.destroy();
    packed.destroy();
  }
  if (found !== entry.uncompressedSize) throw sizeProblem(path, entry, found);
  if (checksum !== entry.crc32) throw badData(path, 'is damaged: its checksum is wrong');
}

async function inflate(path: string, packed: Uint8Array, size: number): Promise<Uint8Array> {
  try {
    return await inflateRaw(packed, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw badData(path, `unpacks to more than the ${size} bytes that the archive's directory declares`, error);
    }
    throw damaged(path, error);
  }
}

const damaged = (path: string, cause: unknown): Error =>
  badData(path, 'is damaged: its compressed data cannot be unpacked', cause);

function sizeProblem(path: string, entry: Entry, found: number): Error {
  const than = found > entry.uncompressedSize ? 'more than' : `${found} bytes instead of`;
  return badData(path, `unpacks to ${than} the ${entry.uncompressedSize} bytes that the archive's directory declares`);
}

/**
 * UTF-8 where that is said or the bytes are such, which some systems do not say; else code page 437, the format's own,
 * which has a sign for each byte, so that different names stay different.
 */
function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  const isMarked = extraFields.some(({ id }) => id === UNICODE_PATH);
  const plain = isMarked ? null : asUtf8(fileNameRaw);
  return plain ?? yauzl.getFileNameLowLevel(generalPurposeBitFlag & ~UTF8_FLAG, fileNameRaw, extraFields, true);
}

function whyNot(entry: Entry): string | null {
  const type = entry.versionMadeBy >> 8 === UNIX ? (entry.externalFileAttributes >>> 16) & TYPE_MASK : 0;
  if (type === LINK) return 'is a link: links in archives are not followed';
  if (type !== 0 && type !== FILE && type !== FOLDER) return 'is a device or pipe, no file';
  if (entry.isEncrypted()) return 'is encrypted: unpack the archive with its password and choose the folder';
  const method = entry.compressionMethod;
  if (method !== STORED && method !== DEFLATED) {
    return `is compressed by method ${method}, which is not read: pack the archive anew in the usual way (Deflate)`;
  }
  if (method === STORED && entry.compressedSize !== entry.uncompressedSize) {
    return `is not compressed, yet has ${entry.compressedSize} bytes in the archive and ${entry.uncompressedSize} outside`;
  }
  return null;
}

/** Reads the archive, a window at a time where reads are small and near each other, as they are in the directory. */
class WindowReader extends yauzl.RandomAccessReader {
  readonly file: number;
  readonly size: number;
  private start = 0;
  private held = Buffer.alloc(0);
  private open = true;

  constructor(path: string) {
    super();
    this.file = openSync(path, 'r');
    this.size = fstatSync(this.file).size;
  }

  private async *chunks(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end;) {
      const chunk = new Uint8Array(Math.min(WINDOW, end - at));
      const { bytesRead } = await readInto(this.file, chunk, 0, chunk.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.chunks(start, end));
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    try {
      if (position < this.start || position + length > this.start + this.held.length) {
        const wanted = Math.max(length, Math.min(WINDOW, this.size - position));
        const window = Buffer.allocUnsafe(Math.max(0, wanted));
        this.held = window.subarray(0, readSync(this.file, window, 0, window.length, position));
        this.start = position;
      }
      const from = position - this.start;
      const copied = this.held.copy(buffer, offset, from, from + length);
      setImmediate(callback, null, copied);
    } catch (error) {
      setImmediate(callback, error as Error);
    }
  }

  override close(callback: (error: Error | null) => void): void {
    this.dispose();
    setImmediate(callback, null);
  }

  dispose(): void {
    if (this.open) closeSync(this.file);
    this.open = false;
  }
}
