import { BASELINE_ITERATIONS } from './budget.ts';
import { figure, percentText, pointsText } from './item.ts';
import type { MaskingItem } from './item.ts';
import { standingAfter } from './probe.ts';
import { bestStepShare } from './step-size.ts';
import { THRESHOLDS } from './thresholds.ts';

/**
 * The plateau p of accuracy = p + d / n after n starts, by least squares; the curve falls like that where each start
 * finds what is left with ever smaller odds.
 */
export function fitPlateau(accuracies: readonly number[]): { readonly plateau: number; readonly slope: number } | null {
  const count = accuracies.length;
  if (count < 3) return null;
  const inverse = accuracies.map((_, at) => 1 / (at + 1));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middle, level] = [mean(inverse), mean(accuracies)];
  const spread = inverse.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  const slope =
    inverse.reduce((sum, value, at) => sum + (value - middle) * ((accuracies[at] ?? 0) - level), 0) / spread;
  return { plateau: Math.max(0, level - slope * middle), slope };
}

/** Starts of the evaluation that is asked for where a few were not enough. */
export const MANY_STARTS = 200;

/** Do many starts, with the step size that works best, find much more than one start of the usual PGD? */
export const restarts: MaskingItem = {
  item: 'restarts',
  title: 'More restarts, larger steps',
  gradients: true,
  weight: 18,
  async run(probe) {
    const { budget, accuracy, epsilon } = probe;
    const share = await bestStepShare(probe);
    const first = await probe.longRun();
    const steps = budget.startIterations;
    const run = await probe.attack({
      name: 'pgd',
      settings: { epsilon, steps, stepSize: share * epsilon, restarts: budget.restarts, stopAtSuccess: true },
    });
    const baseline = accuracy(standingAfter(first, BASELINE_ITERATIONS));
    const curve = run.byRestart.map(accuracy);
    const last = Math.min(baseline, curve.at(-1) ?? baseline);
    const drop = 100 * (baseline - last);
    const fit = fitPlateau(curve);
    const doubling = fit && (100 * Math.max(0, fit.slope)) / (2 * budget.restarts);
    const starts = curve.map((_, at) => at + 1);
    const bad = drop > THRESHOLDS.restarts.amber;
    const size = Number((share * epsilon).toPrecision(3));
    return {
      figures: [
        figure(
          `Drop from PGD-${BASELINE_ITERATIONS} to PGD-${steps} × ${budget.restarts} with steps of ${size}`,
          drop,
          'points',
          THRESHOLDS.restarts,
        ),
        ...(doubling === null
          ? []
          : [figure('Twice as many starts would break, by the fitted curve', doubling, 'points', THRESHOLDS.doubling)]),
      ],
      finding: bad
        ? `One start flatters the model: ${budget.restarts} starts with steps of ${size} bring accuracy from ${percentText(baseline)} to ${percentText(last)}, ${pointsText(drop)} less.`
        : `${budget.restarts} starts with steps of ${size} break ${pointsText(drop)} more than one start (${percentText(last)} are left${fit ? `; the fitted plateau is ${percentText(fit.plateau)}` : ''}).`,
      next: bad ? `Evaluate with ${MANY_STARTS} starts and steps of ${size}, or with AutoAttack.` : null,
      attack: bad
        ? { name: 'pgd', settings: { epsilon, steps, stepSize: share * epsilon, restarts: MANY_STARTS } }
        : null,
      chart: {
        kind: 'curve',
        xLabel: 'Starts',
        yLabel: 'Accuracy',
        lines: [
          { label: 'Measured', x: starts, y: curve },
          ...(fit ? [{ label: 'Fitted', x: starts, y: starts.map((n) => fit.plateau + fit.slope / n) }] : []),
        ],
      },
    };
  },
};
