import { figure, percentText } from './item.ts';
import type { MaskingItem } from './item.ts';
import { REPEATED_WITHIN, THRESHOLDS } from './thresholds.ts';

/** A model that answers differently each time is attacked in vain along the gradient of one answer. */
export const repeatable: MaskingItem = {
  item: 'repeatable',
  title: 'The same answer twice',
  gradients: false,
  weight: 1,
  async run({ examples, logits, classes, epsilon, subject }) {
    const count = examples.labels.length;
    const [one, other] = [await logits(examples.images, count), await logits(examples.images, count)];
    const differing = Array.from({ length: count }, (_, row) => {
      const mine = one.subarray(row * classes, (row + 1) * classes);
      const range = Math.max(...mine) - Math.min(...mine);
      return mine.some((value, at) => !(Math.abs(value - (other[row * classes + at] ?? 0)) <= REPEATED_WITHIN * range));
    }).filter(Boolean).length;
    const share = differing / count;
    return {
      figures: [figure('Examples whose logits differ between two passes', share, 'share', THRESHOLDS.unrepeatable)],
      finding:
        share > 0
          ? `The model gives ${percentText(share)} of the images other logits when asked again: it is random, and a gradient of one answer says little about the next.`
          : 'Asked twice, the model gives the same logits.',
      next:
        share > 0
          ? 'Average gradients over many passes (expectation over transformations; AutoAttack rand does), and count an example as robust only if it stands on average.'
          : null,
      attack: share > 0 && !subject.predictor ? { name: 'autoattack', settings: { epsilon, version: 'rand' } } : null,
    };
  },
};
