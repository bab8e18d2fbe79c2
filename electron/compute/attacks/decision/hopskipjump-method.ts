import { stream } from '../../random/stream.ts';
import type { RandomStream } from '../../random/stream.ts';
import { measurePerturbation } from '../base/budget.ts';
import { findStart } from './decision-start.ts';
import { imageSize } from '../base/examples.ts';
import { inquiryMethod, questionSize } from './inquiry.ts';
import type { Inquiry } from './inquiry.ts';
import { createJudge } from '../base/judge.ts';
import type { Asking, Judge } from '../base/judge.ts';
import type { AttackOptions } from '../options.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';

/** Walks along the decision boundary, its slope estimated from decisions alone. L∞ or L2. */
export interface HopSkipJumpPlan extends AttackPlan {
  readonly norm: 'linf' | 'l2';
  /** Decisions of one start for each example. */
  readonly queries: number;
  /** Directions of the first slope; those of step t are √t times as many. */
  readonly firstDirections: number;
  /** Directions of a slope, at most. */
  readonly maxDirections: number;
  /** γ: how exactly the boundary is searched, θ = γ / d^1.5 in L2 and γ / d² in L∞. */
  readonly gamma: number;
}

export const HOPSKIPJUMP = defineFamily<HopSkipJumpPlan>({
  name: 'hopskipjump',
  unit: 'queries',
  minimal: true,
  targeted: true,
  access: () => 'decisions',
  work: ({ queries }) => queries,
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) => more.queries >= less.queries,
  create: (steps, subject, options) =>
    inquiryMethod(steps, subject, options, options.plan.queries, (row, restart) =>
      hopSkipJumpInquiry(options, row, restart),
    ),
});

/** A blend of float32 images is not known more exactly than this. */
const FINEST = 1e-7;
/** The first slope is felt for at this distance, in pixels of [0, 1]. */
const FIRST_REACH = 0.1;

/** Algorithm 2 of the paper for one example, until its queries are used up. */
export function* hopSkipJumpInquiry(options: AttackOptions<HopSkipJumpPlan>, row: number, restart: number): Inquiry {
  const { examples, plan, seed } = options;
  const size = imageSize(examples.shape);
  const x = examples.images.slice(row * size, (row + 1) * size);
  const judge = createJudge(options, row, plan.queries);
  const random = stream(seed, 'hopskipjump', examples.indices[row] ?? 0, restart);
  const distanceTo = (image: Float32Array): number => measurePerturbation(x, 0, image, 0, size, plan)[plan.norm];
  if (yield* judge.accepts(x)) return judge.finding();
  const start = yield* findStart(judge, options, row, random);
  if (!start) return judge.finding();

  const { norm } = plan;
  const theta = plan.gamma / (norm === 'l2' ? size * Math.sqrt(size) : size * size);
  let before = distanceTo(start);
  let boundary = yield* approach(judge, plan, x, start, theta);
  for (let step = 1; judge.left() > 0; step += 1) {
    const distance = distanceTo(boundary);
    if (distance === 0) break;
    const reach = step === 1 ? FIRST_REACH : (norm === 'l2' ? Math.sqrt(size) : size) * theta * before;
    const directions = Math.min(Math.round(plan.firstDirections * Math.sqrt(step)), plan.maxDirections, judge.left());
    const slope = yield* estimateSlope(judge, boundary, reach, directions, norm, random);
    const moved = yield* leap(
      judge,
      boundary,
      norm === 'linf' ? slope.map(Math.sign) : slope,
      distance / Math.sqrt(step),
    );
    if (!moved) continue;
    before = distanceTo(moved);
    boundary = yield* approach(judge, plan, x, moved, theta);
  }
  return judge.finding();
}

/**
 * The point nearest to x on the way from a hit towards x that is still one (algorithm 1): in L2 on the straight line, in
 * L∞ cut to ever smaller boxes around x. Bisection, until the way is known to θ.
 */
function* approach(
  judge: Judge,
  { norm }: HopSkipJumpPlan,
  x: Float32Array,
  hit: Float32Array,
  theta: number,
): Asking<Float32Array> {
  const whole = norm === 'l2' ? 1 : measurePerturbation(x, 0, hit, 0, x.length, { norm, epsilon: 0 }).linf;
  const exact = Math.max(norm === 'l2' ? theta : Math.min(whole * theta, theta), FINEST);
  let [low, high, nearest] = [0, whole, hit];
  while (high - low > exact && judge.left() > 0) {
    const middle = (low + high) / 2;
    const image = hit.map((pixel, i) => {
      const clean = x[i] ?? 0;
      if (norm === 'l2') return clean + middle * (pixel - clean);
      return Math.min(clean + middle, Math.max(clean - middle, pixel));
    });
    if (yield* judge.accepts(image)) [high, nearest] = [middle, image];
    else low = middle;
  }
  return nearest;
}

/**
 * The direction of steepest rise of "is a hit" at the boundary, of L2 length 1 (equation 16, with its control variate):
 * random steps of one length, each weighed with its decision less the mean of all.
 * @param reach length of the steps in L2.
 */
function* estimateSlope(
  judge: Judge,
  boundary: Float32Array,
  reach: number,
  directions: number,
  norm: 'linf' | 'l2',
  random: RandomStream,
): Asking<Float32Array> {
  const size = boundary.length;
  const [ofHits, ofAll] = [new Float64Array(size), new Float64Array(size)];
  let [hits, all] = [0, 0];
  const direction = new Float32Array(size);
  while (all < directions) {
    const count = Math.min(questionSize(size), directions - all);
    const images = new Float32Array(count * size);
    for (let at = 0; at < count; at += 1) {
      if (norm === 'l2') random.fillNormal(direction, 0, size);
      else random.fillUniform(direction, 0, size, -1, 1);
      const length = lengthOf(direction) || 1;
      for (let i = 0; i < size; i += 1) {
        const pixel = (boundary[i] ?? 0) + (reach * (direction[i] ?? 0)) / length;
        images[at * size + i] = Math.min(1, Math.max(0, pixel));
      }
    }
    const answers = yield* judge.look(images, count);
    if (answers.length === 0) break;
    answers.forEach((hit, at) => {
      // What is left of the step within [0, 1].
      for (let i = 0; i < size; i += 1) {
        const change = (images[at * size + i] ?? 0) - (boundary[i] ?? 0);
        ofAll[i] = (ofAll[i] ?? 0) + change;
        if (hit) ofHits[i] = (ofHits[i] ?? 0) + change;
      }
      hits += hit;
    });
    all += answers.length;
  }
  // Decisions ±1 less their mean; where all are alike there is no mean to take off.
  const mean = all === 0 ? 0 : (2 * hits) / all - 1;
  const alike = hits === 0 || hits === all;
  const slope = Float32Array.from(ofAll, (sum, i) =>
    alike ? Math.sign(mean) * sum : 2 * (ofHits[i] ?? 0) - sum - mean * sum,
  );
  const length = lengthOf(slope) || 1;
  return slope.map((value) => value / length);
}

/** A step away from the boundary, halved until it ends at a hit; null if none does. */
function* leap(
  judge: Judge,
  boundary: Float32Array,
  direction: Float32Array,
  longest: number,
): Asking<Float32Array | null> {
  for (let length = longest; length > longest * FINEST && judge.left() > 0; length /= 2) {
    const image = boundary.map((pixel, i) => Math.min(1, Math.max(0, pixel + length * (direction[i] ?? 0))));
    if (yield* judge.accepts(image)) return image;
  }
  return null;
}

/** L2 length, summed in float64. */
function lengthOf(vector: Float32Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}
