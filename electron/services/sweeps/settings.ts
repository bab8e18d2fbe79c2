import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import type { SettingValue, SettingValues } from '../../../shared/domain/settings.ts';

/** What is said of a training beside settings of the trainer, the architecture and the defence. */
const CHOICES = ['architecture', 'defence', 'initial', 'freeze'] as const;

const keysOf = (entry: { readonly fields: readonly { readonly key: string }[] } | undefined): string[] =>
  entry?.fields.map(({ key }) => key) ?? [];

/** Every key that means something with one of these architectures and defences. */
export function vocabularyOf(
  { architectures, defences, trainer }: Catalogue,
  usedArchitectures: readonly string[],
  usedDefences: readonly string[],
): string[] {
  return [
    ...CHOICES,
    ...keysOf({ fields: trainer }),
    ...architectures.filter(({ name }) => usedArchitectures.includes(name)).flatMap(keysOf),
    ...defences.filter(({ name }) => usedDefences.includes(name)).flatMap(keysOf),
  ];
}

/** A training's settings, each where it belongs; what neither its architecture nor its defence has is left out. */
export interface PlacedSettings {
  readonly architecture: string;
  readonly defence: string;
  readonly initial: string | null;
  readonly freeze: readonly string[] | null;
  readonly trainer: SettingValues;
  readonly architectureSettings: SettingValues;
  readonly defenceSettings: SettingValues;
}

export function placeSettings(
  settings: SettingValues,
  { architectures, defences, trainer }: Catalogue,
): PlacedSettings {
  const { architecture = '', defence = '', initial, freeze } = settings;
  const trainerKeys = keysOf({ fields: trainer });
  const architectureKeys = keysOf(architectures.find(({ name }) => name === architecture));
  const defenceKeys = keysOf(defences.find(({ name }) => name === defence));
  const pick = (keep: (key: string) => boolean): SettingValues =>
    Object.fromEntries(Object.entries(settings).filter(([key]) => keep(key)));
  const ofArchitecture = (key: string): boolean => !trainerKeys.includes(key) && architectureKeys.includes(key);
  return {
    architecture: String(architecture),
    defence: String(defence),
    initial: typeof initial === 'string' ? initial : null,
    freeze: isList(freeze) ? freeze : null,
    trainer: pick((key) => trainerKeys.includes(key)),
    architectureSettings: pick(ofArchitecture),
    defenceSettings: pick((key) => !trainerKeys.includes(key) && !ofArchitecture(key) && defenceKeys.includes(key)),
  };
}

function isList(value: SettingValue | undefined): value is readonly string[] {
  return Array.isArray(value);
}

/** All of it side by side again. */
export function flatOf(placed: PlacedSettings): SettingValues {
  const { architecture, defence, initial, freeze, trainer, architectureSettings, defenceSettings } = placed;
  return {
    architecture,
    defence,
    ...(initial !== null && { initial }),
    ...(freeze !== null && { freeze }),
    ...trainer,
    ...architectureSettings,
    ...defenceSettings,
  };
}
