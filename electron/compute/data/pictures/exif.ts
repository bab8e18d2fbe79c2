/** How a picture is stored: 1 upright, 2–8 as EXIF's tag Orientation names them (JEITA CP-3451, 4.6.4 A). */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Whether width and height change places when the picture is turned upright. */
export function isSideways(orientation: Orientation): boolean {
  return orientation >= 5;
}

export function asOrientation(value: number | undefined): Orientation {
  return value !== undefined && Number.isInteger(value) && value >= 1 && value <= 8 ? (value as Orientation) : 1;
}

/** Entries of the first directory of a TIFF block that hold whole numbers. */
export type TiffTags = ReadonlyMap<number, readonly number[]>;

const BYTES_OF_TYPE: Readonly<Record<number, 1 | 2 | 4>> = { 1: 1, 3: 2, 4: 4 };
/** Pictures of more strips than this are not whole in memory anyway. */
const MOST_VALUES = 1_000_000;

/**
 * Whole numbers of the first directory of a TIFF block, which is also how EXIF lies in other files.
 * @returns null if it is no TIFF block or ends early.
 */
export function readTiffTags(bytes: Uint8Array): TiffTags | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) return null;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return null;
  const little = order === 0x4949;
  if (view.getUint16(2, little) !== 42) return null;
  const start = view.getUint32(4, little);
  if (start + 2 > bytes.length) return null;
  const tags = new Map<number, number[]>();
  const count = view.getUint16(start, little);
  for (let entry = 0; entry < count; entry++) {
    const at = start + 2 + 12 * entry;
    if (at + 12 > bytes.length) return null;
    const size = BYTES_OF_TYPE[view.getUint16(at + 2, little)];
    if (size === undefined) continue;
    const values = Math.min(view.getUint32(at + 4, little), MOST_VALUES);
    const from = view.getUint32(at + 4, little) * size <= 4 ? at + 8 : view.getUint32(at + 8, little);
    if (from + values * size > bytes.length) return null;
    const read = (index: number): number => {
      const place = from + index * size;
      if (size === 1) return view.getUint8(place);
      return size === 2 ? view.getUint16(place, little) : view.getUint32(place, little);
    };
    tags.set(
      view.getUint16(at, little),
      Array.from({ length: values }, (_, index) => read(index)),
    );
  }
  return tags;
}

const ORIENTATION = 0x112;

/** The orientation that an EXIF block names; with or without the `Exif` that JPEG puts before it. */
export function exifOrientation(bytes: Uint8Array): Orientation {
  const named = bytes[0] === 0x45 && bytes[1] === 0x78 && bytes[2] === 0x69 && bytes[3] === 0x66;
  return asOrientation(readTiffTags(named ? bytes.subarray(6) : bytes)?.get(ORIENTATION)?.[0]);
}
