import type { Catalogue } from '../../shared/domain/catalogue.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import { presetOf, presetValues } from './attack-advice.ts';

/**
 * An attack in a few words, without its ε: a preset's where it is one (`Square 5,000 queries`), else with its steps, and
 * its starts where they are several (`PGD-200 × 10`). What is not said counts as its default.
 */
export function attackTitle(
  { name, settings }: { readonly name: string; readonly settings: SettingValues },
  { attacks, presets }: Pick<Catalogue, 'attacks' | 'presets'>,
): string {
  const entry = attacks.find((candidate) => candidate.name === name);
  if (!entry) return name;
  const values = presetValues(entry.fields, settings);
  const preset = presets[presetOf(name, values, presets, entry.fields)];
  // `Quick look: PGD-10`: what it is for stands before what it is.
  if (preset) return preset.label.replace(/^[^:]*:\s*/, '');
  const { steps, restarts } = values;
  return [
    typeof steps === 'number' ? `${entry.label}-${steps}` : entry.label,
    ...(typeof restarts === 'number' && restarts > 1 ? [`× ${restarts}`] : []),
  ].join(' ');
}
