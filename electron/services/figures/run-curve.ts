import type { CheckState } from '../../../shared/domain/check.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { TrainPoint } from '../../../shared/domain/train-point.ts';
import { footnotes, markedLabel } from '../marks.ts';
import { curveFigure, type CurveSeries } from './curve.ts';
import { withNotes } from './notes.ts';
import type { SvgFigure } from './svg-document.ts';

/**
 * `terms`: each loss term of one run, or the whole loss of several. `gradient`: the norm of the gradient. `rate`: the
 * learning rate. `accuracy`: clean and adversarial validation accuracy of one or several.
 */
export type RunCurve = 'terms' | 'gradient' | 'rate' | 'accuracy';

const AXES: Readonly<Record<RunCurve, string>> = {
  terms: 'loss term (weighted)',
  gradient: 'gradient norm',
  rate: 'learning rate',
  accuracy: 'accuracy',
};

export interface RunHistory {
  readonly name: string;
  /** Of the model that it trained. */
  readonly check: CheckState | null;
  readonly colour: number;
  readonly points: readonly TrainPoint[];
}

type StepPoint = Extract<TrainPoint, { readonly type: 'step' }>;
type ValidationPoint = Extract<TrainPoint, { readonly type: 'validation' }>;

/**
 * A figure of how runs went.
 * @throws AppError `not-found` where there is nothing to draw.
 */
export function runCurve(runs: readonly RunHistory[], curve: RunCurve): SvgFigure {
  const series = seriesOf(runs, curve);
  if (series.every(({ points }) => points.length === 0)) {
    throw new AppError('not-found', 'There is nothing to draw yet: the run has not finished its first step.');
  }
  const figure = curveFigure({
    series,
    xLabel: 'epoch',
    yLabel: curve === 'terms' && runs.length > 1 ? 'loss' : AXES[curve],
    yRange: curve === 'accuracy' ? [0, 1] : null,
  });
  return withNotes(figure, curve === 'accuracy' ? footnotes(runs, [VALIDATION]) : footnotes(runs));
}

/** Accuracy under attack while a run trains. */
const VALIDATION = {
  label: 'adversarial accuracy during training',
  weak: 'Few steps from one start on some held-out images: it shows progress.',
} as const;

function seriesOf(runs: readonly RunHistory[], curve: RunCurve): CurveSeries[] {
  const [run, ...others] = runs;
  switch (curve) {
    case 'terms':
      return run && others.length === 0 ? termSeries(run) : stepSeries(runs, (point) => point.terms['total']);
    case 'gradient':
      return stepSeries(runs, (point) => point.gradientNorm);
    case 'rate':
      return stepSeries(runs, (point) => point.learningRate);
    case 'accuracy':
      return accuracySeries(runs);
  }
}

const stepsOf = (points: readonly TrainPoint[]): readonly StepPoint[] =>
  points.filter((point) => point.type === 'step');

/** One number of each step, a line for each run in its colour. */
function stepSeries(runs: readonly RunHistory[], value: (point: StepPoint) => number | undefined): CurveSeries[] {
  return runs.map(({ name, colour, points }) => ({
    name,
    colour,
    dash: 0,
    points: smoothed(
      stepsOf(points).flatMap((point): [number, number][] => {
        const y = value(point);
        return y === undefined ? [] : [[point.epoch, y]];
      }),
    ),
  }));
}

function termSeries(run: RunHistory): CurveSeries[] {
  const steps = stepsOf(run.points);
  const names = [...new Set(steps.flatMap((point) => Object.keys(point.terms)))].filter((name) => name !== 'total');
  return names.map((name, slot) => ({
    name,
    colour: slot,
    dash: slot,
    points: smoothed(
      steps.flatMap((point): [number, number][] =>
        point.terms[name] === undefined ? [] : [[point.epoch, point.terms[name]]],
      ),
    ),
  }));
}

/** One run: a colour for clean and one for adversarial. Several: the run's own colour, adversarial dashed. */
function accuracySeries(runs: readonly RunHistory[]): CurveSeries[] {
  const alone = runs.length === 1;
  return runs.flatMap(({ name, colour, points }) => {
    const validations = points.filter((point): point is ValidationPoint => point.type === 'validation');
    const prefix = alone ? '' : `${name}, `;
    return [
      {
        name: `${prefix}clean`,
        colour: alone ? 0 : colour,
        dash: 0,
        points: validations.map((point): [number, number] => [point.epoch, point.cleanAccuracy]),
      },
      {
        name: markedLabel({ label: `${prefix}adversarial`, weak: VALIDATION.weak }),
        colour: alone ? 1 : colour,
        dash: 1,
        points: validations.map((point): [number, number] => [point.epoch, point.adversarialAccuracy]),
      },
    ];
  });
}

const MOST_POINTS = 120;

/** Means over equal stretches, so that a curve of thousands of noisy steps is a line and not a band. */
function smoothed(points: readonly (readonly [number, number])[]): [number, number][] {
  const width = Math.max(1, Math.ceil(points.length / MOST_POINTS));
  const result: [number, number][] = [];
  for (let start = 0; start < points.length; start += width) {
    const stretch = points.slice(start, start + width);
    const mean = (at: 0 | 1): number => stretch.reduce((sum, point) => sum + point[at], 0) / stretch.length;
    result.push([mean(0), mean(1)]);
  }
  return result;
}
