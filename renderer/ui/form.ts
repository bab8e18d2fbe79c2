import type { SettingField, SettingValue, SettingValues } from '../../shared/domain/settings.ts';
import { t } from '../i18n/index.ts';

/** A number as a person would type it: no exponent for everyday sizes, empty for null and NaN. */
export function formatInput(value: number | null): string {
  return value === null || Number.isNaN(value) ? '' : String(value);
}

/** Number in a text field; `8/255` is a quotient, a decimal comma counts as a point. Null when empty, NaN when it is none. */
export function parseNumber(text: string): number | null {
  const trimmed = text.trim().replace(',', '.');
  if (trimmed === '') return null;
  const parts = trimmed.split('/');
  if (parts.length > 2 || parts.some((part) => part.trim() === '')) return Number.NaN;
  const [top, bottom] = parts.map(Number);
  return top === undefined ? Number.NaN : bottom === undefined ? top : top / bottom;
}

/** The defaults of all fields, by key. */
export function defaultValues(fields: readonly SettingField[]): SettingValues {
  return Object.fromEntries(fields.map((field) => [field.key, field.default]));
}

/** What is wrong with a value for its field, as a phrase that follows the field's label; null if nothing is. */
export function fieldProblem(field: SettingField, value: SettingValue | undefined): string | null {
  if (value === undefined || value === null || value === '')
    return field.nullable || field.type === 'text' ? null : t('ui.form.required');
  switch (field.type) {
    case 'number':
    case 'integer': {
      if (typeof value !== 'number' || !Number.isFinite(value)) return t('ui.form.number');
      if (field.type === 'integer' && !Number.isInteger(value)) return t('ui.form.integer');
      if (field.minimum !== undefined && value < field.minimum) return t('ui.form.minimum', { minimum: field.minimum });
      if (field.maximum !== undefined && value > field.maximum) return t('ui.form.maximum', { maximum: field.maximum });
      return null;
    }
    case 'list': {
      const mayBeEmpty = field.nullable || (Array.isArray(field.default) && field.default.length === 0);
      return Array.isArray(value) && value.length === 0 && !mayBeEmpty ? t('ui.form.required') : null;
    }
    case 'boolean':
    case 'choice':
    case 'text':
      return null;
  }
}

/** Problems of all fields by key, without those that have none. */
export function formProblems(fields: readonly SettingField[], values: SettingValues): Readonly<Record<string, string>> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const problem = fieldProblem(field, values[field.key]);
      return problem === null ? [] : [[field.key, problem]];
    }),
  );
}

/** Step of the arrow keys: a hundredth of the range for real numbers, 1 for whole ones. */
export function fieldStep(field: SettingField): number {
  if (field.type === 'integer') return 1;
  const base = typeof field.default === 'number' && field.default > 0 ? field.default : (field.maximum ?? 1);
  return 10 ** Math.floor(Math.log10(base / 5));
}

/**
 * Seeds as people write them: `0-4`, `0, 3, 7`. Null if the text is anything else or names more than `limit` seeds.
 */
export function parseSeeds(text: string, limit = 50): readonly number[] | null {
  const seeds = new Set<number>();
  for (const part of text.split(/[,\s]+/).filter((piece) => piece !== '')) {
    const match = /^(\d{1,9})(?:[-–](\d{1,9}))?$/.exec(part);
    if (!match) return null;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first || last - first >= limit) return null;
    for (let seed = first; seed <= last; seed++) seeds.add(seed);
  }
  return seeds.size === 0 || seeds.size > limit ? null : [...seeds];
}
