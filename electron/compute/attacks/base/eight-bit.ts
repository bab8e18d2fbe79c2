import { gatherRows, imageSize } from './examples.ts';
import type { Subject } from './examples.ts';
import { candidateLogits } from './logits.ts';
import type { AttackOptions } from '../options.ts';
import { isHit, predictionOf } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { roundTowards } from './record-trajectory.ts';
import type { AttackSteps } from '../ascent/steps.ts';

/**
 * Notes which successes are still ones once x' is rounded to 8 bits towards x, as an image file would hold it. The
 * perturbation does not grow, so the constraint holds.
 */
export async function judgeAs8Bit(
  steps: AttackSteps,
  subject: Subject,
  outcome: Outcome,
  options: AttackOptions,
): Promise<void> {
  const { images, shape } = options.examples;
  const size = imageSize(shape);
  const rows = [...outcome.succeeded.keys()].filter((row) => outcome.succeeded[row] && outcome.attacked[row]);
  const rounded = rows.map((row) => ({
    image: roundTowards(gatherRows(images, [row], size), gatherRows(outcome.adversarial, [row], size)),
  }));
  const logits = await candidateLogits(steps, subject, rounded, options);
  rows.forEach((row, at) => {
    const prediction = predictionOf(logits, at * outcome.classes, outcome.classes);
    outcome.survives8Bit[row] = isHit(options, row, prediction) ? 1 : 0;
  });
}
