import { BASELINE_ITERATIONS } from './budget.ts';
import { figure, percentText, pointsText } from './item.ts';
import type { MaskingItem } from './item.ts';
import { standingAfter } from './probe.ts';
import { THRESHOLDS } from './thresholds.ts';

/** How much does a single PGD-40 flatter the model, beside everything that the check tried? The last part: it counts the others. */
export const worstCase: MaskingItem = {
  item: 'worst-case',
  title: 'PGD-40 against everything',
  gradients: true,
  weight: 0,
  async run(probe) {
    const { accuracy, unbroken, epsilon } = probe;
    const quick = accuracy(standingAfter(await probe.longRun(), BASELINE_ITERATIONS));
    const worst = accuracy(unbroken.size);
    const gap = 100 * (quick - worst);
    const bad = gap > THRESHOLDS.worstCase.amber;
    const numbers = `${percentText(quick)} by PGD-${BASELINE_ITERATIONS}, ${percentText(worst)} by all attacks of the check`;
    return {
      figures: [
        figure(`PGD-${BASELINE_ITERATIONS} above the worst case of the check`, gap, 'points', THRESHOLDS.worstCase),
      ],
      finding: bad
        ? `A single PGD-${BASELINE_ITERATIONS} flatters the model by ${pointsText(gap)} (${numbers}).`
        : `A single PGD-${BASELINE_ITERATIONS} is ${pointsText(gap)} above the worst case (${numbers}).`,
      next: bad ? 'Quote no number of one attack: run AutoAttack, and PGD with large steps and many restarts.' : null,
      attack: bad ? { name: 'autoattack', settings: { epsilon } } : null,
    };
  },
};
