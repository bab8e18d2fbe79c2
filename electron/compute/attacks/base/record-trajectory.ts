import type { Goal } from '../../../../shared/domain/evaluation.ts';
import type { RoundedExample, TrajectoryPoint } from '../../../../shared/domain/trajectory.ts';
import { watchForward } from '../../models/forward.ts';
import { measurePerturbation } from './budget.ts';
import type { Perturbation } from './budget.ts';
import { imageSize } from './examples.ts';
import type { Examples, Subject } from './examples.ts';
import { roundTargets } from './goals.ts';
import { candidateLogits, cleanLogits } from './logits.ts';
import type { AttackOptions } from '../options.ts';
import { predictionOf } from './outcome.ts';
import type { AttackPlan } from '../plan.ts';
import { requireTransferable } from '../plan.ts';
import { createAttackSteps } from '../ascent/steps.ts';

/** Images that are kept of one record; where an attack shows its model more, only each n-th of them. */
const KEPT = 512;

export interface TrajectoryInput {
  /** The model that x' is made on. Its passes must run in this thread, see `watchForward`. */
  readonly maker: Subject;
  /** The model that x' is judged on: the same one, or the target of a transfer attack. */
  readonly judge: Subject;
  /** One example. */
  readonly examples: Examples;
  readonly plan: AttackPlan;
  readonly seed: number;
  readonly restart: number;
  /** Whether x' is made for another model, so that steps go on after the maker is fooled. */
  readonly transfer: boolean;
  readonly control: AttackOptions['control'];
  /** What the attack leads to; any wrong class if left out. */
  readonly goal?: Goal;
}

export interface RecordedTrajectory {
  readonly points: readonly TrajectoryPoint[];
  /** The points' images, [points, height, width, channels]. */
  readonly images: Float32Array;
  /** Images that the attack showed to the model in all. */
  readonly passes: number;
}

/**
 * Runs one start of an attack on one example again, from the same random stream, and notes every image that it shows to
 * the model. For attacks with one forward pass an iteration these are its iterates. Of a pass over several images the
 * first is noted; passes over the same image in a row count once.
 * @throws AppError `cancelled`, `invalid-input` if the plan does not fit the model.
 */
export async function recordTrajectory(input: TrajectoryInput): Promise<RecordedTrajectory> {
  const { examples, judge } = input;
  const size = imageSize(examples.shape);
  const shown = await imagesShown(input, size);
  const logits = await judgeAll(input, shown.kept);
  const { classes } = judge.network;
  const points = shown.kept.map(({ pass, image }, at): TrajectoryPoint => {
    const own = logits.subarray(at * classes, (at + 1) * classes);
    return { pass, ...judgement(own, examples.labels[0] ?? 0), ...sizeOf(examples, image, size) };
  });
  const images = new Float32Array(shown.kept.length * size);
  shown.kept.forEach(({ image }, at) => images.set(image, at * size));
  return { points, images, passes: shown.passes };
}

/**
 * What the judge says about x' rounded to 8 bits, each pixel to n/255 in the direction of x.
 * @param adversarial x', [height · width · channels].
 */
export async function judgeRounded(
  input: Pick<TrajectoryInput, 'judge' | 'examples' | 'control'>,
  adversarial: Float32Array,
): Promise<RoundedExample> {
  const { examples } = input;
  const image = roundTowards(examples.images, adversarial);
  const { prediction, margin } = judgement(await judgeAll(input, [{ image }]), examples.labels[0] ?? 0);
  const broken = prediction >= 0 && prediction !== examples.labels[0];
  return { prediction, margin, broken, linf: sizeOf(examples, image, image.length).linf };
}

/**
 * x' as 8 bits can hold it: pixels n/255, rounded in the direction of x, so that the perturbation does not grow.
 * @param clean x, pixels n/255.
 */
export function roundTowards(clean: Float32Array, adversarial: Float32Array): Float32Array {
  // Pixels that are n/255 already lie a rounding of float32 beside it.
  const slack = 1e-3;
  return adversarial.map((value, at) => {
    const levels = value * 255;
    return (value > (clean[at] ?? 0) ? Math.floor(levels + slack) : Math.ceil(levels - slack)) / 255;
  });
}

interface Shown {
  readonly pass: number;
  readonly image: Float32Array;
}

async function imagesShown(
  input: TrajectoryInput,
  size: number,
): Promise<{ readonly kept: readonly Shown[]; readonly passes: number }> {
  const { maker, examples, plan, seed, restart, transfer, control, goal } = input;
  const steps = createAttackSteps(maker.network);
  let kept: Shown[] = [];
  let last: Float32Array | null = null;
  let passes = 0;
  let every = 1;
  const note = (image: Float32Array): void => {
    if (last && sameImage(last, image)) return;
    last = image;
    if (passes % every === 0) kept.push({ pass: passes, image });
    passes += 1;
    if (kept.length <= KEPT) return;
    every *= 2;
    kept = kept.filter(({ pass }) => pass % every === 0);
  };
  const options: AttackOptions = {
    examples,
    plan,
    seed,
    batchSize: 1,
    includeMisclassified: true,
    control,
    ...(goal && { goal }),
  };
  // A model of another program has no network to watch.
  const { predictor } = maker;
  const watched: Subject = predictor
    ? {
        ...maker,
        predictor: {
          ...predictor,
          logits: (images, count) => {
            note(images.slice(0, size));
            return predictor.logits(images, count);
          },
        },
      }
    : maker;
  const clean = goal === 'least-likely' ? await cleanLogits(steps, maker, options) : new Float32Array();
  const rounds = roundTargets(options, clean, maker.network.classes);
  const aimed = { ...options, targets: rounds[Math.floor(restart / plan.restarts)] };
  const stop = watchForward((images) => note((images.dataSync() as Float32Array).slice(0, size)));
  try {
    if (transfer) {
      const made = await requireTransferable(plan)(steps, watched, [0], restart, aimed, () => undefined);
      const [end] = made.images;
      if (end) note(end.image.slice());
    } else {
      const method = plan.family.create(steps, watched, aimed);
      try {
        // The parts are of no use here: what was shown on the way to them is.
        for await (const _ of method.run([0], restart, () => undefined)) await control.checkpoint();
      } finally {
        method.dispose();
      }
    }
  } finally {
    stop();
    steps.dispose();
  }
  const end = kept.at(-1);
  if (last && end?.image !== last) kept.push({ pass: passes - 1, image: last });
  return { kept, passes };
}

/** Logits of some images, [images, classes]. */
async function judgeAll(
  { judge, examples, control }: Pick<TrajectoryInput, 'judge' | 'examples' | 'control'>,
  images: readonly { readonly image: Float32Array }[],
): Promise<Float32Array> {
  const steps = createAttackSteps(judge.network);
  try {
    return await candidateLogits(steps, judge, images, { examples, batchSize: 64, control });
  } finally {
    steps.dispose();
  }
}

function judgement(
  logits: Float32Array,
  label: number,
): Pick<TrajectoryPoint, 'loss' | 'margin' | 'trueLogit' | 'wrongLogit' | 'prediction' | 'confidence'> {
  const trueLogit = logits[label] ?? Number.NaN;
  let wrongLogit = Number.NEGATIVE_INFINITY;
  let highest = trueLogit;
  logits.forEach((value, at) => {
    if (at !== label && !(value <= wrongLogit)) wrongLogit = value;
    if (!(value <= highest)) highest = value;
  });
  const sum = logits.reduce((total, value) => total + Math.exp(value - highest), 0);
  const prediction = predictionOf(logits, 0, logits.length);
  return {
    loss: finite(highest - trueLogit + Math.log(sum)),
    margin: finite(trueLogit - wrongLogit),
    trueLogit: finite(trueLogit),
    wrongLogit: finite(wrongLogit),
    prediction,
    confidence: prediction < 0 ? 0 : 1 / sum,
  };
}

function sizeOf(examples: Examples, image: Float32Array, size: number): Pick<Perturbation, 'linf' | 'l2' | 'l1'> {
  const { linf, l2, l1 } = measurePerturbation(examples.images, 0, image, 0, size, { norm: 'linf', epsilon: 1 });
  return { linf, l2, l1 };
}

function sameImage(one: Float32Array, other: Float32Array): boolean {
  return one.every((value, at) => value === other[at]);
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
