import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { AppError } from '../../../../shared/domain/errors.ts';
import { badData } from '../../arrays/byte-stream.ts';

export type ArchiveKind = 'zip' | 'tar' | 'tar.gz' | 'tar.xz' | 'tar.zst';

const HEAD_BYTES = 4096;
/** Offset of `ustar` in a header of tar (POSIX.1-1988). */
const TAR_MAGIC = 257;
const ARCHIVE_NAME = /\.(zip|tar|tgz|txz|tzst|tar\.(gz|xz|zst))$/i;
const GZIPPED_TAR = /\.(tar\.gz|tgz)$/i;

const begins = (head: Uint8Array, ...bytes: readonly number[]): boolean => bytes.every((byte, at) => head[at] === byte);

/**
 * What kind of archive a file is, by its content; null for a file that is none. NPZ files, though zip archives, are data.
 * @throws AppError `unsupported` for archives that are not read, `bad-data` for a file that is none but has the name of one.
 */
export async function archiveKind(path: string): Promise<ArchiveKind | null> {
  const name = basename(path);
  const head = await headOfFile(path);
  if (begins(head, 0x50, 0x4b, 3, 4) || begins(head, 0x50, 0x4b, 5, 6)) return /\.npz$/i.test(name) ? null : 'zip';
  if (begins(head, 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) return 'tar.xz';
  if (begins(head, 0x28, 0xb5, 0x2f, 0xfd)) return 'tar.zst';
  if (begins(head, 0x1f, 0x8b)) return GZIPPED_TAR.test(name) || holdsTar(head) ? 'tar.gz' : null;
  if (isTarHead(head)) return 'tar';
  const foreign = begins(head, 0x42, 0x5a, 0x68)
    ? 'bzip2'
    : begins(head, 0x37, 0x7a, 0xbc, 0xaf)
      ? '7z'
      : begins(head, 0x52, 0x61, 0x72, 0x21)
        ? 'RAR'
        : null;
  if (foreign !== null) {
    throw new AppError(
      'unsupported',
      `${path} is compressed by ${foreign}, which is not read. Unpack it and choose the folder, or pack it as zip, tar, tar.gz, tar.xz or tar.zst.`,
      { details: { file: path } },
    );
  }
  if (ARCHIVE_NAME.test(name)) {
    if (head.length === 0) throw badData(path, 'is empty (0 bytes). Download it again');
    // The first tars, of 1979, have no mark of their own; their headers have a checksum.
    if (/\.tar$/i.test(name)) return 'tar';
    throw badData(path, 'has the name of an archive but does not begin like one. Download it again');
  }
  return null;
}

/** Whether bytes begin with a header of tar. */
export function isTarHead(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(TAR_MAGIC, TAR_MAGIC + 5)).toString('latin1') === 'ustar';
}

function holdsTar(head: Uint8Array): boolean {
  try {
    return isTarHead(gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }));
  } catch {
    return false;
  }
}

async function headOfFile(path: string): Promise<Uint8Array> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new AppError('io', `${path} cannot be opened. Check its permissions.`, { cause, details: { file: path } });
  });
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw new AppError('io', `${path} cannot be read. Check the disk that it lies on.`, {
      cause,
      details: { file: path },
    });
  } finally {
    await handle.close();
  }
}
