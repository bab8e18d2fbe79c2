import { measurePerturbation } from './budget.ts';
import { imageSize } from './examples.ts';
import type { Finding, Question } from '../decision/inquiry.ts';
import type { AttackOptions } from '../options.ts';
import { isHit, predictionOf } from './outcome.ts';

/** A question to the model in the middle of an attack; its result is what the attack learns. */
export type Asking<T> = Generator<Question, T, Float32Array>;

/** What an attack on decisions knows of the model: whether an image is what it is after. It counts and keeps. */
export interface Judge {
  /** Queries that it may still make. */
  left(): number;
  /**
   * 1 for each image that the model takes for a class that the attack is after, 0 for the others.
   * @param images pixels [count, …] in [0, 1]; not to be changed before the answer.
   * @returns one for each image, or fewer: the budget ends there.
   */
  look(images: Float32Array, count: number): Asking<Uint8Array>;
  /** Likewise for one image; false if the budget is at its end. */
  accepts(image: Float32Array): Asking<boolean>;
  /** The smallest perturbation among all hits, or that there was none. */
  finding(): Finding;
}

/**
 * A judge of one example that keeps the smallest hit, in the plan's norm.
 * @param budget queries in all.
 */
export function createJudge(options: AttackOptions, row: number, budget: number): Judge {
  const { examples, plan } = options;
  const size = imageSize(examples.shape);
  let [asked, nonFinite] = [0, 0];
  let best: { readonly image: Float32Array; readonly distance: number; readonly query: number } | null = null;
  let firstWithin = -1;

  const enter = (images: Float32Array, at: number): void => {
    const found = measurePerturbation(examples.images, row * size, images, at * size, size, plan);
    if (!found.inRange) return;
    const query = asked + at;
    if (found.valid && firstWithin < 0) firstWithin = query;
    const distance = found[plan.norm];
    if (best && best.distance <= distance) return;
    best = { image: images.slice(at * size, (at + 1) * size), distance, query };
  };

  function* look(images: Float32Array, count: number): Asking<Uint8Array> {
    const allowed = Math.min(count, budget - asked);
    if (allowed <= 0) return new Uint8Array(0);
    const logits = yield { images, count: allowed };
    const classes = logits.length / allowed;
    const hits = new Uint8Array(allowed);
    for (let at = 0; at < allowed; at += 1) {
      const prediction = predictionOf(logits, at * classes, classes);
      if (prediction < 0) nonFinite += 1;
      if (!isHit(options, row, prediction)) continue;
      hits[at] = 1;
      enter(images, at);
    }
    asked += allowed;
    return hits;
  }

  return {
    left: () => budget - asked,
    look,
    *accepts(image) {
      return (yield* look(image, 1))[0] === 1;
    },
    finding() {
      if (!best) {
        const image = examples.images.slice(row * size, (row + 1) * size);
        return { image, iteration: -1, lastWrong: false, nonFinite };
      }
      const iteration = firstWithin < 0 ? best.query : firstWithin;
      return { image: best.image, iteration, lastWrong: true, nonFinite };
    },
  };
}
