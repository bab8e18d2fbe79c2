import type { ImageShape } from '../../../../shared/domain/shape.ts';
import { stream } from '../../random/stream.ts';
import { imageSize } from '../base/examples.ts';
import { inquiryMethod, questionSize } from './inquiry.ts';
import type { Inquiry } from './inquiry.ts';
import type { AttackOptions } from '../options.ts';
import { isHit, predictionOf } from '../base/outcome.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';

/** Rotations and shifts of the whole image. */
export interface SpatialPlan extends AttackPlan {
  /** Largest angle to either side, in degrees. */
  readonly maxRotation: number;
  /** Largest shift in each direction, in pixels. */
  readonly maxShift: number;
  readonly search:
    | { readonly kind: 'grid'; readonly rotations: number; readonly shifts: number }
    | { readonly kind: 'random'; readonly draws: number };
}

/** An angle in degrees, counter-clockwise as one sees the image, then a shift to the right and down in pixels. */
export interface Movement {
  readonly angle: number;
  readonly right: number;
  readonly down: number;
}

export const SPATIAL = defineFamily<SpatialPlan>({
  name: 'spatial',
  unit: 'queries',
  minimal: false,
  targeted: true,
  threat: ({ maxRotation, maxShift }) => `≤ ${maxRotation}°, ≤ ${maxShift} px`,
  access: () => 'decisions',
  work: movementsOf,
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) =>
    more.maxRotation === less.maxRotation &&
    more.maxShift === less.maxShift &&
    (more.search.kind === 'grid'
      ? less.search.kind === 'grid' &&
        more.search.rotations === less.search.rotations &&
        more.search.shifts === less.search.shifts
      : less.search.kind === 'random' && more.search.draws >= less.search.draws),
  create: (steps, subject, options) =>
    inquiryMethod(steps, subject, options, movementsOf(options.plan), (row, restart) => search(options, row, restart)),
});

/** Movements of one start. */
export function movementsOf({ search: how }: SpatialPlan): number {
  return how.kind === 'grid' ? how.rotations * how.shifts ** 2 : how.draws;
}

/** All movements of the grid, the angle changing fastest; the middle of each range is among an odd number of values. */
export function gridMovements({ maxRotation, maxShift }: SpatialPlan, rotations: number, shifts: number): Movement[] {
  const between = (count: number, most: number): readonly number[] =>
    Array.from({ length: count }, (_, at) => (count === 1 ? 0 : most * ((2 * at) / (count - 1) - 1)));
  return between(shifts, maxShift).flatMap((down) =>
    between(shifts, maxShift).flatMap((right) =>
      between(rotations, maxRotation).map((angle) => ({ angle, right, down })),
    ),
  );
}

function* search(options: AttackOptions<SpatialPlan>, row: number, restart: number): Inquiry {
  const { examples, plan, seed } = options;
  const size = imageSize(examples.shape);
  const x = examples.images.subarray(row * size, (row + 1) * size);
  const random = stream(seed, 'spatial', examples.indices[row] ?? 0, restart);
  const draw = (): Movement => ({
    angle: random.uniform(-plan.maxRotation, plan.maxRotation),
    right: random.uniform(-plan.maxShift, plan.maxShift),
    down: random.uniform(-plan.maxShift, plan.maxShift),
  });
  const movements =
    plan.search.kind === 'grid'
      ? gridMovements(plan, plan.search.rotations, plan.search.shifts)
      : Array.from({ length: plan.search.draws }, draw);
  const together = Math.min(16, questionSize(size));
  let nonFinite = 0;
  let last = x.slice();
  for (let from = 0; from < movements.length; from += together) {
    const batch = movements.slice(from, from + together);
    const images = new Float32Array(batch.length * size);
    batch.forEach((movement, at) => images.set(moveImage(x, examples.shape, movement), at * size));
    const logits = yield { images, count: batch.length };
    const classes = logits.length / batch.length;
    const predictions = batch.map((_, at) => predictionOf(logits, at * classes, classes));
    nonFinite += predictions.filter((prediction) => prediction < 0).length;
    const hit = predictions.findIndex((prediction) => isHit(options, row, prediction));
    const at = hit < 0 ? batch.length - 1 : hit;
    last = images.slice(at * size, (at + 1) * size);
    if (hit >= 0) return { image: last, iteration: from + hit, lastWrong: true, nonFinite };
  }
  return { image: last, iteration: -1, lastWrong: false, nonFinite };
}

/**
 * The image rotated about its centre, then shifted; between pixels by bilinear interpolation, with black around it
 * (section 3 of the paper).
 * @param image [height, width, channels]
 */
export function moveImage(
  image: Float32Array,
  [height, width, channels]: ImageShape,
  { angle, right, down }: Movement,
): Float32Array {
  const moved = new Float32Array(height * width * channels);
  const radians = (angle * Math.PI) / 180;
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
  const pixel = (y: number, x: number, channel: number): number =>
    y < 0 || y >= height || x < 0 || x >= width ? 0 : (image[(y * width + x) * channels + channel] ?? 0);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      // Where this pixel comes from: shift and rotation undone.
      const [offY, offX] = [y - down - middleY, x - right - middleX];
      const fromX = middleX + cos * offX - sin * offY;
      const fromY = middleY + sin * offX + cos * offY;
      const [top, left] = [Math.floor(fromY), Math.floor(fromX)];
      const [lower, later] = [fromY - top, fromX - left];
      for (let channel = 0; channel < channels; channel += 1) {
        const above = (1 - later) * pixel(top, left, channel) + later * pixel(top, left + 1, channel);
        const below = (1 - later) * pixel(top + 1, left, channel) + later * pixel(top + 1, left + 1, channel);
        moved[(y * width + x) * channels + channel] = (1 - lower) * above + lower * below;
      }
    }
  }
  return moved;
}
