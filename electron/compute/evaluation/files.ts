import { mkdir, open, rename, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExampleRecord } from '../../../shared/domain/evaluation.ts';
import { writeAtomic, writeError } from '../arrays/atomic.ts';
import { npyHeader, shapeSize } from '../arrays/npy.ts';

/** Names of what an evaluation writes into `<folder>/<model id>/`. */
export const EVALUATION_FILES = {
  /** float32 [examples, height, width, channels]; see `Outcome.adversarial` for which iterate is kept. */
  adversarial: 'adversarial.npy',
  /** float32 [examples, classes] */
  logitsClean: 'logits-clean.npy',
  logitsAdversarial: 'logits-adversarial.npy',
  /** ExampleRecord[] */
  examples: 'examples.json',
} as const;

type ArrayName = Exclude<keyof typeof EVALUATION_FILES, 'examples'>;
const ARRAYS: readonly ArrayName[] = ['adversarial', 'logitsClean', 'logitsAdversarial'];

/** The arrays of one target, rows by rows. They have their names only once they are whole. */
export interface TargetFiles {
  /** Rows from `firstRow` on; they are on the disk when it resolves. */
  write(firstRow: number, rows: Readonly<Record<ArrayName, Float32Array>>): Promise<void>;
  /** Gives the files their names, and writes the records beside them. */
  finish(records: readonly ExampleRecord[]): Promise<void>;
}

/**
 * @param folder of the target; made if it is not there.
 * @param shapes of one row of each array.
 * @throws AppError `library-full`, `library-read-only`, `io`, as do its functions.
 */
export async function targetFiles(
  folder: string,
  rows: number,
  shapes: Readonly<Record<ArrayName, readonly number[]>>,
): Promise<TargetFiles> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw writeError(folder, cause);
  });
  const part = (name: ArrayName): string => join(folder, `${EVALUATION_FILES[name]}.part`);
  const write = async (name: ArrayName, firstRow: number, data: Float32Array): Promise<void> => {
    const header = npyHeader('f32', [rows, ...shapes[name]]);
    await withFile(part(name), async (handle) => {
      if (firstRow === 0) await writeAll(handle, header, 0);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      await writeAll(handle, bytes, header.length + firstRow * shapeSize(shapes[name]) * 4);
      await handle.datasync();
    });
  };
  return {
    write: async (firstRow, arrays) => {
      for (const name of ARRAYS) await write(name, firstRow, arrays[name]);
    },
    finish: async (records) => {
      for (const name of ARRAYS) {
        const file = join(folder, EVALUATION_FILES[name]);
        await rename(part(name), file).catch(async (cause: unknown) => {
          // An earlier process has done this already.
          if (!(await stat(file).catch(() => null))) throw writeError(file, cause);
        });
      }
      await writeAtomic(join(folder, EVALUATION_FILES.examples), JSON.stringify(records));
    },
  };
}

async function withFile(file: string, work: (handle: FileHandle) => Promise<void>): Promise<void> {
  try {
    const there = await stat(file).catch(() => null);
    const handle = await open(file, there ? 'r+' : 'w');
    await work(handle).finally(() => handle.close());
  } catch (cause) {
    throw writeError(file, cause);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
