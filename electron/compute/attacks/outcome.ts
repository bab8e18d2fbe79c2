import { measurePerturbation } from './budget.ts';
import type { Ball } from './budget.ts';
import { imageSize } from './examples.ts';
import type { Examples } from './examples.ts';

/** What an attack did to one target. Row i of every array belongs to example i. */
export interface Outcome {
  readonly classes: number;
  /** [rows, classes] */
  readonly cleanLogits: Float32Array;
  /** Misclassified without an attack: a failure of the defence already. */
  readonly cleanWrong: Uint8Array;
  readonly attacked: Uint8Array;
  /** A valid, misclassified x' was found. */
  readonly succeeded: Uint8Array;
  /** The last iterate of some restart is valid and misclassified. */
  readonly lastWrong: Uint8Array;
  /** Iteration and restart (from 0) of the first success, or −1. */
  readonly iteration: Int32Array;
  readonly restart: Int32Array;
  /**
   * [rows, height, width, channels]. Of a broken example: the last iterate of the restart that broke it if that is
   * misclassified too, else the first misclassified iterate. Of a survivor: the last iterate of the last restart.
   * Of an example that was not attacked: x itself.
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

/**
 * Enters candidates of one restart. A success counts only if its own logits, computed anew, are wrong and the
 * constraint holds in float64.
 * @param logits the candidates' logits, [candidates, classes].
 */
export function enterCandidates(
  outcome: Outcome,
  examples: Examples,
  candidates: readonly Candidate[],
  logits: Float32Array,
  restart: number,
  ball: Ball,
): void {
  const size = imageSize(examples.shape);
  const { classes } = outcome;
  candidates.forEach(({ row, image, iteration, lastWrong }, at) => {
    if (!outcome.succeeded[row]) {
      const prediction = predictionOf(logits, at * classes, classes);
      const misclassified = iteration >= 0 && prediction >= 0 && prediction !== examples.labels[row];
      const { valid } = measurePerturbation(examples.images, row * size, image, 0, size, ball);
      if (misclassified && !valid) outcome.violations += 1;
      if (valid) {
        outcome.adversarial.set(image, row * size);
        outcome.logits.set(logits.subarray(at * classes, (at + 1) * classes), row * classes);
      }
      if (misclassified && valid) {
        outcome.succeeded[row] = 1;
        outcome.iteration[row] = iteration;
        outcome.restart[row] = restart;
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

/** Examples whose last iterates are all classified rightly; those not attacked count by their clean prediction. */
export function countRobustLast(outcome: Outcome): number {
  let robust = 0;
  for (let row = 0; row < outcome.lastWrong.length; row += 1) {
    if (outcome.attacked[row] ? !outcome.lastWrong[row] : !outcome.cleanWrong[row]) robust += 1;
  }
  return robust;
}
