/**
 * Which library decodes what, and why.
 *
 * - `@napi-rs/image` (the Rust crates image, zune-jpeg, png, image-webp and tiff) decodes on threads of its own, without a
 *   system library. It equals Pillow bit for bit in PNG, BMP, WebP and TIFF, and is as fast. It reads no GIF and no TIFF
 *   with a palette or with grey and alpha. Its JPEG differs from libjpeg's by up to 5 levels in a few of 10,000 samples where
 *   chroma is subsampled (mean 0.1–0.3), which no longer shows once four pixels or more become one.
 * - `wasm-vips`, libvips compiled to WebAssembly, reads the rest, and JPEGs that keep their size: its libjpeg equals Pillow's bit for
 *   bit. A JPEG costs three times as much time as above.
 * - `sharp`, the usual binding of libvips, is not used: its own GLib and the one that Electron links on Linux take each
 *   other's objects. Electron 42 with sharp 0.35.5 prints `GLib-GObject-CRITICAL: g_object_unref: assertion 'G_IS_OBJECT
 *   (object)' failed` at the first picture on Debian 12, and on GLib 2.80 and later it ends the process
 *   (github.com/electron/electron/issues/46323, github.com/lovell/sharp/issues/4522, 4525). It warns of that at each
 *   start, and no setting separates the two.
 */
import { Transformer } from '@napi-rs/image';
import { badPicture, DAMAGED, MOST_PIXELS, type PictureHead } from './head.ts';
import { isSideways } from './exif.ts';
import type { RawPicture } from './target.ts';
import { decodeWithVips } from './vips.ts';

/**
 * All pixels of a picture as they are stored: not turned upright, CMYK as RGB.
 * @param exact whether a JPEG has to equal libjpeg's output; else it may differ by a few levels here and there.
 * @throws AppError `bad-data` with the reason if it does not decode.
 */
export async function decodeRaw(bytes: Uint8Array, head: PictureHead, exact: boolean): Promise<RawPicture> {
  if (head.refused !== undefined) throw badPicture(head.refused);
  const sideways = isSideways(head.orientation);
  const width = sideways ? head.height : head.width;
  const height = sideways ? head.width : head.height;
  const byVips = head.format === 'gif' || (head.coding === 'jpeg' && (exact || head.format === 'tiff'));
  const raw = byVips ? await decodeWithVips(bytes) : await decodeFast(bytes, head, width, height);
  if (raw.width !== width || raw.height !== height || raw.data.length !== width * height * raw.channels) {
    throw badPicture(DAMAGED);
  }
  return raw;
}

async function decodeFast(bytes: Uint8Array, head: PictureHead, width: number, height: number): Promise<RawPicture> {
  const picture = new Transformer(bytes);
  let data: Buffer;
  try {
    data = await picture.rawPixels();
  } catch (cause) {
    if (head.format === 'tiff' && cause instanceof Error && /support/.test(cause.message)) return decodeWithVips(bytes);
    throw badPicture(DAMAGED, cause);
  }
  return layOut(data, width, height, head.bits);
}

/** Samples by how many bytes a pixel has; 16-bit ones are little-endian, as every machine is that this runs on. */
function layOut(data: Buffer, width: number, height: number, bits: 8 | 16): RawPicture {
  const pixels = width * height;
  const each = data.length / pixels;
  const channels = bits === 16 ? each / 2 : each;
  if (pixels > MOST_PIXELS || !isChannels(channels)) throw badPicture(DAMAGED);
  // A Buffer is no plain array of bytes: its `slice` shares memory.
  if (bits === 8) return { width, height, channels, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
  const aligned = data.byteOffset % 2 === 0 ? data : Uint8Array.from(data);
  return { width, height, channels, data: new Uint16Array(aligned.buffer, aligned.byteOffset, data.length / 2) };
}

const isChannels = (value: number): value is 1 | 2 | 3 | 4 => [1, 2, 3, 4].includes(value);
