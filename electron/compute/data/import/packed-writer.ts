import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { writeError } from '../../arrays/atomic.ts';

const BLOCK_BYTES = 4 * 2 ** 20;

/** A file of equally long records that grows at its end. */
export interface RecordFile {
  /** Records written so far, those still in memory included. */
  readonly count: number;
  append(record: Uint8Array): Promise<void>;
  /** Everything so far is on the disk once it resolves. */
  sync(): Promise<void>;
  /** Closes without writing what is in memory; calling it twice is harmless. */
  close(): Promise<void>;
}

/**
 * Opens a file of records to go on behind the first `kept` ones.
 * @param seen gets everything that the file has or will have, in order: for a hash.
 * @throws AppError `library-full`, `library-read-only` or `io` that names the file; so do its functions.
 */
export async function openRecords(
  file: string,
  stride: number,
  kept: number,
  seen: (bytes: Uint8Array) => void,
): Promise<RecordFile> {
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw writeError(file, cause);
    }
  };
  const handle = await attempt(() => open(file, kept > 0 ? 'r+' : 'w+'));
  const block = new Uint8Array(Math.max(1, Math.floor(BLOCK_BYTES / stride)) * stride);
  let used = 0;
  let written = kept * stride;
  let isOpen = true;

  try {
    await attempt(() => handle.truncate(written));
    await attempt(() => readBack(handle, written, block, seen));
  } catch (error) {
    await handle.close();
    throw error;
  }

  const flush = async (): Promise<void> => {
    const bytes = block.subarray(0, used);
    for (let done = 0; done < bytes.length;) {
      done += (await attempt(() => handle.write(bytes, done, bytes.length - done, written + done))).bytesWritten;
    }
    seen(bytes);
    written += used;
    used = 0;
  };

  return {
    get count() {
      return (written + used) / stride;
    },
    async append(record) {
      block.set(record, used);
      used += stride;
      if (used === block.length) await flush();
    },
    async sync() {
      if (used > 0) await flush();
      await attempt(() => handle.datasync());
    },
    async close() {
      if (isOpen) await handle.close();
      isOpen = false;
    },
  };
}

async function readBack(
  handle: FileHandle,
  bytes: number,
  into: Uint8Array,
  seen: (bytes: Uint8Array) => void,
): Promise<void> {
  for (let done = 0; done < bytes;) {
    const { bytesRead } = await handle.read(into, 0, Math.min(into.length, bytes - done), done);
    if (bytesRead === 0) throw new Error('it is shorter than the journal says');
    seen(into.subarray(0, bytesRead));
    done += bytesRead;
  }
}
