import type { CheckFigure, Verdict } from '../../shared/domain/check.ts';
import { t } from '../i18n/index.ts';
import { formatPercent, formatSignificant } from '../ui/format.ts';

/** Tone of a pill for a verdict. */
export const VERDICT_TONES = {
  green: 'ok',
  amber: 'warn',
  red: 'bad',
  unknown: 'neutral',
} as const satisfies Record<Verdict, string>;

/** A figure's value with its unit: `12.5 points`, `3.0 %`, `0.42`; a dash for null. */
export function figureValue(value: number | null, unit: CheckFigure['unit']): string {
  if (value === null) return formatSignificant(null);
  if (unit === 'share') return `${formatPercent(value)} %`;
  const text = formatSignificant(Number(value.toFixed(2)));
  return unit === 'points' ? t('check.points', { n: text }) : text;
}

/** `amber above 5 points, red above 20 points` */
export function figureLimits({ unit, amber, red }: CheckFigure): string {
  const shown = { amber: figureValue(amber, unit), red: figureValue(red, unit) };
  if (amber === null) return red === null ? '' : t('check.redOnly', shown);
  return t(red === null ? 'check.amberOnly' : 'check.limits', shown);
}
