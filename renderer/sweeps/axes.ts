import type { SettingField, SettingValue } from '../../shared/domain/settings.ts';
import { parseList } from '../evaluation/plan/plan-form.ts';

/** Values of one setting, each of which is trained: as typed, or names that are chosen. */
export interface SweepAxis {
  readonly key: string;
  readonly text: string;
  readonly chosen: readonly string[];
}

/** Names that the values of a setting are chosen from; null: they are typed. */
export function axisOptions(
  key: string,
  field: SettingField | undefined,
  names: { readonly architecture: readonly string[]; readonly defence: readonly string[] },
): readonly string[] | null {
  if (key === 'architecture' || key === 'defence') return names[key];
  if (field?.type === 'boolean') return ['yes', 'no'];
  return field?.type === 'choice' ? (field.choices ?? []) : null;
}

/** The values of an axis; null if what is typed is none of the setting's. Members of a list are joined by `+`. */
export function axisValues(axis: SweepAxis, field: SettingField | undefined): readonly SettingValue[] | null {
  const { key, text, chosen } = axis;
  if (key === 'architecture' || key === 'defence' || field?.type === 'choice') return orNull(chosen);
  if (field?.type === 'boolean') return orNull(chosen.map((name) => name === 'yes'));
  if (field?.type === 'number' || field?.type === 'integer') {
    const numbers = parseList(text);
    const whole = field.type === 'number' || (numbers?.every(Number.isInteger) ?? false);
    return numbers && whole ? orNull(numbers) : null;
  }
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return orNull<SettingValue>(
    field?.type === 'list' ? parts.map((part) => part.split('+').map((name) => name.trim())) : parts,
  );
}

const orNull = <T>(values: readonly T[]): readonly T[] | null => (values.length > 0 ? values : null);

/** An axis with these values, to be edited. */
export function axisOf(key: string, values: readonly SettingValue[]): SweepAxis {
  const texts = values.map((value) =>
    typeof value === 'boolean' ? (value ? 'yes' : 'no') : Array.isArray(value) ? value.join(' + ') : String(value),
  );
  return { key, text: texts.join(', '), chosen: texts };
}
