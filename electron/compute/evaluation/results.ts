import type { ExampleRecord, TargetResult, Threat } from '../../../shared/domain/evaluation.ts';
import { measurePerturbation } from '../attacks/budget.ts';
import type { Ball } from '../attacks/budget.ts';
import { imageSize } from '../attacks/examples.ts';
import type { Examples } from '../attacks/examples.ts';
import { countRobust, countRobustLast, predictionOf } from '../attacks/outcome.ts';
import type { Outcome } from '../attacks/outcome.ts';
import { workOf } from '../attacks/plan.ts';
import type { AttackPlan } from '../attacks/plan.ts';
import { quantile } from '../statistics/bootstrap.ts';
import { wilsonInterval } from '../statistics/wilson.ts';

/** One target's accuracies, from its outcome so far. Perturbations are measured over the attacked examples. */
export function targetResultOf(
  model: string,
  threat: Threat,
  outcome: Outcome,
  examples: Examples,
  ball: Ball,
): TargetResult {
  const rows = examples.labels.length;
  const right = outcome.cleanWrong.reduce((count, wrong) => count + (wrong ? 0 : 1), 0);
  const robust = countRobust(outcome);
  const sizes = [...outcome.attacked.keys()]
    .filter((row) => outcome.attacked[row])
    .map((row) => perturbationOf(outcome, examples, row, ball));
  const l2 = Float64Array.from(sizes, (size) => size.l2).sort();
  return {
    model,
    threat,
    examples: rows,
    cleanAccuracy: right / rows,
    cleanInterval: wilsonInterval(right, rows),
    robustAccuracy: robust / rows,
    robustInterval: wilsonInterval(robust, rows),
    finalIterateAccuracy: countRobustLast(outcome) / rows,
    byRestart: outcome.robustAfter.map((count) => count / rows),
    perturbation: {
      linfMax: sizes.reduce((largest, size) => Math.max(largest, size.linf), 0),
      l2Mean: l2.length > 0 ? l2.reduce((sum, value) => sum + value, 0) / l2.length : 0,
      l2Median: l2.length > 0 ? quantile(l2, 0.5) : 0,
    },
    nonFiniteGradients: outcome.nonFinite,
    constraintViolations: outcome.violations,
  };
}

/** One record for each example. */
export function exampleRecords(outcome: Outcome, examples: Examples, plan: AttackPlan): ExampleRecord[] {
  const { classes } = outcome;
  return Array.from(examples.labels, (label, row) => {
    const { linf, l2, l1 } = perturbationOf(outcome, examples, row, plan);
    const distance = outcome.distance[row] ?? Number.NaN;
    const succeeded = outcome.succeeded[row] === 1;
    return {
      index: examples.indices[row] ?? 0,
      row,
      label,
      cleanPrediction: predictionOf(outcome.cleanLogits, row * classes, classes),
      adversarialPrediction: predictionOf(outcome.logits, row * classes, classes),
      broken: succeeded || outcome.cleanWrong[row] === 1,
      attacked: outcome.attacked[row] === 1,
      firstSuccessIteration: succeeded ? (outcome.iteration[row] ?? null) : null,
      restart: succeeded ? (outcome.restart[row] ?? null) : null,
      linf,
      l2,
      l1,
      distance: plan.family.minimal && Number.isFinite(distance) ? distance : null,
      survives8Bit: null,
      carriedFrom: null,
      cleanConfidence: confidenceOf(outcome.cleanLogits, row * classes, classes),
      adversarialConfidence: confidenceOf(outcome.logits, row * classes, classes),
      queries: queriesOf(outcome, row, plan),
    };
  });
}

/** What a search spent on an example: all of every start, but of the one that broke it only what was needed. */
function queriesOf(outcome: Outcome, row: number, plan: AttackPlan): number | null {
  if (plan.family.unit !== 'queries') return null;
  if (!outcome.attacked[row]) return 0;
  if (!outcome.succeeded[row]) return plan.restarts * workOf(plan);
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
