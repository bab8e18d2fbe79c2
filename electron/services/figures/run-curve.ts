import type { CheckState } from '../../../shared/domain/check.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { TrainPoint } from '../../../shared/domain/training.ts';
import { footnotes, markedLabel } from '../marks.ts';
import { curveFigure, type CurveSeries } from './curve.ts';
import { withNotes } from './notes.ts';
import type { SvgFigure } from './svg-document.ts';

/** `terms`: each loss term of one run. `accuracy`: clean and adversarial validation accuracy of one or several. */
export type RunCurve = 'terms' | 'accuracy';

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
 * @throws AppError `not-found` where there is nothing to draw, `invalid-input` for loss terms of several runs.
 */
export function runCurve(runs: readonly RunHistory[], curve: RunCurve): SvgFigure {
  const series = curve === 'terms' ? termSeries(runs) : accuracySeries(runs);
  if (series.every(({ points }) => points.length === 0)) {
    throw new AppError('not-found', 'There is nothing to draw yet: the run has not finished its first step.');
  }
  const figure = curveFigure({
    series,
    xLabel: 'epoch',
    yLabel: curve === 'terms' ? 'loss term (weighted)' : 'accuracy',
    yRange: curve === 'terms' ? null : [0, 1],
  });
  return withNotes(figure, curve === 'terms' ? footnotes(runs) : footnotes(runs, [VALIDATION]));
}

/** Accuracy under attack while a run trains. */
const VALIDATION = {
  label: 'adversarial accuracy during training',
  weak: 'A few steps from one start on some held-out images: it shows progress.',
} as const;

function termSeries(runs: readonly RunHistory[]): CurveSeries[] {
  const [run, ...others] = runs;
  if (!run || others.length > 0) {
    throw new AppError('invalid-input', 'runs: loss terms are drawn for one run; choose accuracy to compare several.');
  }
  const steps = run.points.filter((point): point is StepPoint => point.type === 'step');
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
