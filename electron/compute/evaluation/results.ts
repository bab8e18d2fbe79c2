import type { ExampleRecord, TargetResult, Threat } from '../../../shared/domain/evaluation.ts';
import { measurePerturbation } from '../attacks/base/budget.ts';
import type { Ball } from '../attacks/base/budget.ts';
import { imageSize } from '../attacks/base/examples.ts';
import type { Examples } from '../attacks/base/examples.ts';
import { countRobustLast, predictionOf } from '../attacks/base/outcome.ts';
import type { Outcome } from '../attacks/base/outcome.ts';
import { workOf } from '../attacks/plan.ts';
import type { AttackPlan } from '../attacks/plan.ts';
import { quantile } from '../statistics/bootstrap.ts';
import { wilsonInterval } from '../statistics/wilson.ts';

/** What an attack did to one target on a part of the examples. */
export interface Piece {
  readonly records: readonly ExampleRecord[];
  /** Robust examples by their last iterates, and after each restart so far. */
  readonly robustLast: number;
  readonly robustAfter: readonly number[];
  readonly nonFinite: number;
  readonly violations: number;
}

/** @param carried by row: examples that an earlier attack had broken, as it recorded them. */
export function pieceOf(
  outcome: Outcome,
  examples: Examples,
  plan: AttackPlan,
  firstRow: number,
  carried: ReadonlyMap<number, ExampleRecord>,
): Piece {
  const { robustAfter, nonFinite, violations } = outcome;
  const records = exampleRecords(outcome, examples, plan, firstRow).map((record, row) => {
    const origin = carried.get(row);
    return origin ? { ...origin, row: record.row, attacked: false } : record;
  });
  return { records, robustLast: countRobustLast(outcome), robustAfter: [...robustAfter], nonFinite, violations };
}

/**
 * One target's accuracies over all pieces so far. Perturbations are measured over the attacked examples.
 * @param final whether the attack is over: what 8 bits leave is judged only then.
 */
export function targetResultOf(
  model: string,
  threat: Threat,
  pieces: readonly Piece[],
  { family }: AttackPlan,
  final: boolean,
): TargetResult {
  const records = pieces.flatMap((piece) => piece.records);
  const rows = records.length;
  const count = (holds: (record: ExampleRecord) => boolean): number =>
    records.reduce((sum, record) => sum + (holds(record) ? 1 : 0), 0);
  const right = count(isRight);
  const robust = count(({ broken }) => !broken);
  const carried = count(({ carriedFrom }) => carriedFrom !== null);
  const attacked = records.filter((record) => record.attacked);
  const l2 = Float64Array.from(attacked, (record) => record.l2).sort();
  const sum = (part: (piece: Piece) => number): number => pieces.reduce((total, piece) => total + part(piece), 0);
  const restarts = Math.max(0, ...pieces.map(({ robustAfter }) => robustAfter.length));
  const unjudged = records.some((record) => isRight(record) && record.broken && record.survives8Bit === null);
  return {
    model,
    threat,
    examples: rows,
    cleanAccuracy: right / rows,
    cleanInterval: wilsonInterval(right, rows),
    robustAccuracy: robust / rows,
    robustInterval: wilsonInterval(robust, rows),
    finalIterateAccuracy: sum(({ robustLast }) => robustLast) / rows,
    byRestart: Array.from(
      { length: restarts },
      (_, restart) => sum(({ robustAfter }) => robustAfter[restart] ?? robustAfter.at(-1) ?? 0) / rows,
    ),
    perturbation: {
      linfMax: attacked.reduce((largest, { linf }) => Math.max(largest, linf), 0),
      l2Mean: l2.length > 0 ? l2.reduce((total, value) => total + value, 0) / l2.length : 0,
      l2Median: l2.length > 0 ? quantile(l2, 0.5) : 0,
    },
    ...(family.minimal && { medianDistance: medianDistance(records) }),
    ...(carried > 0 && { carried }),
    ...(final &&
      !unjudged && {
        accuracy8Bit: count((record) => isRight(record) && !(record.broken && record.survives8Bit === true)) / rows,
      }),
    nonFiniteGradients: sum(({ nonFinite }) => nonFinite),
    constraintViolations: sum(({ violations }) => violations),
  };
}

function isRight({ cleanPrediction, label }: ExampleRecord): boolean {
  return cleanPrediction === label;
}

/** Over rightly classified examples; those that nothing broke are infinitely far. Null for none, or an infinite one. */
export function medianDistance(records: readonly ExampleRecord[]): number | null {
  const distances = records
    .filter(isRight)
    .map(({ distance }) => distance ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b);
  const [low, high] = [distances[(distances.length - 1) >> 1], distances[distances.length >> 1]];
  return low !== undefined && high !== undefined && Number.isFinite(high) ? (low + high) / 2 : null;
}

/** One record for each example of a part whose first row is `firstRow`. */
function exampleRecords(outcome: Outcome, examples: Examples, plan: AttackPlan, firstRow: number): ExampleRecord[] {
  const { classes } = outcome;
  return Array.from(examples.labels, (label, row) => {
    const { linf, l2, l1 } = perturbationOf(outcome, examples, row, plan);
    const succeeded = outcome.succeeded[row] === 1;
    const distance = outcome.distance[row] ?? Number.NaN;
    // Of a smallest perturbation it is known where it was found, also if that is beyond ε.
    const found = succeeded || (plan.family.minimal && Number.isFinite(distance));
    return {
      index: examples.indices[row] ?? 0,
      row: firstRow + row,
      label,
      cleanPrediction: predictionOf(outcome.cleanLogits, row * classes, classes),
      adversarialPrediction: predictionOf(outcome.logits, row * classes, classes),
      broken: succeeded || outcome.cleanWrong[row] === 1,
      attacked: outcome.attacked[row] === 1,
      firstSuccessIteration: found ? (outcome.iteration[row] ?? null) : null,
      restart: found ? (outcome.restart[row] ?? null) : null,
      linf,
      l2,
      l1,
      distance: plan.family.minimal && Number.isFinite(distance) ? distance : null,
      survives8Bit: succeeded ? outcome.survives8Bit[row] === 1 : null,
      carriedFrom: null,
      cleanConfidence: confidenceOf(outcome.cleanLogits, row * classes, classes),
      adversarialConfidence: confidenceOf(outcome.logits, row * classes, classes),
      queries: queriesOf(outcome, row, plan),
    };
  });
}

/** What a search spent on an example: all of every start so far, but of the one that broke it only what was needed. */
function queriesOf(outcome: Outcome, row: number, plan: AttackPlan): number | null {
  if (plan.family.unit !== 'queries') return null;
  if (!outcome.attacked[row]) return 0;
  if (!outcome.succeeded[row] || plan.family.minimal) return outcome.robustAfter.length * workOf(plan);
  return (outcome.restart[row] ?? 0) * workOf(plan) + (outcome.iteration[row] ?? 0) + 1;
}

/** Softmax probability of the predicted class; 0 where the logits are not finite. */
export function confidenceOf(logits: Float32Array, offset: number, classes: number): number {
  const best = predictionOf(logits, offset, classes);
  if (best < 0) return 0;
  const highest = logits[offset + best] ?? 0;
  let sum = 0;
  for (let i = 0; i < classes; i += 1) sum += Math.exp((logits[offset + i] ?? 0) - highest);
  return 1 / sum;
}

function perturbationOf(outcome: Outcome, examples: Examples, row: number, ball: Ball) {
  const size = imageSize(examples.shape);
  return measurePerturbation(examples.images, row * size, outcome.adversarial, row * size, size, ball);
}
