import type { AppError } from '../../../shared/domain/errors.ts';

/** Bytes of one block of records at most, unless one record has more. */
export const BLOCK_BYTES = 4 * 2 ** 20;

/** Some whole records of a stream. */
export interface RecordBlock {
  /** Number of the first record. */
  readonly first: number;
  readonly count: number;
  /** [count, stride]; memory of its own. */
  readonly bytes: Uint8Array;
}

interface Layout {
  /** Bytes of one record. */
  readonly stride: number;
  /** Records that the stream holds. */
  readonly count: number;
  /** Number of the record with which the stream begins. */
  readonly first: number;
  /** Records of a block; as many as fit into `BLOCK_BYTES` if left out. */
  readonly perBlock?: number;
}

/**
 * Cuts a stream of bytes into blocks of whole records.
 * @param wrong makes the error of a stream that has fewer or more bytes than `expected`; both counted from record 0, `found` no further than a block beyond what was expected.
 */
export async function* cutRecords(
  chunks: AsyncIterable<Uint8Array>,
  { stride, count, first, perBlock = recordsPerBlock(stride) }: Layout,
  wrong: (expected: number, found: number) => AppError,
): AsyncGenerator<RecordBlock> {
  let next = first;
  let block = new Uint8Array(Math.min(perBlock, count - next) * stride);
  let filled = 0;
  let extra = 0;
  for await (let chunk of chunks) {
    while (chunk.length > 0 && next < count) {
      const take = Math.min(chunk.length, block.length - filled);
      block.set(chunk.subarray(0, take), filled);
      filled += take;
      chunk = chunk.subarray(take);
      if (filled < block.length) continue;
      const records = block.length / stride;
      yield { first: next, count: records, bytes: block };
      next += records;
      filled = 0;
      block = new Uint8Array(Math.min(perBlock, count - next) * stride);
    }
    extra += chunk.length;
    if (extra > BLOCK_BYTES) break;
  }
  const found = next * stride + filled + extra;
  if (found !== count * stride) throw wrong(count * stride, found);
}

/** As many records of `stride` bytes as a block holds, one at least. */
export function recordsPerBlock(stride: number): number {
  return Math.max(1, Math.floor(BLOCK_BYTES / stride));
}
