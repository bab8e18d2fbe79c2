import { AppError } from '../../../../shared/domain/errors.ts';
import { asOrientation, isSideways, readTiffTags, type Orientation } from './exif.ts';
import { readBmp, readGif, readJpeg, readPng, readWebp, type Coding, type StoredHead } from './head-formats.ts';

export const PICTURE_FORMATS = ['png', 'jpeg', 'webp', 'bmp', 'tiff', 'gif', 'avif'] as const;
export type PictureFormat = (typeof PICTURE_FORMATS)[number];

/** What the beginning of a picture's file says. */
export interface PictureHead {
  readonly format: PictureFormat;
  /** Pixels, upright: EXIF rotation is taken into account. */
  readonly width: number;
  readonly height: number;
  readonly grey: boolean;
  /** Of a sample. */
  readonly bits: 8 | 16;
  readonly orientation: Orientation;
  /** Of a TIFF that libraries read in different ways, or as black; the reason why it is refused. */
  readonly refused?: string;
  readonly coding: Coding;
}

/** Pictures of more pixels than this are refused before they are decoded: one would fill gigabytes. */
export const MOST_PIXELS = 100e6;

export const NO_PICTURE = 'does not decode: it is no image of a known format, whatever its name says';
export const DAMAGED = 'does not decode: the file is damaged or cut short';
const UNSUPPORTED = 'the pixel format is not supported; save it as 8- or 16-bit grey or RGB';
const UNSUPPORTED_COMPRESSION = 'the compression is not supported; save it with LZW, Deflate or none';

/** A reason for which a picture is left out, for a person. */
export function badPicture(reason: string, cause?: unknown): AppError {
  return new AppError('bad-data', reason, { cause });
}

/**
 * Size and kind of a picture from its headers: nothing is decoded. Which format it is follows from the content,
 * never from the name.
 * @param bytes the whole file: a JPEG or TIFF that is cut short shows by its end.
 * @throws AppError `bad-data` with the reason if it is none of PICTURE_FORMATS, is cut short, or has more than MOST_PIXELS.
 */
export function readHead(bytes: Uint8Array): Promise<PictureHead> {
  return Promise.resolve().then(() => headOf(bytes));
}

/** {@link readHead} at once. */
export function headOf(bytes: Uint8Array): PictureHead {
  if (bytes.length === 0) throw badPicture('does not decode: the file is empty');
  const format = formatOf(bytes);
  if (format === null) throw badPicture(NO_PICTURE);
  const stored = readStored(format, bytes);
  if (stored === null || stored.width < 1 || stored.height < 1) throw badPicture(DAMAGED);
  const sideways = isSideways(stored.orientation);
  const { width, height } = stored;
  if (width * height > MOST_PIXELS) {
    const size = `${width.toLocaleString('en')} × ${height.toLocaleString('en')}`;
    throw badPicture(`has ${size} pixels; images above ${MOST_PIXELS / 1e6} megapixels are not decoded`);
  }
  return {
    format,
    ...stored,
    width: sideways ? height : width,
    height: sideways ? width : height,
  };
}

function formatOf(bytes: Uint8Array): PictureFormat | null {
  const text = (at: number, length: number): string => String.fromCharCode(...bytes.subarray(at, at + length));
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (text(0, 3) === '\xff\xd8\xff') return 'jpeg';
  if (text(0, 4) === 'RIFF' && text(8, 4) === 'WEBP') return 'webp';
  if (text(0, 2) === 'BM' && bytes.length > 18) return 'bmp';
  if (text(0, 4) === 'II*\0' || text(0, 4) === 'MM\0*') return 'tiff';
  if (/^GIF8[79]a$/.test(text(0, 6))) return 'gif';
  return text(4, 4) === 'ftyp' && /^avi[fs]$/.test(text(8, 4)) ? 'avif' : null;
}

function readStored(format: PictureFormat, bytes: Uint8Array): StoredHead | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    switch (format) {
      case 'png':
        return readPng(view);
      case 'jpeg':
        return readJpeg(view);
      case 'webp':
        return readWebp(view);
      case 'bmp':
        return readBmp(view);
      case 'gif':
        return readGif(view);
      case 'tiff':
        return readTiff(bytes);
      case 'avif':
        return readAvif(view, bytes);
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const TAG = { width: 256, height: 257, bits: 258, compression: 259, photometric: 262, orientation: 274 } as const;
const SAMPLE_FORMAT = 339;
/** Where strips and tiles begin, and how long they are. */
const PARTS = [
  [273, 279],
  [324, 325],
] as const;
/** Values of the tag PhotometricInterpretation (TIFF 6.0, section 8 and appendix A). */
const PHOTOMETRIC = { blackIsZero: 1, cmyk: 5, ycbcr: 6, lab: 8 } as const;
const JPEG_IN_TIFF = 7;
/** None, CCITT's three, LZW, JPEG, Deflate, PackBits, and Deflate by its former number. */
const COMPRESSIONS: readonly number[] = [1, 2, 3, 4, 5, JPEG_IN_TIFF, 8, 32_773, 32_946];

function readTiff(bytes: Uint8Array): StoredHead | null {
  const tags = readTiffTags(bytes);
  const value = (tag: number): number | undefined => tags?.get(tag)?.[0];
  const [width, height] = [value(TAG.width), value(TAG.height)];
  if (tags === null || width === undefined || height === undefined) return null;
  if (PARTS.some(([offsets, lengths]) => endsBeyond(bytes.length, tags.get(offsets), tags.get(lengths)))) return null;
  const bits = value(TAG.bits) ?? 1;
  const photometric = value(TAG.photometric) ?? PHOTOMETRIC.blackIsZero;
  const compression = value(TAG.compression) ?? 1;
  const isJpeg = compression === JPEG_IN_TIFF;
  const otherSpace = photometric >= PHOTOMETRIC.lab || photometric === (isJpeg ? PHOTOMETRIC.cmyk : PHOTOMETRIC.ycbcr);
  const notWhole = (value(SAMPLE_FORMAT) ?? 1) !== 1 || bits > 16;
  return {
    width,
    height,
    grey: photometric <= PHOTOMETRIC.blackIsZero,
    bits: bits > 8 ? 16 : 8,
    orientation: asOrientation(value(TAG.orientation)),
    coding: isJpeg ? 'jpeg' : 'other',
    ...(otherSpace || notWhole
      ? { refused: UNSUPPORTED }
      : COMPRESSIONS.includes(compression)
        ? {}
        : { refused: UNSUPPORTED_COMPRESSION }),
  };
}

function endsBeyond(size: number, offsets: readonly number[] = [], lengths: readonly number[] = []): boolean {
  return offsets.some((offset, index) => offset + (lengths[index] ?? 0) > size);
}

/** AVIF (ISO/IEC 23000-22): the box `ispe` holds the size. */
function readAvif(view: DataView, bytes: Uint8Array): StoredHead | null {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf('ispe');
  if (at < 0) return null;
  return {
    width: view.getUint32(at + 8),
    height: view.getUint32(at + 12),
    grey: false,
    bits: 8,
    orientation: 1,
    coding: 'other',
  };
}
