import type { ExampleRecord } from '../../../shared/domain/evaluation.ts';
import type { PlanCurve, PlanCurves } from '../../../shared/domain/plan.ts';
import { wilsonInterval } from '../../compute/statistics/wilson.ts';
import { epsilonsOf, normsOf, outcomesIn, smallestBreaks } from './measured.ts';
import type { MeasuredOutcome, MeasuredPlan } from './measured.ts';
import { stepLabel } from './result.ts';

/** Points of one curve at most: more than a figure can show. */
const MOST_POINTS = 400;

/** Outcomes of one model and column, one for each seed. */
type BySeed = readonly [MeasuredOutcome, ...MeasuredOutcome[]];

/**
 * Robust accuracy over ε, iterations, restarts and queries. Where a column has several seeds its curves are their mean,
 * with the lowest and the highest of them; worst cases are over all.
 */
export function planCurvesOf(measured: MeasuredPlan): PlanCurves {
  const columns = bySeed(measured.outcomes);
  const label = ([{ step }]: BySeed): string => stepLabel(step, measured.nameOf);
  const over = (outcomes: BySeed, fallsAt: (record: ExampleRecord) => number | null): PlanCurve =>
    curve(
      outcomes,
      label(outcomes),
      outcomes.map(({ records }) => records.map((record) => eventOf(record, fallsAt(record)))),
    );
  return {
    epsilon: measured.models.flatMap(({ id }) => [
      ...worstCurves(measured.outcomes.filter(({ model }) => model === id)),
      ...columns
        .filter(([{ model, step }]) => model === id && step.minimal)
        .map((outcomes) =>
          curve(
            outcomes,
            label(outcomes),
            outcomes.map((outcome) => smallestBreaks([outcome])),
          ),
        ),
    ]),
    iterations: columns
      .filter(([first]) => hasIterations(first))
      .map((outcomes) => over(outcomes, ({ restart, firstSuccessIteration: at }) => (restart === 0 ? at : null))),
    restarts: columns
      .filter((outcomes) => outcomes.some(({ target }) => target.byRestart.length > 1))
      .map((outcomes) => restartCurve(outcomes, label(outcomes))),
    queries: columns
      .filter(([{ step }]) => step.gradientFree && !step.minimal)
      .map((outcomes) => over(outcomes, ({ broken, queries }) => (broken ? queries : null))),
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

function bySeed(outcomes: readonly MeasuredOutcome[]): BySeed[] {
  const groups = new Map<string, BySeed>();
  for (const outcome of outcomes) {
    const key = `${outcome.model} ${outcome.step.column}`;
    const known = groups.get(key);
    groups.set(key, known ? [...known, outcome] : [outcome]);
  }
  return [...groups.values()];
}

/** The worst case over everything, for each norm. */
function worstCurves(outcomes: readonly MeasuredOutcome[]): PlanCurve[] {
  const steps = outcomes.map(({ step }) => step);
  return normsOf(steps).flatMap((norm) => {
    const ofNorm = outcomesIn(outcomes, norm);
    const [first] = ofNorm;
    const largest = epsilonsOf(steps, norm).at(-1);
    if (!first || largest === undefined) return [];
    // Beyond the largest ε only minimal-norm attacks have looked: the curve of all ends there.
    const breaks = smallestBreaks(ofNorm).map((at) => (at <= largest ? at : Number.POSITIVE_INFINITY));
    return [{ ...curve([first], 'worst case', [breaks], epsilonsOf(steps, norm)), column: null }];
  });
}

function restartCurve(outcomes: BySeed, label: string): PlanCurve {
  const [{ target }] = outcomes;
  const most = Math.max(...outcomes.map(({ target: { byRestart } }) => byRestart.length));
  const x = Array.from({ length: most }, (_, restart) => restart + 1);
  // A seed whose attack was cut short stays where it was.
  const standing = outcomes.map(({ target: { byRestart, examples } }) =>
    x.map((_, restart) => Math.round((byRestart[restart] ?? byRestart.at(-1) ?? 0) * examples)),
  );
  return withSpread(outcomes, label, x, standing, target.examples);
}

/**
 * Accuracy as a falling staircase.
 * @param events of each seed, where each example falls; infinite where it stands.
 * @param marks where there is a point even if nothing falls.
 */
function curve(
  outcomes: BySeed,
  label: string,
  events: readonly ArrayLike<number>[],
  marks: readonly number[] = [],
): PlanCurve {
  const sorted = events.map((own) => Float64Array.from(own).sort());
  const finite = sorted.flatMap((own) => [...own].filter(Number.isFinite));
  const x = thinned([...new Set([0, ...finite, ...marks])].sort((a, b) => a - b));
  const standing = sorted.map((own) => {
    let fallen = 0;
    return x.map((at) => {
      while (fallen < own.length && (own[fallen] ?? Number.POSITIVE_INFINITY) <= at) fallen += 1;
      return own.length - fallen;
    });
  });
  return withSpread(outcomes, label, x, standing, sorted[0]?.length ?? 0);
}

/** @param standing of each seed, how many examples stand at each x. */
function withSpread(
  [{ model, step }]: BySeed,
  label: string,
  x: number[],
  standing: readonly (readonly number[])[],
  examples: number,
): PlanCurve {
  const counts = x.map((_, at) => standing.map((own) => own[at] ?? 0));
  const means = counts.map((own) => own.reduce((sum, count) => sum + count, 0) / own.length);
  const intervals = means.map((mean) => wilsonInterval(Math.round(mean), examples));
  return {
    model,
    label,
    column: step.column,
    norm: step.attack.plan.norm,
    x,
    accuracy: means.map((mean) => mean / examples),
    low: intervals.map(([low]) => low),
    high: intervals.map(([, high]) => high),
    seeds: standing.length,
    lowest: counts.map((own) => Math.min(...own) / examples),
    highest: counts.map((own) => Math.max(...own) / examples),
    examples,
  };
}

/** At most {@link MOST_POINTS} of the values, the first and the last among them. */
function thinned(values: readonly number[]): number[] {
  if (values.length <= MOST_POINTS) return [...values];
  const stride = (values.length - 1) / (MOST_POINTS - 1);
  return Array.from({ length: MOST_POINTS }, (_, at) => values[Math.round(at * stride)] ?? 0);
}
