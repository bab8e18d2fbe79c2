import { reduction } from './geometry.ts';
import { decodeRaw } from './decoders.ts';
import { headOf, type PictureHead } from './head.ts';
import { isSideways } from './exif.ts';
import { createRoom } from './room.ts';
import type { Target } from './target.ts';
import { placeTurned, transform } from './transform.ts';

/** A picture as a data set keeps it. */
export interface DecodedPicture {
  /** [height, width, channels] of the target: bytes 0…255, or float32 in [0, 1]. */
  readonly pixels: Uint8Array | Float32Array;
  readonly head: PictureHead;
}

/** Source pixels, along a side, that become one, from which on a JPEG's chroma need not be libjpeg's to the last level. */
const COARSE = 2;

/** Pixels that are decoded at once: large pictures take turns, whatever number of them is asked for. */
const room = createRoom(24e6);

/**
 * Decodes a picture and brings it to the target: upright, placed as its `fit` says, resampled, in its channels and depth.
 * Content decides about the format. At its own size a picture of a lossless format has exactly the pixels that Pillow
 * reads, a JPEG or lossy WebP those within 2 levels.
 * @throws AppError `bad-data` whose message is the reason for leaving the picture out.
 */
export async function decodePicture(bytes: Uint8Array, target: Target): Promise<DecodedPicture> {
  const head = headOf(bytes);
  const sideways = isSideways(head.orientation);
  const [width, height] = sideways ? [head.height, head.width] : [head.width, head.height];
  const exact = reduction(placeTurned(width, height, head.orientation, target)) < COARSE;
  const pixels = await room.use(width * height, () =>
    decodeRaw(bytes, head, exact, (raw) => transform(raw, head.orientation, target)),
  );
  return { pixels, head };
}
