import type { TrainPoint } from '../../shared/domain/train-point.ts';
import { smooth, type ChartLine } from '../charts/line-chart.ts';
import { t } from '../i18n/index.ts';

type StepPoint = Extract<TrainPoint, { type: 'step' }>;
type ValidationPoint = Extract<TrainPoint, { type: 'validation' }>;

const isStep = (point: TrainPoint): point is StepPoint => point.type === 'step';
const isValidation = (point: TrainPoint): point is ValidationPoint => point.type === 'validation';
const DASHES: readonly (readonly number[])[] = [[], [5, 3], [2, 2], [7, 2, 2, 2], [1, 2]];

/** A run with its curves and how it is drawn. */
export interface CurveRun {
  readonly id: string;
  readonly name: string;
  readonly colour: string;
  readonly points: readonly TrainPoint[];
}

/** Names of the loss terms of a run, `total` last; a single term is the total. */
export function termNames(points: readonly TrainPoint[]): readonly string[] {
  const names = new Set(points.flatMap((point) => (isStep(point) ? Object.keys(point.terms) : [])));
  names.delete('total');
  return names.size === 1 ? [...names] : [...names, 'total'];
}

/**
 * Share of the past in the moving average.
 * @param smoothing chosen share, 0…1; null: about a fortieth of the curve, none for short ones.
 */
function weightFor(count: number, smoothing: number | null): number {
  return smoothing ?? (count < 40 ? 0 : 1 - 1 / Math.min(50, count / 40 + 1));
}

function withAverage(
  line: Omit<ChartLine, 'points'>,
  raw: readonly (readonly [number, number])[],
  smoothing: number | null,
): readonly ChartLine[] {
  const weight = weightFor(raw.length, smoothing);
  if (weight === 0) return [{ ...line, points: raw }];
  return [
    { ...line, key: `${line.key}-raw`, name: line.name, points: raw, opacity: 0.22, width: 1, dash: [], quiet: true },
    { ...line, points: smooth(raw, weight) },
  ];
}

/**
 * Curves of the loss: every term of one run in its own colour, or the total of several runs in theirs.
 * @param palette categorical colours for terms; the last one is for the total
 */
export function lossLines(
  runs: readonly CurveRun[],
  palette: readonly string[],
  ink: string,
  smoothing: number | null = null,
): readonly ChartLine[] {
  const only = runs.length === 1 ? runs[0] : undefined;
  if (!only) {
    return runs.flatMap((run) =>
      withAverage(
        { key: run.id, name: run.name, colour: run.colour },
        run.points.filter(isStep).map((point) => [point.step, point.terms['total'] ?? Number.NaN]),
        smoothing,
      ),
    );
  }
  const steps = only.points.filter(isStep);
  return termNames(only.points).flatMap((term, i) =>
    withAverage(
      {
        key: term,
        name: term === 'total' ? t('training.charts.total') : term,
        colour: term === 'total' ? ink : (palette[i % palette.length] ?? ink),
        dash: term === 'total' ? [] : (DASHES[i % DASHES.length] ?? []),
        width: term === 'total' ? 1.2 : 1.8,
      },
      steps.map((point) => [point.step, point.terms[term] ?? Number.NaN]),
      smoothing,
    ),
  );
}

/** Curve of a number of each step, one line a run: the norm of the gradient, or the learning rate. */
export function stepLines(
  runs: readonly CurveRun[],
  what: 'gradient' | 'rate',
  smoothing: number | null = null,
): readonly ChartLine[] {
  return runs.flatMap((run) => {
    const raw = run.points.filter(isStep).flatMap((point): [number, number][] => {
      const value = what === 'gradient' ? point.gradientNorm : point.learningRate;
      return value === undefined ? [] : [[point.step, value]];
    });
    if (raw.length === 0) return [];
    return withAverage({ key: run.id, name: run.name, colour: run.colour }, raw, what === 'rate' ? 0 : smoothing);
  });
}

/** Curves of accuracy in per cent: minibatch and validation of one run, or validation of several. Adversarial is dashed. */
export function accuracyLines(
  runs: readonly CurveRun[],
  cleanColour: string,
  adversarialColour: string,
  smoothing: number | null = null,
): readonly ChartLine[] {
  const only = runs.length === 1 ? runs[0] : undefined;
  if (!only) {
    return runs.flatMap((run) => {
      const validations = run.points.filter(isValidation);
      return [
        {
          key: `${run.id}-clean`,
          name: run.name,
          colour: run.colour,
          markers: true,
          points: validations.map((point): [number, number] => [point.step, 100 * point.cleanAccuracy]),
        },
        {
          key: `${run.id}-adversarial`,
          name: `${run.name}, ${t('training.charts.adversarial')}`,
          group: run.name,
          colour: run.colour,
          dash: [5, 3],
          markers: true,
          points: validations.map((point): [number, number] => [point.step, 100 * point.adversarialAccuracy]),
        },
      ];
    });
  }
  const steps = only.points.filter(isStep);
  const validations = only.points.filter(isValidation);
  const batch = (
    key: string,
    name: string,
    group: string,
    colour: string,
    dash: readonly number[],
    value: (point: StepPoint) => number | null,
  ): readonly ChartLine[] => {
    const raw = steps.flatMap((point): [number, number][] => {
      const share = value(point);
      return share === null ? [] : [[point.step, 100 * share]];
    });
    return raw.length === 0
      ? []
      : [
          {
            key,
            name,
            group,
            colour,
            dash,
            width: 1,
            opacity: 0.6,
            points: smooth(raw, weightFor(raw.length, smoothing)),
          },
        ];
  };
  return [
    ...batch(
      'batch-clean',
      t('training.charts.batchClean'),
      t('training.charts.clean'),
      cleanColour,
      [],
      (point) => point.cleanAccuracy,
    ),
    ...batch(
      'batch-adversarial',
      t('training.charts.batchAdversarial'),
      t('training.charts.adversarial'),
      adversarialColour,
      [5, 3],
      (point) => point.adversarialAccuracy,
    ),
    ...(validations.length === 0
      ? []
      : [
          {
            key: 'clean',
            name: t('training.charts.validationClean'),
            group: t('training.charts.clean'),
            colour: cleanColour,
            width: 2,
            markers: true,
            points: validations.map((point): [number, number] => [point.step, 100 * point.cleanAccuracy]),
          },
          {
            key: 'adversarial',
            name: t('training.charts.validationAdversarial'),
            group: t('training.charts.adversarial'),
            colour: adversarialColour,
            width: 2,
            dash: [5, 3],
            markers: true,
            points: validations.map((point): [number, number] => [point.step, 100 * point.adversarialAccuracy]),
          },
          ...averagedLines(validations, cleanColour, adversarialColour),
        ]),
  ];
}

/** Accuracies of the averaged weights, dotted; none where none are kept. */
function averagedLines(
  validations: readonly ValidationPoint[],
  cleanColour: string,
  adversarialColour: string,
): readonly ChartLine[] {
  const measured = validations.flatMap(({ step, ema }) => (ema ? [{ step, ...ema }] : []));
  if (measured.length === 0) return [];
  return [
    {
      key: 'averaged-clean',
      name: t('training.charts.averaged'),
      group: t('training.charts.clean'),
      colour: cleanColour,
      dash: [1, 2],
      points: measured.map((point): [number, number] => [point.step, 100 * point.cleanAccuracy]),
    },
    {
      key: 'averaged-adversarial',
      name: t('training.charts.averagedAdversarial'),
      group: t('training.charts.adversarial'),
      colour: adversarialColour,
      dash: [1, 2],
      points: measured.map((point): [number, number] => [point.step, 100 * point.adversarialAccuracy]),
    },
  ];
}

/** Shares 0…1 for a row's small picture: validations, or minibatches before there are two. At most `limit` of them. */
export function sparkValues(
  points: readonly TrainPoint[],
  limit = 40,
): { readonly clean: readonly number[]; readonly adversarial: readonly number[] } {
  const validations = points.filter(isValidation);
  const source = validations.length > 1 ? validations : points.filter(isStep);
  const thinned = (measured: readonly (number | null)[]): readonly number[] => {
    const shares = measured.filter((share) => share !== null);
    const every = Math.max(1, Math.ceil(shares.length / limit));
    return shares.filter((_, i) => i % every === 0 || i === shares.length - 1);
  };
  return {
    clean: thinned(source.map((point) => point.cleanAccuracy)),
    adversarial: thinned(source.map((point) => point.adversarialAccuracy)),
  };
}
