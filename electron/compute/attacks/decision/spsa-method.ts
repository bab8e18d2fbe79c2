import { stream } from '../../random/stream.ts';
import type { RandomStream } from '../../random/stream.ts';
import { imageSize } from '../base/examples.ts';
import { inquiryMethod, questionSize } from './inquiry.ts';
import type { Inquiry, Question } from './inquiry.ts';
import type { AttackOptions } from '../options.ts';
import { isHit, predictionOf } from '../base/outcome.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';

/** Gradient descent on the margin, its gradient estimated from scores along random directions. */
export interface SpsaPlan extends AttackPlan {
  readonly norm: 'linf' | 'l2';
  readonly iterations: number;
  /** Images that one gradient is estimated from, two for each direction: even. */
  readonly samples: number;
  /** Length of the steps along each pixel that the scores are compared at, in pixels of [0, 1]. */
  readonly delta: number;
  /** Adam's rate, in pixels of [0, 1]. */
  readonly rate: number;
}

export const SPSA = defineFamily<SpsaPlan>({
  name: 'spsa',
  unit: 'queries',
  minimal: false,
  targeted: true,
  access: () => 'scores',
  work: queriesOf,
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) =>
    more.iterations >= less.iterations &&
    more.samples >= less.samples &&
    more.delta === less.delta &&
    more.rate === less.rate,
  create: (steps, subject, options) =>
    inquiryMethod(steps, subject, options, queriesOf(options.plan), (row, restart) =>
      spsaInquiry(options, row, restart),
    ),
});

/** Queries of one start: the samples and the iterate itself, and the last iterate. */
export function queriesOf({ iterations, samples }: SpsaPlan): number {
  return iterations * (samples + 1) + 1;
}

/** Adam's decay rates and the least it divides by (Kingma & Ba 2015). */
const [FIRST_DECAY, SECOND_DECAY, LEAST] = [0.9, 0.999, 1e-9];

/** Algorithm 1 of the paper for one example, with Adam for the update, until it is broken. */
export function* spsaInquiry(options: AttackOptions<SpsaPlan>, row: number, restart: number): Inquiry {
  const { examples, plan, seed } = options;
  const size = imageSize(examples.shape);
  const x = examples.images.slice(row * size, (row + 1) * size);
  const random = stream(seed, 'spsa', examples.indices[row] ?? 0, restart);
  const marginOf = marginFunction(options, row);
  let iterate = startIn(x, plan, random);
  const [first, second] = [new Float64Array(size), new Float64Array(size)];
  let nonFinite = 0;
  for (let iteration = 0; ; iteration += 1) {
    const logits: Float32Array = yield { images: iterate, count: 1 };
    const prediction = predictionOf(logits, 0, logits.length);
    if (prediction < 0) nonFinite += 1;
    const hit = isHit(options, row, prediction);
    if (hit || iteration === plan.iterations) {
      return { image: iterate, iteration: hit ? iteration : -1, lastWrong: hit, nonFinite };
    }
    const { gradient, failures } = yield* estimateGradient(iterate, plan, marginOf, random);
    nonFinite += failures;
    const moved = new Float32Array(size);
    for (let i = 0; i < size; i += 1) {
      const slope = gradient[i] ?? 0;
      first[i] = FIRST_DECAY * (first[i] ?? 0) + (1 - FIRST_DECAY) * slope;
      second[i] = SECOND_DECAY * (second[i] ?? 0) + (1 - SECOND_DECAY) * slope * slope;
      const mean = (first[i] ?? 0) / (1 - FIRST_DECAY ** (iteration + 1));
      const spread = Math.sqrt((second[i] ?? 0) / (1 - SECOND_DECAY ** (iteration + 1)));
      moved[i] = (iterate[i] ?? 0) - (plan.rate * mean) / (spread + LEAST);
    }
    iterate = bringInto(x, moved, plan);
  }
}

/**
 * Mean over random directions v of ±1 of v · (margin(x + δv) − margin(x − δv)) / 2δ, both images cut to [0, 1].
 * Directions whose scores are not finite are left out, and counted.
 */
function* estimateGradient(
  iterate: Float32Array,
  { samples, delta }: SpsaPlan,
  marginOf: (logits: Float32Array, offset: number, classes: number) => number,
  random: RandomStream,
): Generator<Question, { readonly gradient: Float64Array; readonly failures: number }, Float32Array> {
  const size = iterate.length;
  const gradient = new Float64Array(size);
  const pairs = Math.max(1, Math.floor(questionSize(size) / 2));
  let failures = 0;
  for (let done = 0; done < samples / 2; done += pairs) {
    const count = Math.min(pairs, samples / 2 - done);
    const images = new Float32Array(2 * count * size);
    const signs = new Int8Array(count * size);
    for (let at = 0; at < count * size; at += 1) {
      const sign = random.integer(2) === 1 ? 1 : -1;
      const pixel = iterate[at % size] ?? 0;
      signs[at] = sign;
      images[at] = Math.min(1, Math.max(0, pixel + sign * delta));
      images[count * size + at] = Math.min(1, Math.max(0, pixel - sign * delta));
    }
    const logits = yield { images, count: 2 * count };
    const classes = logits.length / (2 * count);
    for (let at = 0; at < count; at += 1) {
      const rise = marginOf(logits, at * classes, classes) - marginOf(logits, (count + at) * classes, classes);
      if (!Number.isFinite(rise)) {
        failures += 1;
        continue;
      }
      const weight = rise / (2 * delta * (samples / 2));
      for (let i = 0; i < size; i += 1) gradient[i] = (gradient[i] ?? 0) + weight * (signs[at * size + i] ?? 0);
    }
  }
  return { gradient, failures };
}

/**
 * What falls below 0 when the example is broken: the label's logit less the largest other, or the largest other than
 * the target less the target's.
 */
function marginFunction({ examples, targets }: Pick<AttackOptions, 'examples' | 'targets'>, row: number) {
  const [own, sign] = targets ? [targets[row], -1] : [examples.labels[row], 1];
  return (logits: Float32Array, offset: number, classes: number): number => {
    let other = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k += 1) if (k !== own) other = Math.max(other, logits[offset + k] ?? Number.NaN);
    return sign * ((logits[offset + (own ?? 0)] ?? Number.NaN) - other);
  };
}

/** A random point of the ball, cut to [0, 1]. */
function startIn(x: Float32Array, plan: SpsaPlan, random: RandomStream): Float32Array {
  const start = new Float32Array(x.length);
  if (plan.norm === 'linf') random.fillUniform(start, 0, x.length, -plan.epsilon, plan.epsilon);
  else {
    random.fillNormal(start, 0, x.length);
    const length = Math.sqrt(start.reduce((sum, value) => sum + value * value, 0)) || 1;
    const radius = plan.epsilon * random.uniform() ** (1 / x.length);
    start.forEach((value, i) => (start[i] = (value * radius) / length));
  }
  return bringInto(
    x,
    start.map((value, i) => (x[i] ?? 0) + value),
    plan,
  );
}

/** The image brought into ball and box: L∞ pixel by pixel; L2 by shortening the change, then cutting to [0, 1]. */
function bringInto(x: Float32Array, image: Float32Array, { norm, epsilon }: SpsaPlan): Float32Array {
  if (norm === 'linf') {
    return image.map((pixel, i) => {
      const clean = x[i] ?? 0;
      return Math.min(Math.min(1, clean + epsilon), Math.max(Math.max(0, clean - epsilon), pixel));
    });
  }
  let squares = 0;
  for (let i = 0; i < x.length; i += 1) squares += ((image[i] ?? 0) - (x[i] ?? 0)) ** 2;
  const factor = Math.min(1, epsilon / (Math.sqrt(squares) || 1));
  return image.map((pixel, i) => {
    const clean = x[i] ?? 0;
    return Math.min(1, Math.max(0, clean + factor * (pixel - clean)));
  });
}
