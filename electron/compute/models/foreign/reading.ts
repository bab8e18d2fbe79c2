import { AppError } from '../../../../shared/domain/errors.ts';
import type { ModelReading } from '../../../../shared/domain/model.ts';
import type { ImageShape } from '../../../../shared/domain/shape.ts';
import type { Predictor } from '../predictor.ts';
import type { ForeignSession } from './session.ts';

/** Below the smallest normal float32: the logarithm of a probability that was rounded to 0. */
const SMALLEST_PROBABILITY = 1e-38;

/** Extents of an input in the reading's order. */
export function extentsOf(layout: ModelReading['layout'], [height, width, channels]: ImageShape): readonly number[] {
  return layout === 'nhwc' ? [height, width, channels] : [channels, height, width];
}

/**
 * Pixels as a model takes them.
 * @param images pixels in [0, 1], [count, height, width, channels]; stays as it is.
 * @throws AppError `invalid-input` if the normalisation is for other channels.
 */
export function readPixels(reading: ModelReading, images: Float32Array, shape: ImageShape): Float32Array {
  const [height, width, channels] = shape;
  const { mean, deviation } = reading.normalisation ?? { mean: [], deviation: [] };
  if (reading.normalisation && (mean.length !== channels || deviation.length !== channels)) {
    throw new AppError(
      'invalid-input',
      `The normalisation has ${mean.length} means and ${deviation.length} deviations, but images have ${channels} channels.`,
      { details: { field: 'reading.normalisation', expected: channels, found: mean.length } },
    );
  }
  const scale = reading.range === 'bytes' ? 255 : reading.range === 'signed' ? 2 : 1;
  const shift = reading.range === 'signed' ? -1 : 0;
  const area = height * width;
  const size = area * channels;
  const input = new Float32Array(images.length);
  for (let at = 0; at < images.length; at += 1) {
    const channel = at % channels;
    const value = (images[at] ?? 0) * scale + shift;
    const pixel = reading.normalisation ? (value - (mean[channel] ?? 0)) / (deviation[channel] ?? 1) : value;
    const place = at % size;
    const to = reading.layout === 'nhwc' ? at : at - place + channel * area + (place - channel) / channels;
    input[to] = pixel;
  }
  return input;
}

/**
 * A model with a reading as a predictor. The session stays the caller's until the predictor is disposed of, and goes
 * with it.
 */
export function createPredictor(
  session: ForeignSession,
  reading: ModelReading,
  shape: ImageShape,
  classes: number,
): Predictor {
  const extents = extentsOf(reading.layout, shape);
  return {
    logits: async (images, count) => {
      const output = await session.run(readPixels(reading, images, shape), count, extents);
      if (output.length !== count * classes) {
        const found = count === 0 ? 0 : output.length / count;
        throw new AppError('bad-data', `The model gives ${found} numbers for an image, not ${classes}.`, {
          details: { expected: classes, found },
        });
      }
      if (reading.output === 'logits') return output;
      return output.map((probability) => Math.log(Math.max(SMALLEST_PROBABILITY, probability)));
    },
    dispose: () => session.dispose(),
  };
}
