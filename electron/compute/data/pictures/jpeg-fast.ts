import jpeg from '@julusian/jpeg-turbo';
import { badPicture, DAMAGED } from './head.ts';
import type { RawPicture } from './target.ts';

/** Memory that the decoder writes to, used again and again: fresh memory costs more time than the decoding. */
const free: Buffer[] = [];
const MOST_FREE = 16;
/** Larger pictures get memory of their own, which goes with them. */
const MOST_KEPT_BYTES = 16 * 2 ** 20;
const STEP = 2 ** 18;

function take(bytes: number): Buffer {
  const at = free.findIndex((buffer) => buffer.length >= bytes);
  const [found] = at < 0 ? [] : free.splice(at, 1);
  return found ?? Buffer.allocUnsafeSlow(Math.ceil(bytes / STEP) * STEP);
}

function giveBack(buffer: Buffer): void {
  if (buffer.length <= MOST_KEPT_BYTES && free.length < MOST_FREE) free.push(buffer);
}

/**
 * The fast transform cuts fractions where the accurate one rounds (jidctfst.c, IDESCALE): each of Y, Cb and Cr is half a
 * level low on average, a little less as some are whole. In RGB by the matrix of JFIF; the same was measured on photographs
 * of qualities 50 to 98, with and without subsampled chroma (red −1.12, green 0.01, blue −1.25, grey −0.48).
 */
const CUT = 0.47;
const TOO_LOW = {
  grey: [CUT],
  rgb: [CUT * (1 + 1.402), CUT * (1 - 0.344136 - 0.714136), CUT * (1 + 1.772)],
} as const;

/**
 * A JPEG of one or three components by libjpeg-turbo with its fast cosine transform, on another thread: single samples are
 * some levels off, most of all where the quality is high.
 * @param use gets the picture, whose samples are gone after it.
 * @throws AppError `bad-data` if it is damaged.
 */
export async function decodeJpegFast<T>(
  bytes: Uint8Array,
  { width, height, grey }: { readonly width: number; readonly height: number; readonly grey: boolean },
  use: (raw: RawPicture) => T,
): Promise<T> {
  const channels = grey ? 1 : 3;
  const memory = take(width * height * channels);
  try {
    const coded = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const found = await jpeg
      .decompress(coded, memory, { format: grey ? jpeg.FORMAT_GRAY : jpeg.FORMAT_RGB })
      .catch((cause: unknown) => {
        throw badPicture(DAMAGED, cause);
      });
    if (found.width !== width || found.height !== height) throw badPicture(DAMAGED);
    const data = new Uint8Array(memory.buffer, memory.byteOffset, width * height * channels);
    return use({ width, height, channels, data, tooLow: grey ? TOO_LOW.grey : TOO_LOW.rgb });
  } finally {
    giveBack(memory);
  }
}
