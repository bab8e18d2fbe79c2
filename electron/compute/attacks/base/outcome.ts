import { measurePerturbation } from './budget.ts';
import { imageSize } from './examples.ts';
import type { Examples } from './examples.ts';
import type { AttackOptions } from '../options.ts';

/** What an attack did to one target. Row i of every array belongs to example i. */
export interface Outcome {
  readonly classes: number;
  /** [rows, classes] */
  readonly cleanLogits: Float32Array;
  /** Misclassified without an attack: a failure of the defence already. */
  readonly cleanWrong: Uint8Array;
  readonly attacked: Uint8Array;
  /** A valid x' was found that the model takes for another class, or for the one that was aimed at. */
  readonly succeeded: Uint8Array;
  /** The last iterate of some restart is valid and misclassified. */
  readonly lastWrong: Uint8Array;
  /** The x' that was kept for a success is one as 8 bits too, see `judgeAs8Bit`. */
  readonly survives8Bit: Uint8Array;
  /**
   * Size, in the plan's norm, of the x' that was kept for a success; of attacks that look for the smallest perturbation
   * also where it is beyond ε. NaN where there is none.
   */
  readonly distance: Float32Array;
  /** Iteration and restart (from 0) of the first success, or −1; of the smallest x' where an attack looks for that. */
  readonly iteration: Int32Array;
  readonly restart: Int32Array;
  /**
   * [rows, height, width, channels]. Of a broken example: the last iterate of the restart that broke it if that is
   * misclassified too, else the first misclassified iterate. Of a survivor: the last iterate of the last restart.
   * Of an example that was not attacked: x itself. Attacks that look for the smallest perturbation: the smallest
   * success in [0, 1], whether or not it lies within ε; x itself where there is none.
   */
  readonly adversarial: Float32Array;
  /** Logits of `adversarial`, [rows, classes]. */
  readonly logits: Float32Array;
  /** Robust examples after each restart so far. */
  readonly robustAfter: number[];
  nonFinite: number;
  violations: number;
  /** What there is to say about how it was computed. */
  readonly notes: string[];
}

/** Position of the largest of `count` values; −1 if any of them is NaN or infinite. */
export function predictionOf(logits: Float32Array, offset: number, count: number): number {
  let best = 0;
  for (let i = 0; i < count; i += 1) {
    const value = logits[offset + i] ?? Number.NaN;
    if (!Number.isFinite(value)) return -1;
    if (value > (logits[offset + best] ?? 0)) best = i;
  }
  return best;
}

/**
 * An outcome before the first restart.
 * @param cleanLogits logits of the clean images, [rows, classes].
 * @param includeMisclassified whether examples that are misclassified without an attack are attacked too.
 */
export function openOutcome(
  examples: Examples,
  cleanLogits: Float32Array,
  classes: number,
  includeMisclassified: boolean,
): Outcome {
  const rows = examples.labels.length;
  const cleanWrong = Uint8Array.from(examples.labels, (label, row) =>
    predictionOf(cleanLogits, row * classes, classes) === label ? 0 : 1,
  );
  return {
    classes,
    cleanLogits,
    cleanWrong,
    attacked: Uint8Array.from(cleanWrong, (wrong) => (wrong && !includeMisclassified ? 0 : 1)),
    succeeded: new Uint8Array(rows),
    lastWrong: new Uint8Array(rows),
    survives8Bit: new Uint8Array(rows),
    distance: new Float32Array(rows).fill(Number.NaN),
    iteration: new Int32Array(rows).fill(-1),
    restart: new Int32Array(rows).fill(-1),
    adversarial: examples.images.slice(),
    logits: cleanLogits.slice(),
    robustAfter: [],
    nonFinite: 0,
    violations: 0,
    notes: [],
  };
}

/** What one restart found for the example in `row`. */
export interface Candidate {
  readonly row: number;
  /** The iterate to keep, [height · width · channels]. */
  readonly image: Float32Array;
  /** Iteration of the first misclassified iterate, or −1. */
  readonly iteration: number;
  readonly lastWrong: boolean;
  /** Logits of `image`, [classes], where they were computed by a forward pass of their own already. */
  readonly logits?: Float32Array;
}

type Aim = Pick<AttackOptions, 'examples' | 'targets'>;

/** Whether a prediction of a row is what the attack is after. −1, no prediction at all, never is. */
export function isHit({ examples, targets }: Aim, row: number, prediction: number): boolean {
  if (prediction < 0) return false;
  return targets ? prediction === targets[row] : prediction !== examples.labels[row];
}

/**
 * Enters candidates of one restart. A success counts only if its own logits, computed anew, say so and the constraint
 * holds in float64. Where the attack looks for the smallest perturbation, x' in [0, 1] is kept if it is smaller than
 * what there is, and counts as a success if it lies within ε.
 * @param logits the candidates' logits, [candidates, classes].
 */
export function enterCandidates(
  outcome: Outcome,
  options: Pick<AttackOptions, 'examples' | 'targets' | 'plan'>,
  candidates: readonly Candidate[],
  logits: Float32Array,
  restart: number,
): void {
  const { examples, plan } = options;
  const { minimal } = plan.family;
  const size = imageSize(examples.shape);
  const { classes } = outcome;
  candidates.forEach(({ row, image, iteration, lastWrong }, at) => {
    const found = measurePerturbation(examples.images, row * size, image, 0, size, plan);
    const hit = iteration >= 0 && isHit(options, row, predictionOf(logits, at * classes, classes));
    const keep = (): void => {
      outcome.adversarial.set(image, row * size);
      outcome.logits.set(logits.subarray(at * classes, (at + 1) * classes), row * classes);
    };
    const note = (): void => {
      outcome.distance[row] = found[plan.norm];
      outcome.iteration[row] = iteration;
      outcome.restart[row] = restart;
    };
    if (minimal) {
      if (hit && !found.inRange) outcome.violations += 1;
      // Written so that NaN, nothing yet, is larger.
      if (!hit || !found.inRange || found[plan.norm] >= (outcome.distance[row] ?? Number.NaN)) return;
      keep();
      note();
      if (found.valid) [outcome.succeeded[row], outcome.lastWrong[row]] = [1, 1];
      return;
    }
    if (!outcome.succeeded[row]) {
      if (hit && !found.valid) outcome.violations += 1;
      if (found.valid) keep();
      if (hit && found.valid) {
        note();
        outcome.succeeded[row] = 1;
      }
    }
    if (lastWrong && outcome.succeeded[row]) outcome.lastWrong[row] = 1;
  });
}

/** Notes the accuracy after one more restart. */
export function closeRestart(outcome: Outcome): void {
  outcome.robustAfter.push(countRobust(outcome));
}

/** Examples that are classified rightly and withstood every iterate so far. */
export function countRobust(outcome: Outcome): number {
  let robust = 0;
  for (let row = 0; row < outcome.succeeded.length; row += 1) {
    if (!outcome.cleanWrong[row] && !outcome.succeeded[row]) robust += 1;
  }
  return robust;
}

/**
 * Examples whose last iterates are all classified rightly; those not attacked count by their clean prediction, and as
 * broken where the success of an earlier attack was carried over.
 */
export function countRobustLast(outcome: Outcome): number {
  let robust = 0;
  for (let row = 0; row < outcome.lastWrong.length; row += 1) {
    const withstood = outcome.attacked[row]
      ? !outcome.lastWrong[row]
      : !outcome.cleanWrong[row] && !outcome.succeeded[row];
    if (withstood) robust += 1;
  }
  return robust;
}
