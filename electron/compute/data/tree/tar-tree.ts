import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { extract, type Header as KnownHeader } from 'tar-stream';
import { badData } from '../../arrays/byte-stream.ts';
import { inWords, LARGEST_READ, type TreeOptions } from './limits.ts';
import { asUtf8, createListing, type Listing } from './listing.ts';
import { createCopies } from './scratch.ts';
import type { FileTree } from './tree.ts';

const BLOCK = 512;
/** Bytes read ahead where headers are near each other. */
const WINDOW = 1 << 16;
/** Bytes read where the last header was far away. */
const PEEK = 4096;
/** Longest headers of long names and other attributes together. */
const LONGEST_HEADER = 1 << 20;
const CHECK_EVERY = 200;

/** What tar-stream knows beyond its types. */
interface Header extends Omit<KnownHeader, 'type' | 'linkname' | 'pax'> {
  /** Null for kinds that it does not know. */
  readonly type: KnownHeader['type'] | null;
  readonly linkname: string | null;
  /** Where the content begins, from where the reading of headers began. */
  readonly byteOffset: number;
  readonly pax: Readonly<Record<string, string>> | null;
}

interface Extent {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * The files of an uncompressed tar (POSIX, GNU or 7th edition). It is gone through once by its headers; contents are read
 * where they lie.
 * @param source `shown`: the file that the user chose, for messages; `damage`: what is known to be wrong with the archive.
 * @throws AppError `bad-data` if not one file can be had.
 */
export async function openTar(
  tar: string,
  source: { readonly shown: string; readonly identity: string; readonly damage: string | null },
  options: TreeOptions,
): Promise<FileTree> {
  const { shown, identity, damage } = source;
  const handle = await open(tar, 'r');
  try {
    const listing = createListing(shown, true);
    const extents = new Map<string, Extent>();
    const wrong = await readIndex(handle, listing, extents, options, shown);
    const problem = damage ?? wrong;
    if (extents.size === 0 && problem !== null) throw badData(shown, `${problem}. Download it again`);
    if (problem !== null) listing.leaveOut(basename(shown), `${problem}: only what comes before was found`);
    const copies = createCopies(options.scratch, identity);
    const extentOf = (path: string): Extent => {
      const extent = extents.get(path);
      if (!extent) throw badData(path, 'is not in the archive');
      return extent;
    };
    let closed = false;
    return {
      root: shown,
      chosen: null,
      ...listing.finish(),
      async read(path) {
        const { offset, bytes } = extentOf(path);
        if (bytes > LARGEST_READ) {
          throw badData(
            path,
            `has ${inWords(bytes)}, more than the ${inWords(LARGEST_READ)} that are read of one file`,
          );
        }
        const content = new Uint8Array(bytes);
        const { bytesRead } = await handle.read(content, 0, bytes, offset);
        if (bytesRead < bytes) throw badData(path, 'is cut short: the archive ends within it');
        return content;
      },
      async onDisk(path) {
        const { offset, bytes } = extentOf(path);
        return copies(path, bytes, async () =>
          bytes === 0
            ? none()
            : (createReadStream(tar, { start: offset, end: offset + bytes - 1 }) as AsyncIterable<Uint8Array>),
        );
      },
      async close() {
        if (!closed) await handle.close();
        closed = true;
      },
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function* none(): AsyncGenerator<Uint8Array> {
  // A file of no bytes.
}

/** Goes through the headers. Returns what is wrong with the archive, or null. */
async function readIndex(
  handle: FileHandle,
  listing: Listing,
  extents: Map<string, Extent>,
  { control }: TreeOptions,
  shown: string,
): Promise<string | null> {
  const { size } = await handle.stat();
  const window = createWindow(handle, size);
  let seen = 0;
  for (let at = 0; at + BLOCK <= size;) {
    const header = await readHeader(window, at).catch((error: unknown) => {
      const after = seen === 0 ? 'at its beginning' : `after ${seen} ${seen === 1 ? 'entry' : 'entries'}`;
      return `is damaged ${after} (${error instanceof Error ? error.message : String(error)})`;
    });
    if (typeof header === 'string') return header;
    if (header === null) return null;
    seen += 1;
    const offset = at + header.byteOffset;
    const bytes = header.type === 'directory' ? 0 : header.size;
    const name = nameOf(header);
    if (offset + bytes > size) {
      listing.leaveOut(name, 'is cut short: the archive ends within it');
      return `is cut short within ${name}`;
    }
    const reason = whyNot(header);
    if (reason !== null) listing.leaveOut(name, reason);
    else if (header.type !== 'directory' && !listing.passOver(name)) {
      const path = listing.take(name, bytes);
      if (path !== null) extents.set(path, { offset, bytes });
    }
    at = offset + Math.ceil(bytes / BLOCK) * BLOCK;
    if (seen % CHECK_EVERY === 0) {
      await control?.checkpoint();
      control?.progress({ done: at, total: size, unit: 'bytes', message: `Looking through ${basename(shown)}` });
    }
  }
  return 'has no mark of its end: it may be cut short';
}

type Window = (at: number, length: number) => Promise<Uint8Array>;

/** Reads a little ahead, so that many small entries take one read. */
function createWindow(handle: FileHandle, size: number): Window {
  let start = 0;
  let held = new Uint8Array(0);
  return async (at, length) => {
    if (at < start || at + length > start + held.length) {
      const isNear = at >= start && at - start < 2 * WINDOW;
      const wanted = Math.max(length, Math.min(isNear ? WINDOW : PEEK, size - at));
      const { bytesRead, buffer } = await handle.read(new Uint8Array(wanted), 0, wanted, at);
      start = at;
      held = buffer.subarray(0, bytesRead);
    }
    return held.subarray(at - start, Math.min(at - start + length, held.length));
  };
}

/**
 * The header at a place, with those of long names that belong to it; null for the zeros at the end.
 * @throws Error for anything else.
 */
async function readHeader(window: Window, at: number): Promise<Header | null> {
  const first = await window(at, BLOCK);
  if (first.every((byte) => byte === 0)) return null;
  // One reader for each entry: the contents between are never read.
  const settings = { highWaterMark: 1, allowUnknownFormat: true, filenameEncoding: 'latin1' };
  const reader = extract(settings);
  try {
    return await new Promise<Header>((resolve, reject) => {
      let fed = 0;
      const feed = async (): Promise<void> => {
        const block = await window(at + fed, BLOCK);
        fed += BLOCK;
        if (block.length < BLOCK || fed > LONGEST_HEADER) throw new Error('its last header is not complete');
        // The window is read anew while the block waits.
        reader.write(Buffer.from(block));
      };
      const next = (): void => void feed().catch(reject);
      reader.on('entry', (header, stream) => {
        stream.on('error', () => undefined);
        resolve(header as unknown as Header);
      });
      reader.on('error', reject);
      reader.on('drain', next);
      next();
    });
  } finally {
    reader.destroy();
  }
}

/** Names are UTF-8 in POSIX headers, and elsewhere whatever the system had: each byte stays a sign of its own then. */
function nameOf({ name, pax }: Header): string {
  if (pax?.['path'] === name) return name;
  const bytes = Buffer.from(name, 'latin1');
  return asUtf8(bytes) ?? name;
}

function whyNot({ type, linkname, pax }: Header): string | null {
  if (pax && Object.keys(pax).some((key) => key.startsWith('GNU.sparse'))) return 'is a sparse file, which is not read';
  switch (type) {
    case 'file':
    case 'contiguous-file':
    case 'directory':
      return null;
    case 'link':
    case 'symlink':
      return `is a link (to ${linkname ?? 'nothing'}): links in archives are not followed`;
    case 'character-device':
    case 'block-device':
      return 'is a device, no file';
    case 'fifo':
      return 'is a pipe, no file';
    default:
      return 'is an entry of a kind that is not read';
  }
}
