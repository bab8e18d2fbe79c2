import type { ModuleSource } from '../../../shared/domain/module.ts';
import type { Store } from '../../store/store.ts';
import { missing } from '../session.ts';
import { refuseLinkedFolder, requireTrusted } from './trust.ts';

/**
 * What a job host needs to load a module in the version of a hash; none for what is built in. Everything that a job host
 * loads passes here, or through the module service's own question, so this is where trust is asked for.
 * @throws AppError `forbidden` while the library's modules are not trusted, `bad-data` for folders that are links,
 *   `not-found` for a version that this library knows nothing of.
 */
export function moduleSources({ folder, modules }: Store, hash: string | undefined): ModuleSource[] {
  if (hash === undefined) return [];
  requireTrusted(folder.root);
  refuseLinkedFolder(folder.modules);
  const { file } = modules.get(hash) ?? missing('module', hash);
  return [{ file, hash, path: folder.keptModule(hash, file) }];
}
