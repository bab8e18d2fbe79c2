import type { CheckItem, Verdict } from '../../../../shared/domain/check.ts';
import { percentText, worstOf } from './item.ts';

/** Red if any part is, else amber if any is, else unknown if any is: green needs an answer to every part. */
export function overallVerdict(items: readonly CheckItem[]): Verdict {
  return worstOf(items.map(({ verdict }) => verdict));
}

/** The overall verdict in words. */
export function summarise(verdict: Verdict, items: readonly CheckItem[], worst: number): string {
  const named = (wanted: Verdict): string =>
    items
      .filter((item) => item.verdict === wanted)
      .map(({ title }) => title.toLowerCase())
      .join(', ');
  switch (verdict) {
    case 'red':
      return `Do not trust robustness numbers of this model that come from gradient attacks alone: its gradients hide how easily it is fooled (${named('red')}).`;
    case 'amber':
      return `Something needs a closer look before a number is quoted (${named('amber')}). Healthy adversarial training often looks like this; use the stronger attacks that are named below.`;
    case 'unknown':
      if (items.every((item) => item.verdict === 'unknown')) return items[0]?.finding ?? '';
      return `The check could not tell (${named('unknown')}).`;
    case 'green':
      return worst === 0
        ? 'No sign of masked gradients: the attacks see this model clearly, and break it on every image.'
        : 'No sign of masked gradients: stronger, blind and borrowed attacks find hardly more than plain PGD.';
  }
}

/** The same of a model of which there is a forward pass alone. @param left share of the images that stand. */
export function summariseForwardOnly(verdict: Verdict, left: number): string {
  const random =
    verdict === 'red' || verdict === 'amber' ? ' It gives other answers when asked again: it is random.' : '';
  const found =
    left === 0
      ? 'Attacks without gradients break it on every image.'
      : `Attacks without gradients leave ${percentText(left)}; attacks with gradients might leave less.`;
  return `Whether this model hides its gradients cannot be told: of it there is a forward pass alone. ${found}${random}`;
}
