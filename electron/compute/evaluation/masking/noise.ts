import { figure, pointsText } from './item.ts';
import type { MaskingItem } from './item.ts';
import { squareAt } from './probe.ts';
import { THRESHOLDS } from './thresholds.ts';

/** Random points of the ball must not break what PGD could not. */
export const noise: MaskingItem = {
  item: 'noise',
  title: 'Random noise',
  gradients: true,
  weight: 8,
  async run(probe) {
    const { accuracy, epsilon, budget } = probe;
    const { standing } = await probe.longRun();
    const run = await probe.attack({ name: 'noise', settings: { epsilon, trials: budget.noiseTrials } }, standing);
    const broken = 100 * accuracy(run.brokenAt.size);
    const bad = broken > THRESHOLDS.noise.amber;
    return {
      figures: [figure(`${budget.noiseTrials} random points break what PGD left`, broken, 'points', THRESHOLDS.noise)],
      finding: bad
        ? `Blind guessing breaks ${pointsText(broken)} that PGD missed: wrong answers are close by, and the gradients do not lead there.`
        : standing.length === 0
          ? 'PGD left no example for random noise to break.'
          : `None of the ${standing.length} examples that PGD left is broken by ${budget.noiseTrials} random points of the ball.`,
      next: bad ? 'Evaluate with Square, and with PGD from hundreds of starts.' : null,
      attack: bad ? squareAt(epsilon) : null,
    };
  },
};
