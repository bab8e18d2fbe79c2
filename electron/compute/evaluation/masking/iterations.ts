import { BASELINE_ITERATIONS } from './budget.ts';
import { figure, percentText, pointsText } from './item.ts';
import type { MaskingItem } from './item.ts';
import { baseline, standingAfter } from './probe.ts';
import { THRESHOLDS } from './thresholds.ts';

const MARKS: readonly number[] = [0, 1, 2, 5, 10, 20, 40, 70, 100, 200, 400, 700, 1000];

/** Does PGD find much more if it goes on? The same start and step size, so that the first 40 iterations are PGD-40. */
export const iterations: MaskingItem = {
  item: 'iterations',
  title: 'More iterations',
  gradients: true,
  weight: 20,
  async run(probe) {
    const { budget, accuracy } = probe;
    const run = await probe.longRun();
    const first = accuracy(standingAfter(run, BASELINE_ITERATIONS));
    const last = accuracy(run.standing.length);
    const drop = 100 * (first - last);
    const marks = MARKS.filter((mark) => mark <= budget.iterations);
    const from = `${percentText(first)} after ${BASELINE_ITERATIONS} iterations, ${percentText(last)} after ${budget.iterations}`;
    const bad = drop > THRESHOLDS.iterations.amber;
    return {
      figures: [
        figure(
          `Drop from ${BASELINE_ITERATIONS} to ${budget.iterations} iterations`,
          drop,
          'points',
          THRESHOLDS.iterations,
        ),
      ],
      finding: bad
        ? `PGD is not done after ${BASELINE_ITERATIONS} iterations: accuracy falls by ${pointsText(drop)} when it goes on (${from}).`
        : `PGD has found nearly all that it will find after ${BASELINE_ITERATIONS} iterations (${from}).`,
      next: bad ? `Evaluate with ${2 * budget.iterations} iterations and two starts, or with AutoAttack.` : null,
      attack: bad ? baseline(probe, { steps: 2 * budget.iterations, restarts: 2 }) : null,
      chart: {
        kind: 'curve',
        xLabel: 'Iterations',
        yLabel: 'Accuracy',
        lines: [{ label: 'PGD, one start', x: [...marks], y: marks.map((mark) => accuracy(standingAfter(run, mark))) }],
      },
    };
  },
};
