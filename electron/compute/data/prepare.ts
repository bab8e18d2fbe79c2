import type { ImageShape } from '../../../shared/domain/shape.ts';
import { imageSize } from '../attacks/base/examples.ts';
import { fillStart, type StartPoints } from '../attacks/base/start.ts';
import { stream, type RandomStream } from '../random/stream.ts';
import { drawVariation, isAugmented, writePlain, writeVaried, type Augmentation } from './augment.ts';

/** What all batches of a training have in common. Plain data, so that another thread can have it. */
export interface BatchRecipe {
  readonly shape: ImageShape;
  readonly seed: number;
  readonly augmentation: Augmentation;
  /** Colour of cut-outs, [channels] in [0, 1]. */
  readonly fill: readonly number[];
  /** Deviation of Gaussian noise on the images, which are cut to [0, 1] again; 0: none. */
  readonly noise: number;
  /** Whether the inner attack starts at a random point of its ball. */
  readonly randomStart: boolean;
  /** Deviation of the normal noise that it starts with instead, see `StartPlan`. */
  readonly startNoise?: number;
}

/** One batch: everything that its numbers depend on, besides the recipe. */
export interface BatchRequest {
  readonly step: number;
  /** From 0; part of the keys of the examples' streams. */
  readonly epoch: number;
  /** Positions in the data set. */
  readonly positions: Uint32Array;
  /** Radius of the inner attack; null for trainings without one. */
  readonly epsilon: number | null;
}

/** Memory of a batch, for the most examples that one has; `points` where there is an inner attack. */
export interface BatchMemory {
  readonly images: Float32Array;
  readonly points: StartPoints | null;
}

/** A batch's part of its memory, [examples, height, width, channels] each. */
export function batchViews({ images, points }: BatchMemory, values: number): BatchMemory {
  return {
    images: images.subarray(0, values),
    points: points && {
      start: points.start.subarray(0, values),
      lower: points.lower.subarray(0, values),
      upper: points.upper.subarray(0, values),
    },
  };
}

/**
 * A function that writes batches into memory: pixels as float32, varied by the stream (seed, 'augment', example, epoch),
 * with noise of the stream (seed, 'pixel noise', example, epoch), then bounds and start of the inner attack by the stream (seed, 'start', example, epoch). The numbers depend on recipe
 * and request alone, not on when, where or in which order batches are made.
 * @param read raw pixels of the images at these positions
 */
export function batchPreparer(
  recipe: BatchRecipe,
  read: (positions: Uint32Array) => Uint8Array,
): (request: BatchRequest, memory: BatchMemory) => void {
  const { shape, seed, augmentation, fill, noise, randomStart, startNoise } = recipe;
  const start = { randomStart, ...(startNoise !== undefined && { startNoise }) };
  const size = imageSize(shape);
  const varied = isAugmented(augmentation);
  return ({ positions, epoch, epsilon }, memory) => {
    const bytes = read(positions);
    const { images, points } = batchViews(memory, bytes.length);
    if (varied) {
      positions.forEach((position, row) => {
        const variation = drawVariation(stream(seed, 'augment', position, epoch), augmentation, shape);
        writeVaried(bytes, row * size, images, row * size, shape, augmentation, variation, fill);
      });
    } else writePlain(bytes, images);
    if (noise > 0) {
      positions.forEach((position, row) => {
        addNoise(images, row * size, (row + 1) * size, noise, stream(seed, 'pixel noise', position, epoch));
      });
    }
    if (points && epsilon !== null) fillStart(images, positions, { epsilon, ...start }, seed, epoch, points);
  };
}

function addNoise(images: Float32Array, from: number, to: number, deviation: number, random: RandomStream): void {
  for (let at = from; at < to; at += 1) {
    images[at] = Math.min(1, Math.max(0, (images[at] ?? 0) + deviation * random.normal()));
  }
}
