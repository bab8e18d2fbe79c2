import type { ExampleRecord } from '../../../shared/domain/evaluation.ts';
import type { PlanCurve, PlanCurves } from '../../../shared/domain/plan.ts';
import { wilsonInterval } from '../../compute/statistics/wilson.ts';
import { epsilonsOf, normsOf, smallestBreaks } from './measured.ts';
import type { MeasuredOutcome, MeasuredPlan } from './measured.ts';
import { stepLabel } from './result.ts';

/** Points of one curve at most: more than a figure can show. */
const MOST_POINTS = 400;

/**
 * Robust accuracy over ε, iterations, restarts and queries. Where a column has several seeds its curves are those of
 * the first; worst cases are over all.
 */
export function planCurvesOf(measured: MeasuredPlan): PlanCurves {
  const single = firstSeeds(measured.outcomes);
  const label = ({ step }: MeasuredOutcome): string => stepLabel(step, measured.nameOf);
  return {
    epsilon: measured.models.flatMap(({ id }) => {
      const own = measured.outcomes.filter(({ model }) => model === id);
      return [
        ...worstCurves(own),
        ...single.filter(({ model }) => model === id).flatMap((one) => distanceCurve(one, label(one))),
      ];
    }),
    iterations: single.filter(hasIterations).map((outcome) =>
      curve(
        outcome,
        label(outcome),
        outcome.records.map((record) => eventOf(record, record.restart === 0 ? record.firstSuccessIteration : null)),
      ),
    ),
    restarts: single
      .filter(({ target }) => target.byRestart.length > 1)
      .map((outcome) => restartCurve(outcome, label(outcome))),
    queries: single
      .filter(({ step }) => step.gradientFree && !step.minimal)
      .map((outcome) =>
        curve(
          outcome,
          label(outcome),
          outcome.records.map((record) => eventOf(record, record.broken ? record.queries : null)),
        ),
      ),
  };
}

/** Transfers judge the last iterate alone, and a smallest perturbation is found at no particular iteration. */
function hasIterations({ step, target }: MeasuredOutcome): boolean {
  return target.threat === 'white-box' && !step.gradientFree && !step.minimal;
}

/** When an example falls: at once if it is misclassified or carried, at `at` if attacked and broken, else never. */
function eventOf(record: ExampleRecord, at: number | null): number {
  if (record.cleanPrediction !== record.label || record.carriedFrom !== null) return 0;
  return record.broken && at !== null ? at : Number.POSITIVE_INFINITY;
}

function firstSeeds(outcomes: readonly MeasuredOutcome[]): MeasuredOutcome[] {
  const first = new Map<string, MeasuredOutcome>();
  for (const outcome of outcomes) {
    const key = `${outcome.model} ${outcome.step.column}`;
    if (!first.has(key)) first.set(key, outcome);
  }
  return [...first.values()];
}

/** The worst case over everything, for each norm. */
function worstCurves(outcomes: readonly MeasuredOutcome[]): PlanCurve[] {
  const steps = outcomes.map(({ step }) => step);
  return normsOf(steps).flatMap((norm) => {
    const ofNorm = outcomes.filter(({ step }) => step.attack.plan.norm === norm);
    const [first] = ofNorm;
    const largest = epsilonsOf(steps, norm).at(-1);
    if (!first || largest === undefined) return [];
    // Beyond the largest ε only minimal-norm attacks have looked: the curve of all ends there.
    const breaks = smallestBreaks(ofNorm).map((at) => (at <= largest ? at : Number.POSITIVE_INFINITY));
    return [{ ...curve(first, 'worst case', breaks, epsilonsOf(steps, norm)), column: null }];
  });
}

function distanceCurve(outcome: MeasuredOutcome, label: string): PlanCurve[] {
  return outcome.step.minimal ? [curve(outcome, label, smallestBreaks([outcome]))] : [];
}

function restartCurve({ model, step, target }: MeasuredOutcome, label: string): PlanCurve {
  const { examples, byRestart } = target;
  const intervals = byRestart.map((accuracy) => wilsonInterval(Math.round(accuracy * examples), examples));
  return {
    model,
    label,
    column: step.column,
    norm: step.attack.plan.norm,
    x: byRestart.map((_, restart) => restart + 1),
    accuracy: byRestart,
    low: intervals.map(([low]) => low),
    high: intervals.map(([, high]) => high),
    examples,
  };
}

/**
 * Accuracy as a falling staircase.
 * @param events where each example falls; infinite where it stands.
 * @param marks where there is a point even if nothing falls.
 */
function curve(
  { model, step }: MeasuredOutcome,
  label: string,
  events: ArrayLike<number>,
  marks: readonly number[] = [],
): PlanCurve {
  const sorted = Float64Array.from(events).sort();
  const finite = sorted.filter(Number.isFinite);
  const x = thinned([...new Set([0, ...finite, ...marks])].sort((a, b) => a - b));
  let fallen = 0;
  const standing = x.map((at) => {
    while (fallen < sorted.length && (sorted[fallen] ?? Number.POSITIVE_INFINITY) <= at) fallen += 1;
    return sorted.length - fallen;
  });
  const intervals = standing.map((count) => wilsonInterval(count, sorted.length));
  return {
    model,
    label,
    column: step.column,
    norm: step.attack.plan.norm,
    x,
    accuracy: standing.map((count) => count / sorted.length),
    low: intervals.map(([low]) => low),
    high: intervals.map(([, high]) => high),
    examples: sorted.length,
  };
}

/** At most {@link MOST_POINTS} of the values, the first and the last among them. */
function thinned(values: readonly number[]): number[] {
  if (values.length <= MOST_POINTS) return [...values];
  const stride = (values.length - 1) / (MOST_POINTS - 1);
  return Array.from({ length: MOST_POINTS }, (_, at) => values[Math.round(at * stride)] ?? 0);
}
