import type { ImageShape } from '../../../../shared/domain/shape.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { Samples, Target } from './target.ts';
import { transform } from './transform.ts';

/**
 * Rows of an array brought to the target, as {@link decodePicture} brings pictures: the same placing, filters, channels and
 * depth; two and four channels end with alpha. Rows that need no change come back as they are, without a copy.
 * @param pixels [rows, height, width, channels]: 0…255, 0…65,535 or [0, 1], by its type.
 * @param shape [height, width, channels] of a row.
 * @returns [rows, height, width, channels] of the target: bytes 0…255, or float32 in [0, 1].
 * @throws AppError `bad-data` for a row of other than 1 to 4 channels.
 */
export function transformRows(pixels: Samples, shape: ImageShape, target: Target): Uint8Array | Float32Array {
  const [height, width, channels] = shape;
  const stride = height * width * channels;
  const isSame = height === target.height && width === target.width && channels === target.channels;
  if (isSame && target.depth === 'u8' && pixels instanceof Uint8Array) return pixels;
  if (isSame && target.depth === 'f32' && pixels instanceof Float32Array) return pixels;
  if (channels !== 1 && channels !== 2 && channels !== 3 && channels !== 4) {
    throw new AppError(
      'bad-data',
      `Images of ${channels} channels are not read: grey, grey with alpha, RGB, or RGB with alpha are.`,
      { details: { found: channels } },
    );
  }
  const rows = pixels.length / stride;
  const size = target.width * target.height * target.channels;
  const out = target.depth === 'u8' ? new Uint8Array(rows * size) : new Float32Array(rows * size);
  for (let row = 0; row < rows; row++) {
    const data = pixels.subarray(row * stride, (row + 1) * stride);
    out.set(transform({ width, height, channels, data }, 1, target), row * size);
  }
  return out;
}
