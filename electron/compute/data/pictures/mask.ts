import { decodeRaw } from './decoders.ts';
import { badPicture, headOf, type PictureHead } from './head.ts';
import type { Target } from './target.ts';
import { transform } from './transform.ts';

/** Rounding of one side when a picture was scaled; more is another picture. */
const ROUNDING = 1;

/**
 * The key area of an image from a mask picture: the mask goes through the image's own geometry, without mixing pixels.
 * Pixels at least half as bright as the mask's brightest are inside, so that masks of 0 and 1 work as those of 0 and 255 do;
 * transparent ones, and what padding adds, are outside.
 * @param image size of the image that the mask belongs to, upright.
 * @returns [height, width] of the target: 255 inside, 0 outside.
 * @throws AppError `bad-data` with the reason if the mask does not decode, or has not the image's proportions.
 */
export async function decodeMask(
  bytes: Uint8Array,
  target: Pick<Target, 'width' | 'height' | 'fit'>,
  image: Pick<PictureHead, 'width' | 'height'>,
): Promise<Uint8Array> {
  const head = headOf(bytes);
  requireProportions(head, image);
  const { width, height, fit } = target;
  const light: Target = { width, height, fit, channels: 1, padColour: '#000000', filter: 'nearest', depth: 'f32' };
  const grey = await decodeRaw(bytes, head, true, (raw) => transform(raw, head.orientation, light));
  let brightest = 0;
  for (const value of grey) brightest = Math.max(brightest, value);
  return Uint8Array.from(grey, (value) => (value > 0 && value >= brightest / 2 ? 255 : 0));
}

function requireProportions(mask: PictureHead, image: Pick<PictureHead, 'width' | 'height'>): void {
  const scale = mask.width / image.width;
  const agrees =
    Math.abs(mask.height - scale * image.height) <= ROUNDING ||
    Math.abs(mask.width - (mask.height / image.height) * image.width) <= ROUNDING;
  if (agrees) return;
  throw badPicture(
    `its key area is ${mask.width} × ${mask.height} pixels, the image ${image.width} × ${image.height}: their proportions differ`,
  );
}
