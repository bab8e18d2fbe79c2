import { imageSize } from '../../attacks/base/examples.ts';
import { inputGradients } from './input-gradients.ts';
import { figure, percentText } from './item.ts';
import type { MaskingItem } from './item.ts';
import { squareAt } from './probe.ts';
import { THRESHOLDS, VANISHING } from './thresholds.ts';

/** Attacks follow the input gradient of the cross-entropy: where it is 0 or not a number they stand still. */
export const gradients: MaskingItem = {
  item: 'gradients',
  title: 'Gradients',
  gradients: true,
  weight: 1,
  async run(probe) {
    const { right, examples } = probe;
    const size = imageSize(examples.shape);
    const entropy = largestEntries(await inputGradients(probe, 'cross-entropy', right), size);
    const share = (matches: (largest: number) => boolean): number => entropy.filter(matches).length / right.length;
    const dead = share((largest) => largest === 0 || !Number.isFinite(largest));
    const vanishing = share((largest) => largest > 0 && largest < VANISHING);
    const bad = dead > THRESHOLDS.zeroGradients.amber || vanishing > THRESHOLDS.vanishingGradients.amber;
    const margin = bad ? largestEntries(await inputGradients(probe, 'margin', right), size) : [];
    const alive = margin.filter((largest) => largest > 0 && Number.isFinite(largest)).length / right.length;
    const saturated = alive > 0.5;
    return {
      figures: [
        figure('Zero or non-finite gradients', dead, 'share', THRESHOLDS.zeroGradients),
        figure(`Vanishing gradients (below ${VANISHING})`, vanishing, 'share', THRESHOLDS.vanishingGradients),
      ],
      finding: !bad
        ? `The loss has a usable gradient at ${percentText(1 - dead - vanishing)} of the images.`
        : saturated
          ? `At ${percentText(dead + vanishing)} of the images the cross-entropy has no usable gradient, but differences of logits have one at ${percentText(alive)}: the probabilities are saturated, so that PGD on them stands still.`
          : `At ${percentText(dead + vanishing)} of the images no loss has a usable gradient: the model has a part that is flat or cannot be differentiated, and gradient attacks stand still.`,
      next: !bad
        ? null
        : saturated
          ? 'Attack differences of logits instead of the cross-entropy: APGD-DLR, C&W, AutoAttack.'
          : 'Attack with Square, and with a smooth stand-in for the part without gradients in the backward pass (BPDA).',
      attack: !bad
        ? null
        : saturated && probe.classes > 2
          ? { name: 'apgd', settings: { epsilon: probe.epsilon, loss: 'dlr', restarts: 5 } }
          : squareAt(probe.epsilon),
    };
  },
};

/** The largest |entry| of each row; NaN where one is not a number. */
function largestEntries(gradients: Float32Array, size: number): number[] {
  return Array.from({ length: gradients.length / size }, (_, row) => {
    let largest = 0;
    for (let at = row * size; at < (row + 1) * size; at += 1) {
      const entry = Math.abs(gradients[at] ?? 0);
      if (!(entry <= largest)) largest = entry;
      if (Number.isNaN(entry)) return Number.NaN;
    }
    return largest;
  });
}
