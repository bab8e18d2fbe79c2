import { BASELINE_ITERATIONS } from './budget.ts';
import { figure, pointsText } from './item.ts';
import type { MaskingItem } from './item.ts';
import { BASELINE_STEP, standingAfter } from './probe.ts';
import type { Probe } from './probe.ts';
import type { Attempt } from './record.ts';
import { THRESHOLDS } from './thresholds.ts';

/** Step sizes as shares of ε, the baseline's among them. */
export const STEP_SHARES: readonly number[] = [1 / 40, BASELINE_STEP, 1 / 8, 1 / 4, 1 / 2, 1];

const MARKS: readonly number[] = [5, 10, 20, 40, 100];

export interface StepSizeRow {
  /** Of ε. */
  readonly share: number;
  readonly run: Attempt;
}

const known = new WeakMap<Probe, Promise<readonly StepSizeRow[]>>();

/** PGD from the same start with each step size; run once for each probe. */
export function stepSizeRows(probe: Probe): Promise<readonly StepSizeRow[]> {
  const rows = known.get(probe) ?? runRows(probe);
  known.set(probe, rows);
  return rows;
}

async function runRows(probe: Probe): Promise<readonly StepSizeRow[]> {
  const rows: StepSizeRow[] = [];
  for (const share of STEP_SHARES) {
    const run =
      share === BASELINE_STEP
        ? await probe.longRun()
        : await probe.attack({
            name: 'pgd',
            settings: {
              epsilon: probe.epsilon,
              steps: probe.budget.stepSizeIterations,
              stepSize: share * probe.epsilon,
              restarts: 1,
              stopAtSuccess: true,
            },
          });
    rows.push({ share, run });
  }
  return rows;
}

/** The step size that leaves the fewest examples standing after as many iterations as the baseline has. */
export async function bestStepShare(probe: Probe): Promise<number> {
  const rows = await stepSizeRows(probe);
  const left = (row: StepSizeRow): number => standingAfter(row.run, BASELINE_ITERATIONS);
  const fewest = Math.min(...rows.map(left));
  const baseline = rows.find(({ share }) => share === BASELINE_STEP);
  if (baseline && left(baseline) === fewest) return BASELINE_STEP;
  return rows.find((row) => left(row) === fewest)?.share ?? BASELINE_STEP;
}

/** Does the result hang on the step size? A rugged loss surface rewards large steps. */
export const stepSize: MaskingItem = {
  item: 'step-size',
  title: 'Step size',
  gradients: true,
  weight: 14,
  async run(probe) {
    const { budget, accuracy, epsilon } = probe;
    const rows = await stepSizeRows(probe);
    const marks = MARKS.filter((mark) => mark <= budget.stepSizeIterations);
    const last = marks.at(-1) ?? BASELINE_ITERATIONS;
    const leftBy = (share: number): number => {
      const row = rows.find((one) => one.share === share);
      return row ? accuracy(standingAfter(row.run, last)) : Number.NaN;
    };
    const lefts = STEP_SHARES.map(leftBy);
    const best = Math.min(...lefts);
    const bestShare = STEP_SHARES[lefts.indexOf(best)] ?? BASELINE_STEP;
    const drop = 100 * (leftBy(BASELINE_STEP) - best);
    const bad = drop > THRESHOLDS.stepSize.amber;
    return {
      figures: [
        figure(`Best step size beyond the default one, ${last} iterations`, drop, 'points', THRESHOLDS.stepSize),
      ],
      finding: bad
        ? `The result hangs on the step size: steps of ${stepText(bestShare, epsilon)} break ${pointsText(drop)} more than those of ${stepText(BASELINE_STEP, epsilon)}. The loss surface is rugged.`
        : `No step size from ε/40 to ε finds much more than the usual one (${pointsText(Math.max(0, drop))}).`,
      next: bad ? `Evaluate with steps of ${stepText(bestShare, epsilon)} from 20 starts.` : null,
      attack: bad
        ? { name: 'pgd', settings: { epsilon, steps: 100, stepSize: bestShare * epsilon, restarts: 20 } }
        : null,
      chart: {
        kind: 'grid',
        xLabel: 'Iterations',
        yLabel: 'Step size, of ε',
        valueLabel: 'Accuracy',
        x: [...marks],
        y: [...STEP_SHARES],
        values: rows.map(({ run }) => marks.map((mark) => accuracy(standingAfter(run, mark)))),
      },
    };
  },
};

function stepText(share: number, epsilon: number): string {
  return Number((share * epsilon).toPrecision(3)).toString();
}
