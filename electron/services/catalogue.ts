import type { Catalogue, CatalogueEntry } from '../../shared/domain/catalogue.ts';
import { shortHash, type ModuleRow } from '../../shared/domain/module.ts';
import { describeSettings } from '../../shared/domain/settings.ts';
import { trainerSettings } from '../../shared/domain/training.ts';

/**
 * What the registries hold, as data, and what modules add to it. The registries bring tfjs with them, so they are loaded
 * on first use.
 */
export async function readCatalogue(modules: readonly ModuleRow[] = []): Promise<Catalogue> {
  const [{ architectureEntries }, { defenceEntries }, { attackEntries, attackPresets }, { mapEntries }] =
    await Promise.all([
      import('../compute/models/architectures.ts'),
      import('../compute/defences/registry.ts'),
      import('../compute/attacks/registry.ts'),
      import('../compute/attention/methods/registry.ts'),
    ]);
  const own = modules.flatMap(({ file, hash, contents }) => (hash === null ? [] : [{ file, hash, contents }]));
  return {
    architectures: architectureEntries(),
    defences: [
      ...defenceEntries(),
      ...own.flatMap(({ contents, ...module }) => contents.defences.map((defence) => marked(defence, module))),
    ],
    attacks: [
      ...attackEntries(),
      ...own.flatMap(({ contents, ...module }) =>
        contents.attacks.map(({ family: _, ...attack }) => ({
          ...marked(attack, module),
          help: `${attack.help}\n\nFrom the module ${module.file} (${shortHash(module.hash)}) of this library.`,
        })),
      ),
    ],
    presets: [...attackPresets],
    trainer: [...describeSettings(trainerSettings)],
    maps: [...mapEntries()],
  };
}

/** An entry that says wherever it is named that it is not built in. */
function marked<E extends CatalogueEntry>(entry: E, module: NonNullable<CatalogueEntry['module']>): E {
  return { ...entry, label: `${entry.label} · module`, module };
}
