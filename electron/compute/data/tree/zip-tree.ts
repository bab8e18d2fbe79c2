import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { badData } from '../../arrays/byte-stream.ts';
import { bombReason, inWords, isBomb, LARGEST_READ, type TreeOptions } from './limits.ts';
import { asUtf8, createListing, type Listing } from './listing.ts';
import { createCopies } from './scratch.ts';
import type { FileTree } from './tree.ts';
import { WindowReader } from './window-reader.ts';

const CHUNK = 1 << 18;
/** Files of so few bytes are unpacked at once. */
const SMALL = 1 << 16;
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

/** What is kept of an entry, of which there may be millions. */
type Member = Pick<
  Entry,
  'compressedSize' | 'uncompressedSize' | 'compressionMethod' | 'crc32' | 'relativeOffsetOfLocalHeader'
>;

const inflateRaw = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);

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
    const entries = new Map<string, Member>();
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
  entries: Map<string, Member>,
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
        if (taken !== null) entries.set(taken, memberOf(entry));
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

function memberOf(entry: Entry): Member {
  const { compressedSize, uncompressedSize, compressionMethod, crc32, relativeOffsetOfLocalHeader } = entry;
  return { compressedSize, uncompressedSize, compressionMethod, crc32, relativeOffsetOfLocalHeader };
}

function treeOf(
  root: string,
  zip: ZipFile,
  reader: WindowReader,
  entries: ReadonlyMap<string, Member>,
  listing: Listing,
  copies: ReturnType<typeof createCopies>,
): FileTree {
  const entryOf = (path: string): Member => {
    const entry = entries.get(path);
    if (!entry) throw badData(path, 'is not in the archive');
    return entry;
  };
  const startOf = async (path: string, entry: Member): Promise<number> => {
    try {
      return (await zip.readLocalFileHeaderPromise(entry as Entry, { minimal: true })).fileDataStart;
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
      const packed = await reader.bytes(start, entry.compressedSize);
      if (packed.length < entry.compressedSize) throw badData(path, 'is cut short: the archive ends within it');
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
async function* unpacked(path: string, entry: Member, packed: Readable): AsyncGenerator<Uint8Array> {
  let found = 0;
  let checksum = 0;
  const inflating = entry.compressionMethod === STORED ? null : zlib.createInflateRaw({ chunkSize: CHUNK });
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
    const limit = { maxOutputLength: Math.max(1, size), chunkSize: Math.min(Math.max(size, 64), CHUNK) };
    // To set up another thread takes longer than to unpack a small file.
    return size <= SMALL ? zlib.inflateRawSync(packed, limit) : await inflateRaw(packed, limit);
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

function sizeProblem(path: string, entry: Member, found: number): Error {
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
