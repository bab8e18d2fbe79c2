import { exifOrientation, type Orientation } from './exif.ts';

/** Which JPEG there is, if any: pictures of three or one components, of four (CMYK), or none. */
export type Coding = 'jpeg' | 'jpeg-cmyk' | 'other';

/** What a file's header says, in the orientation in which it is stored. */
export interface StoredHead {
  readonly width: number;
  readonly height: number;
  readonly grey: boolean;
  readonly bits: 8 | 16;
  readonly orientation: Orientation;
  readonly coding: Coding;
  readonly refused?: string;
}

const chunkAt = (view: DataView, at: number, length: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + at, Math.max(0, Math.min(length, view.byteLength - at)));

const tagAt = (view: DataView, at: number): string => String.fromCharCode(...chunkAt(view, at, 4));

/** PNG (ISO/IEC 15948): the chunk IHDR; PLTE says whether a palette is grey, eXIf the orientation. */
export function readPng(view: DataView): StoredHead {
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const kind = view.getUint8(25);
  let grey = kind === 0 || kind === 4;
  let orientation: Orientation = 1;
  for (let at = 8; at + 12 <= view.byteLength;) {
    const length = view.getUint32(at);
    const tag = tagAt(view, at + 4);
    if (tag === 'PLTE' && kind === 3) grey = isGrey(chunkAt(view, at + 8, length), 3);
    if (tag === 'eXIf') orientation = exifOrientation(chunkAt(view, at + 8, length));
    at += 12 + length;
  }
  return { width, height, grey, bits: view.getUint8(24) === 16 ? 16 : 8, orientation, coding: 'other' };
}

/**
 * JPEG (ITU-T T.81, annex B): the first start of a frame, and EXIF in an APP1 before it. Null without a frame, or without
 * the end of the image after it: decoders fill what is missing with grey and say nothing.
 */
export function readJpeg(view: DataView): StoredHead | null {
  let orientation: Orientation = 1;
  for (let at = 2; ;) {
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at += 1;
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (isStandalone(marker)) {
      at += 2;
      continue;
    }
    const length = view.getUint16(at + 2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      if (!isWhole(view, at)) return null;
      const components = view.getUint8(at + 9);
      return {
        width: view.getUint16(at + 7),
        height: view.getUint16(at + 5),
        grey: components === 1,
        bits: view.getUint8(at + 4) > 8 ? 16 : 8,
        orientation,
        coding: components === 4 ? 'jpeg-cmyk' : 'jpeg',
      };
    }
    if (marker === 0xd9 || marker === 0xda) return null;
    if (marker === 0xe1 && tagAt(view, at + 4) === 'Exif')
      orientation = exifOrientation(chunkAt(view, at + 4, length - 2));
    at += 2 + length;
  }
}

/** Whether an end of image follows; a thumbnail within EXIF, which has one of its own, lies before the frame. */
function isWhole(view: DataView, frame: number): boolean {
  return (
    Buffer.from(view.buffer, view.byteOffset, view.byteLength).lastIndexOf('\xff\xd9', undefined, 'latin1') > frame
  );
}

const isStandalone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** WebP (RFC 9649): the canvas of VP8X, or the frame of VP8 or VP8L. */
export function readWebp(view: DataView): StoredHead | null {
  let size: { width: number; height: number } | null = null;
  let orientation: Orientation = 1;
  for (let at = 12; at + 8 <= view.byteLength;) {
    const tag = tagAt(view, at);
    const length = view.getUint32(at + 4, true);
    const body = at + 8;
    if (tag === 'VP8X') size = { width: 1 + uint24(view, body + 4), height: 1 + uint24(view, body + 7) };
    if (tag === 'VP8 ' && size === null) {
      size = { width: view.getUint16(body + 6, true) & 0x3fff, height: view.getUint16(body + 8, true) & 0x3fff };
    }
    if (tag === 'VP8L' && size === null) {
      const packed = view.getUint32(body + 1, true);
      size = { width: 1 + (packed & 0x3fff), height: 1 + ((packed >> 14) & 0x3fff) };
    }
    if (tag === 'EXIF') orientation = exifOrientation(chunkAt(view, body, length));
    at = body + length + (length % 2);
  }
  return size && { ...size, grey: false, bits: 8, orientation, coding: 'other' };
}

const uint24 = (view: DataView, at: number): number => view.getUint16(at, true) + 65_536 * view.getUint8(at + 2);

/** BMP: the header of OS/2 1.x (12 bytes) or of Windows (40 and more); a negative height means top down. */
export function readBmp(view: DataView): StoredHead {
  const header = view.getUint32(14, true);
  const old = header === 12;
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
  const height = Math.abs(old ? view.getUint16(20, true) : view.getInt32(22, true));
  const depth = view.getUint16(old ? 24 : 28, true);
  const colours = old || depth > 8 ? 0 : view.getUint32(46, true);
  const entry = old ? 3 : 4;
  const palette = chunkAt(view, 14 + header, entry * (colours || 2 ** depth));
  return { width, height, grey: depth <= 8 && isGrey(palette, entry), bits: 8, orientation: 1, coding: 'other' };
}

/** GIF (GIF89a, sections 18 and 19): the logical screen; grey if its global palette is. */
export function readGif(view: DataView): StoredHead {
  const flags = view.getUint8(10);
  const palette = chunkAt(view, 13, 3 * 2 ** ((flags & 7) + 1));
  return {
    width: view.getUint16(6, true),
    height: view.getUint16(8, true),
    grey: (flags & 0x80) !== 0 && isGrey(palette, 3),
    bits: 8,
    orientation: 1,
    coding: 'other',
  };
}

function isGrey(palette: Uint8Array, entry: 3 | 4): boolean {
  for (let at = 0; at + entry <= palette.length; at += entry) {
    if (palette[at] !== palette[at + 1] || palette[at] !== palette[at + 2]) return false;
  }
  return palette.length > 0;
}
