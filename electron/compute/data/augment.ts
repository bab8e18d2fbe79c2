import { AppError } from '../../../shared/domain/errors.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import type { TrainerSettings } from '../../../shared/domain/training.ts';
import type { RandomStream } from '../random/stream.ts';

/** byte / 255, rounded once to float32. */
const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** How training images are varied. Lengths in pixels; 0 and false switch a part off. */
export type Augmentation = Pick<TrainerSettings, 'flip' | 'cropPadding' | 'cutout'>;

/** What happens to one image in one epoch. */
export interface Variation {
  /** Mirrored left to right. */
  readonly mirrored: boolean;
  /** Corner of the crop in the padded image, each in 0 … 2 · cropPadding: cropPadding is the middle. */
  readonly top: number;
  readonly left: number;
  /** Centre of the hole. */
  readonly holeRow: number;
  readonly holeColumn: number;
}

export const isAugmented = ({ flip, cropPadding, cutout }: Augmentation): boolean =>
  flip || cropPadding > 0 || cutout > 0;

/** @throws AppError `invalid-input` that names the setting which does not fit images of this size. */
export function checkAugmentation(augmentation: Augmentation, [height, width]: ImageShape): void {
  const side = Math.min(height, width);
  for (const key of ['cropPadding', 'cutout'] as const) {
    if (augmentation[key] < side) continue;
    throw new AppError(
      'invalid-input',
      `${key}: ${augmentation[key]} pixels are too many for images of ${width} × ${height}; it must be less than ${side}.`,
      { details: { field: `trainer.${key}`, found: augmentation[key], expected: `less than ${side}` } },
    );
  }
}

/**
 * Draws a variation. Every part is drawn, in one order, also those that are switched off: switching one on leaves the
 * others as they were.
 * @param random stream (seed, 'augment', example, epoch)
 */
export function drawVariation(random: RandomStream, augmentation: Augmentation, shape: ImageShape): Variation {
  const [height, width] = shape;
  const places = 2 * augmentation.cropPadding + 1;
  return {
    mirrored: random.bits() >>> 31 === 1 && augmentation.flip,
    top: random.integer(places),
    left: random.integer(places),
    holeRow: random.integer(height),
    holeColumn: random.integer(width),
  };
}

/**
 * Writes one image as float32 in [0, 1], varied: a crop of the image padded with black on all sides, then mirrored (He et
 * al. 2016, 1512.03385, section 4.2, there with 4 pixels), then a square of `cutout` pixels at a random place painted over,
 * cut off at the border (DeVries & Taylor 2017, 1708.04552, section 3: the value is the data's mean).
 * Pixels stay in [0, 1], where ε is measured: a network that wants its inputs normalised (mean, deviation) does that
 * itself, as its first layer, so that an attack sees it.
 * @param bytes pixels of many images; the image starts at `from`.
 * @param into likewise, from `to`.
 * @param fill colour of the hole, [channels] in [0, 1].
 */
export function writeVaried(
  bytes: Uint8Array,
  from: number,
  into: Float32Array,
  to: number,
  shape: ImageShape,
  { cropPadding, cutout }: Augmentation,
  variation: Variation,
  fill: readonly number[],
): void {
  const [height, width, channels] = shape;
  const down = variation.top - cropPadding;
  const across = variation.left - cropPadding;
  const step = variation.mirrored ? -channels : channels;
  // Columns of the result that show the image; the others show the border.
  const first = Math.max(0, variation.mirrored ? across : -across);
  const end = Math.min(width, width + (variation.mirrored ? across : -across));
  const firstSource = (variation.mirrored ? width - 1 - first : first) + across;
  for (let row = 0; row < height; row += 1) {
    const rowStart = to + row * width * channels;
    const sourceRow = row + down;
    if (sourceRow < 0 || sourceRow >= height) {
      into.fill(0, rowStart, rowStart + width * channels);
      continue;
    }
    into.fill(0, rowStart, rowStart + first * channels);
    into.fill(0, rowStart + end * channels, rowStart + width * channels);
    let source = from + (sourceRow * width + firstSource) * channels;
    for (let at = rowStart + first * channels; at < rowStart + end * channels; at += channels) {
      for (let channel = 0; channel < channels; channel += 1) {
        into[at + channel] = UNIT[bytes[source + channel] ?? 0] ?? 0;
      }
      source += step;
    }
  }
  if (cutout === 0) return;
  const firstRow = variation.holeRow - Math.floor(cutout / 2);
  const firstColumn = variation.holeColumn - Math.floor(cutout / 2);
  for (let row = Math.max(0, firstRow); row < Math.min(height, firstRow + cutout); row += 1) {
    for (let column = Math.max(0, firstColumn); column < Math.min(width, firstColumn + cutout); column += 1) {
      const at = to + (row * width + column) * channels;
      for (let channel = 0; channel < channels; channel += 1) into[at + channel] = fill[channel] ?? 0;
    }
  }
}

/** Writes images as float32 in [0, 1]: byte / 255, rounded once. */
export function writePlain(bytes: Uint8Array, into: Float32Array): void {
  for (let at = 0; at < bytes.length; at += 1) into[at] = UNIT[bytes[at] ?? 0] ?? 0;
}
