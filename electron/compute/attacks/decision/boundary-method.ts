import { stream } from '../../random/stream.ts';
import type { RandomStream } from '../../random/stream.ts';
import { findStart } from './decision-start.ts';
import { imageSize } from '../base/examples.ts';
import { inquiryMethod } from './inquiry.ts';
import type { Inquiry } from './inquiry.ts';
import { createJudge } from '../base/judge.ts';
import type { Asking, Judge } from '../base/judge.ts';
import type { AttackOptions } from '../options.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';

/** A random walk along the decision boundary, in L2. */
export interface BoundaryPlan extends AttackPlan {
  readonly norm: 'l2';
  /** Decisions of one start for each example. */
  readonly queries: number;
  /** First length of the steps around x and towards it, as shares of the distance to x. They adapt. */
  readonly around: number;
  readonly towards: number;
}

export const BOUNDARY = defineFamily<BoundaryPlan>({
  name: 'boundary',
  unit: 'queries',
  minimal: true,
  targeted: true,
  access: () => 'decisions',
  work: ({ queries }) => queries,
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) => more.queries >= less.queries,
  create: (steps, subject, options) =>
    inquiryMethod(steps, subject, options, options.plan.queries, (row, restart) =>
      boundaryInquiry(options, row, restart),
    ),
});

/** Every so many steps the step around x is judged by itself too, for the adaptation of its length. */
const JUDGE_EVERY = 10;
const ADAPTATION = 1.5;
/** Steps towards x of less than this share of the distance: the walk has arrived. */
const ARRIVED = 1e-7;

/** The share of hits among the last tries; none until there are enough of them. */
function createShare(window: number): { note(hit: boolean): void; value(): number | null; clear(): void } {
  let recent: boolean[] = [];
  return {
    note(hit) {
      recent.push(hit);
      if (recent.length > window) recent.shift();
    },
    value: () => (recent.length < window ? null : recent.filter(Boolean).length / window),
    clear: () => (recent = []),
  };
}

/** Algorithm 1 of the paper for one example, until its queries are used up or its steps have become tiny. */
export function* boundaryInquiry(options: AttackOptions<BoundaryPlan>, row: number, restart: number): Inquiry {
  const { examples, plan, seed } = options;
  const size = imageSize(examples.shape);
  const x = examples.images.slice(row * size, (row + 1) * size);
  const judge = createJudge(options, row, plan.queries);
  const random = stream(seed, 'boundary', examples.indices[row] ?? 0, restart);
  if (yield* judge.accepts(x)) return judge.finding();
  const start = yield* findStart(judge, options, row, random);
  if (!start) return judge.finding();

  let current = yield* comeCloser(judge, x, start);
  let { around, towards } = plan;
  const [arounds, steps] = [createShare(100 / JUDGE_EVERY), createShare(30)];
  for (let step = 0; judge.left() > 0 && towards > ARRIVED; step += 1) {
    const distance = apart(current, x);
    if (distance === 0) break;
    const onSphere = stepAround(x, current, distance, around, random);
    const nearer = onSphere.map((pixel, i) => clip(pixel + towards * ((x[i] ?? 0) - pixel)));
    if (step % JUDGE_EVERY === 0) arounds.note(yield* judge.accepts(onSphere.map(clip)));
    const hit = yield* judge.accepts(nearer);
    steps.note(hit);
    // Cut to [0, 1], a step may have become longer than it was meant to be.
    if (hit && apart(nearer, x) < distance) current = nearer;

    const share = arounds.value();
    // Half of the steps around x should be hits: the boundary is then nearly flat at their scale.
    if (share !== null && (share > 0.5 || share < 0.2)) {
      const factor = share > 0.5 ? ADAPTATION : 1 / ADAPTATION;
      [around, towards] = [around * factor, towards * factor];
      arounds.clear();
    }
    const hits = steps.value();
    if (hits !== null && (hits > 0.25 || hits < 0.1)) {
      towards *= hits > 0.25 ? ADAPTATION : 1 / ADAPTATION;
      steps.clear();
    }
  }
  return judge.finding();
}

/** The nearest hit on the straight line from a hit to x, to a thousandth of it. */
function* comeCloser(judge: Judge, x: Float32Array, hit: Float32Array): Asking<Float32Array> {
  let [low, high, nearest] = [0, 1, hit];
  while (high - low > 1e-3 && judge.left() > 0) {
    const middle = (low + high) / 2;
    const image = hit.map((pixel, i) => (x[i] ?? 0) + middle * (pixel - (x[i] ?? 0)));
    if (yield* judge.accepts(image)) [high, nearest] = [middle, image];
    else low = middle;
  }
  return nearest;
}

/** A random step from `current` at right angles to the way to x, `share` of the distance long, back on the sphere. */
function stepAround(
  x: Float32Array,
  current: Float32Array,
  distance: number,
  share: number,
  random: RandomStream,
): Float32Array {
  const step = new Float32Array(x.length);
  random.fillNormal(step, 0, x.length);
  let along = 0;
  for (let i = 0; i < x.length; i += 1) along += ((step[i] ?? 0) * ((current[i] ?? 0) - (x[i] ?? 0))) / distance;
  let squares = 0;
  for (let i = 0; i < x.length; i += 1) {
    step[i] = (step[i] ?? 0) - (along * ((current[i] ?? 0) - (x[i] ?? 0))) / distance;
    squares += (step[i] ?? 0) ** 2;
  }
  const scale = (share * distance) / (Math.sqrt(squares) || 1);
  const back = 1 / Math.sqrt(1 + share * share);
  return step.map((value, i) => {
    const clean = x[i] ?? 0;
    return clean + back * ((current[i] ?? 0) - clean + scale * value);
  });
}

function clip(pixel: number): number {
  return Math.min(1, Math.max(0, pixel));
}

/** L2 distance, summed in float64. */
function apart(a: Float32Array, b: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i += 1) squares += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return Math.sqrt(squares);
}
