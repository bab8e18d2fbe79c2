import type { DefenceEntry } from '../../shared/domain/catalogue.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import type { SettingField, SettingValue, SettingValues } from '../../shared/domain/settings.ts';
import type { ImageShape } from '../../shared/domain/shape.ts';

const same = (a: SettingValue | undefined, b: SettingValue | undefined): boolean =>
  JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/**
 * The settings of another defence: what was changed is kept where the new one has it too, the rest are its defaults. What
 * two defences call the same, such as β, has another default in each.
 */
export function settingsOfNext(
  from: readonly SettingField[],
  values: SettingValues,
  to: readonly SettingField[],
): SettingValues {
  const changed = new Map(
    from.flatMap(({ key, default: standard }) => (same(values[key], standard) ? [] : [[key, values[key]] as const])),
  );
  return Object.fromEntries(to.map(({ key, default: standard }) => [key, changed.get(key) ?? standard]));
}

/** What is usual for grey digits or for photographs, as far as it is not chosen yet; null if there is nothing of it. */
export function recommendedSettings(
  entry: Pick<DefenceEntry, 'recommended'>,
  values: SettingValues,
  [, , channels]: ImageShape,
): { readonly kind: 'digits' | 'photographs'; readonly settings: SettingValues } | null {
  if (!entry.recommended) return null;
  const kind = channels === 3 ? 'photographs' : 'digits';
  const settings = entry.recommended[kind];
  return Object.entries(settings).every(([key, value]) => same(values[key], value)) ? null : { kind, settings };
}

/** Names of the models that examples for such images can be made on; ids where several have one name. */
export function staticModels(
  models: readonly Pick<ModelSummary, 'id' | 'name' | 'foreign' | 'inputShape' | 'classes'>[],
  shape: ImageShape,
  classes: number,
): readonly string[] {
  const fitting = models.filter(
    (model) => !model.foreign && model.inputShape.join() === shape.join() && model.classes === classes,
  );
  return fitting.map(({ id, name }) => (fitting.filter((other) => other.name === name).length > 1 ? id : name));
}
