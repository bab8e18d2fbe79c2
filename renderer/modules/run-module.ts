import type { CatalogueEntry } from '../../shared/domain/catalogue.ts';
import { shortHash } from '../../shared/domain/module.ts';
import type { TrainConfig } from '../../shared/domain/training.ts';
import { t } from '../i18n/index.ts';

/** The module that a run's defence comes from, with its version; empty for a built-in defence. */
export function moduleText(
  { defence, defenceModule }: Pick<TrainConfig, 'defence' | 'defenceModule'>,
  defences: readonly Pick<CatalogueEntry, 'name' | 'module'>[],
): string {
  if (defenceModule === undefined) return '';
  const version = shortHash(defenceModule);
  const now = defences.find(({ name, module }) => name === defence && module?.hash === defenceModule)?.module;
  return now ? t('modules.version', { file: now.file, version }) : t('modules.otherVersion', { version });
}
