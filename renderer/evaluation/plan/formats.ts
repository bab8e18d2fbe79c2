import { t } from '../../i18n/index.ts';

/** Formats of tables and of figures, the usual one first. */
export const TABLE_FORMATS = [
  { key: 'csv', label: t('evaluation.csv') },
  { key: 'latex', label: t('evaluation.latex') },
] as const;
export const FIGURE_FORMATS = [
  { key: 'svg', label: 'SVG' },
  { key: 'pdf', label: 'PDF' },
  { key: 'png', label: 'PNG' },
] as const;

export function isFigureFormat(format: string): format is (typeof FIGURE_FORMATS)[number]['key'] {
  return FIGURE_FORMATS.some(({ key }) => key === format);
}
