import { SQUARE_QUERIES } from './budget.ts';
import { figure, percentText, pointsText } from './item.ts';
import type { MaskingItem } from './item.ts';
import type { Probe } from './probe.ts';
import { THRESHOLDS } from './thresholds.ts';

const RADII: readonly number[] = [0.5, 1];

/** At ε 1 any image can become any other: an attack that cannot break a model there is not working. */
export const largeEpsilon: MaskingItem = {
  item: 'large-epsilon',
  title: 'ε up to its maximum',
  gradients: true,
  weight: 8,
  async run(probe) {
    const { accuracy, epsilon, budget, examples, classes } = probe;
    const largest = Math.max(...countLabels(examples.labels, classes)) / examples.labels.length;
    const left: number[] = [];
    for (const radius of RADII) left.push(accuracy(await standingAt(probe, radius)));
    const [half = 0, full = 0] = left;
    const above = (value: number): number => Math.max(0, 100 * (value - largest));
    const own = accuracy((await probe.longRun()).standing.length);
    const broken = above(full) > 0;
    const grey = above(half) > 0;
    return {
      figures: [
        figure('Above chance at ε 0.5', above(half), 'points', THRESHOLDS.halfEpsilon),
        figure('Above chance at ε 1', above(full), 'points', THRESHOLDS.fullEpsilon),
      ],
      finding: broken
        ? `At ε 1 every image can become any other, and still the attack leaves ${percentText(full)} (chance: ${percentText(largest)}): it does not work on this model, so its numbers at smaller ε mean nothing.`
        : grey
          ? `At ε 0.5 every image can become flat grey, and still the attack leaves ${percentText(half)}, ${pointsText(above(half))} above chance (${percentText(largest)}); at ε 1 it leaves ${percentText(full)}.`
          : `With ε at 0.5 and at 1 the attack leaves no more than chance (${percentText(half)} and ${percentText(full)}; chance: ${percentText(largest)}), as it must.`,
      next:
        broken || grey ? 'Find out why the attack fails: look at the gradients, and attack with Square at ε 1.' : null,
      attack: broken || grey ? { name: 'square', settings: { epsilon: 1, queries: SQUARE_QUERIES } } : null,
      chart: {
        kind: 'curve',
        xLabel: 'ε',
        yLabel: 'Accuracy',
        lines: [
          {
            label: `PGD-${budget.largeEpsilonIterations}, APGD`,
            x: [0, epsilon, ...RADII],
            y: [accuracy(probe.right.length), own, ...left],
          },
          { label: 'Chance', x: [0, 1], y: [largest, largest] },
        ],
      },
    };
  },
};

/** Rows that PGD, and APGD after it, leave at a radius. */
async function standingAt({ attack, budget }: Probe, epsilon: number): Promise<number> {
  const steps = budget.largeEpsilonIterations;
  const pgd = await attack({ name: 'pgd', settings: { epsilon, steps, restarts: 2, stopAtSuccess: true } });
  const settings = { epsilon, steps, loss: 'cross-entropy' };
  return (await attack({ name: 'apgd', settings }, pgd.standing)).standing.length;
}

function countLabels(labels: Int32Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  labels.forEach((label) => (counts[label] = (counts[label] ?? 0) + 1));
  return counts;
}
