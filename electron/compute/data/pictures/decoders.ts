/**
 * Which library decodes what, and why.
 *
 * - `@napi-rs/image` (the Rust crates image, png, image-webp and tiff) reads PNG, BMP, WebP, TIFF, AVIF and CMYK JPEGs on
 *   threads of its own, without a system library, and equals Pillow bit for bit in all of them but the last (one level).
 *   It reads no GIF and no TIFF with a palette or with grey and alpha.
 * - `@julusian/jpeg-turbo` (libjpeg-turbo) reads JPEGs of which four pixels or more become one. It decodes into memory that
 *   is given to it; results that Electron has to copy into memory of its own take longer than the decoding itself.
 *   It always uses the fast cosine transform, whose errors the average removes: 17 Flowers at 64 × 64 differ from Pillow's
 *   plain `resize` by 0.28 levels on average, Pillow's own `draft` and `thumbnail` by 0.68.
 * - `wasm-vips`, libvips compiled to WebAssembly, reads the rest, and JPEGs that keep their size: its libjpeg equals Pillow's bit
 *   for bit. It takes some times as long, and a quarter of a second to start.
 * - `sharp`, the usual binding of libvips, is not used: its own GLib and the one that Electron links on Linux take each
 *   other's objects. Electron 42 with sharp 0.35.5 prints `GLib-GObject-CRITICAL: g_object_unref: assertion 'G_IS_OBJECT
 *   (object)' failed` at the first picture on Debian 12, and on GLib 2.80 and later it ends the process
 *   (github.com/electron/electron/issues/46323, github.com/lovell/sharp/issues/4522, 4525). It warns of that at each
 *   start, and no setting separates the two.
 */
import { Transformer } from '@napi-rs/image';
import { badPicture, DAMAGED, MOST_PIXELS, type PictureHead } from './head.ts';
import { isSideways } from './exif.ts';
import { decodeJpegFast } from './jpeg-fast.ts';
import type { RawPicture } from './target.ts';
import { decodeWithVips } from './vips.ts';

/**
 * All pixels of a picture as they are stored: not turned upright, CMYK as RGB.
 * @param exact whether a JPEG has to equal libjpeg's output; else it may differ by a few levels here and there.
 * @param use gets the picture, whose samples may be gone after it.
 * @throws AppError `bad-data` with the reason if it does not decode.
 */
export async function decodeRaw<T>(
  bytes: Uint8Array,
  head: PictureHead,
  exact: boolean,
  use: (raw: RawPicture) => T,
): Promise<T> {
  if (head.refused !== undefined) throw badPicture(head.refused);
  const sideways = isSideways(head.orientation);
  const width = sideways ? head.height : head.width;
  const height = sideways ? head.width : head.height;
  const isJpeg = head.format === 'jpeg' && head.coding === 'jpeg';
  if (isJpeg && !exact) return decodeJpegFast(bytes, { width, height, grey: head.grey }, use);
  const byVips = head.format === 'gif' || head.coding === 'jpeg';
  const raw = byVips ? await decodeWithVips(bytes) : await decodeByRust(bytes, head, width, height);
  if (raw.width !== width || raw.height !== height || raw.data.length !== width * height * raw.channels) {
    throw badPicture(DAMAGED);
  }
  return use(raw);
}

async function decodeByRust(bytes: Uint8Array, head: PictureHead, width: number, height: number): Promise<RawPicture> {
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
