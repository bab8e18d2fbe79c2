import { BASELINE_ITERATIONS } from './budget.ts';
import { figure, percentText, pointsText } from './item.ts';
import type { MaskingItem } from './item.ts';
import { standingAfter } from './probe.ts';
import { THRESHOLDS } from './thresholds.ts';

/** A single step must not find what many steps miss. */
export const oneStep: MaskingItem = {
  item: 'one-step',
  title: 'One step against many',
  gradients: true,
  weight: 1,
  async run(probe) {
    const { accuracy, epsilon } = probe;
    const many = await probe.longRun();
    const one = await probe.attack({ name: 'fgsm', settings: { epsilon } });
    const only = [...one.brokenAt.keys()].filter((row) => {
      const at = many.brokenAt.get(row);
      return at === undefined || at > BASELINE_ITERATIONS;
    });
    const missed = 100 * accuracy(only.length);
    const left = `${percentText(accuracy(one.standing.length))} are left by FGSM, ${percentText(accuracy(standingAfter(many, BASELINE_ITERATIONS)))} by PGD-${BASELINE_ITERATIONS}`;
    const bad = missed > THRESHOLDS.oneStep.amber;
    return {
      figures: [figure(`FGSM breaks what PGD-${BASELINE_ITERATIONS} left`, missed, 'points', THRESHOLDS.oneStep)],
      finding: bad
        ? `One large step breaks ${pointsText(missed)} that ${BASELINE_ITERATIONS} small ones missed (${left}): the small steps get stuck.`
        : `Many steps find what a single one finds (${left}).`,
      next: bad ? 'Evaluate with steps of ε/4 from 20 starts, and with Square.' : null,
      attack: bad ? { name: 'pgd', settings: { epsilon, steps: 100, stepSize: epsilon / 4, restarts: 20 } } : null,
    };
  },
};
