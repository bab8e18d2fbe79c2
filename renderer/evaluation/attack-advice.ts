import type { Catalogue } from '../../shared/domain/catalogue.ts';
import { flatGreyNote } from '../../shared/domain/epsilon.ts';
import type { SettingField, SettingValue, SettingValues } from '../../shared/domain/settings.ts';

export type Advice =
  | { readonly kind: 'flat-grey'; readonly text: string }
  | { readonly kind: 'out-of-reach'; readonly reach: number; readonly epsilon: number }
  | { readonly kind: 'single-start' };

/**
 * What should be known about these attack settings before the attack is run.
 * @param classes number of classes of the data set, for the share that flat grey leaves.
 */
export function attackAdvice(settings: SettingValues, classes: number): readonly Advice[] {
  const epsilon = positive(settings['epsilon']);
  const steps = positive(settings['steps']);
  const stepSize = positive(settings['stepSize']);
  const restarts = positive(settings['restarts']);
  const grey = epsilon === null ? null : flatGreyNote(epsilon, classes);
  const reach = steps !== null && stepSize !== null ? steps * stepSize : null;
  return [
    ...(grey === null ? [] : [{ kind: 'flat-grey', text: grey } as const]),
    ...(epsilon !== null && reach !== null && reach < epsilon * (1 - 1e-9)
      ? [{ kind: 'out-of-reach', reach, epsilon } as const]
      : []),
    ...(restarts === 1 && settings['randomStart'] !== false ? [{ kind: 'single-start' } as const] : []),
  ];
}

/** The preset's values for an attack's fields, else their defaults; ε is no part of a preset and stays as it is. */
export function presetValues(
  fields: readonly SettingField[],
  preset: SettingValues,
  current: SettingValues = {},
): Record<string, SettingValue> {
  return Object.fromEntries(
    fields.map(({ key, default: usual }) => [
      key,
      preset[key] ?? (key === 'epsilon' ? current[key] : undefined) ?? usual,
    ]),
  );
}

/** Position of the preset that `settings` are, whatever their ε; −1 if they are nobody's. */
export function presetOf(
  attack: string,
  settings: SettingValues,
  presets: Catalogue['presets'],
  fields: readonly SettingField[],
): number {
  return presets.findIndex((preset) => {
    const values = presetValues(fields, preset.settings, settings);
    return preset.attack === attack && Object.entries(values).every(([key, value]) => settings[key] === value);
  });
}

function positive(value: SettingValue | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null;
}
