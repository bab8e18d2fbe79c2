import type { Catalogue } from '../../shared/domain/catalogue.ts';
import { describeSettings } from '../../shared/domain/settings.ts';
import { trainerSettings } from '../../shared/domain/training.ts';

/** What the registries hold, as data. They bring tfjs with them, so they are loaded on first use. */
export async function readCatalogue(): Promise<Catalogue> {
  const [{ architectureEntries }, { defenceEntries }, { attackEntries, attackPresets }] = await Promise.all([
    import('../compute/models/architectures.ts'),
    import('../compute/defences/registry.ts'),
    import('../compute/attacks/registry.ts'),
  ]);
  return {
    architectures: architectureEntries(),
    defences: defenceEntries(),
    attacks: attackEntries(),
    presets: [...attackPresets],
    trainer: [...describeSettings(trainerSettings)],
  };
}
